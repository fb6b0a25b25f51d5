//! The arguments for places: directories on one machine, or a deployment's name.

use std::path::PathBuf;

use clap::Args;

/// Where documents of the registry are.
#[derive(Debug, Clone, Args)]
pub struct SourceArgs {
    /// One machine: the directory that holds `mls/` and `clients/`.
    #[arg(
        long,
        value_name = "DIR",
        env = "LIVELIST_REGISTRY",
        required_unless_present = "stack",
        conflicts_with = "stack"
    )]
    pub registry: Option<PathBuf>,
    /// AWS: the deployment's name.
    #[arg(long, value_name = "NAME", env = "LIVELIST_STACK")]
    pub stack: Option<String>,
}

/// Where data is.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// The directory with snapshots and runs.
    #[arg(long, value_name = "DIR", env = "LIVELIST_DATA")]
    pub data: PathBuf,
}

/// Where Livelist runs.
#[derive(Debug, Clone, Args)]
pub struct PlaceArgs {
    /// One machine: the directory with snapshots and runs.
    #[arg(
        long,
        value_name = "DIR",
        env = "LIVELIST_DATA",
        required_unless_present = "stack",
        conflicts_with = "stack"
    )]
    pub data: Option<PathBuf>,
    /// One machine: the directory that holds `mls/` and `clients/`.
    #[arg(
        long,
        value_name = "DIR",
        env = "LIVELIST_REGISTRY",
        conflicts_with = "stack"
    )]
    pub registry: Option<PathBuf>,
    /// AWS: the deployment's name. Region and credentials are those of AWS's variables or profile.
    #[arg(long, value_name = "NAME", env = "LIVELIST_STACK")]
    pub stack: Option<String>,
}

/// Where the registry is.
#[derive(Debug, Clone, Args)]
pub struct RegistryArgs {
    /// The directory that holds `mls/` and `clients/`.
    #[arg(long, value_name = "DIR", env = "LIVELIST_REGISTRY")]
    pub registry: PathBuf,
}

/// What a command that is printed needs besides, so that it works when it is pasted: nothing that the
/// environment says already.
#[derive(Debug, Default)]
pub struct Flags {
    /// For a verb that works on data.
    pub data: String,
    /// For one that reads the registry alone.
    pub registry: String,
    /// For one that does both.
    pub both: String,
}

impl PlaceArgs {
    /// The flags that lead to the same place.
    pub fn flags(&self, environment: &[(String, String)]) -> Flags {
        let flag = |name: &str, variable: &str, value: &str| {
            let is_told = environment.iter().any(|(n, v)| n == variable && v == value);
            match is_told {
                true => String::new(),
                false => format!(" --{name} {}", quoted(value)),
            }
        };
        if let Some(stack) = &self.stack {
            let stack = flag("stack", "LIVELIST_STACK", stack);
            return Flags {
                data: stack.clone(),
                registry: stack.clone(),
                both: stack,
            };
        }
        let path = |path: &Option<PathBuf>, name, variable| {
            let text = path.as_ref().map(|path| path.display().to_string());
            text.map_or_else(String::new, |text| flag(name, variable, &text))
        };
        let data = path(&self.data, "data", "LIVELIST_DATA");
        let registry = path(&self.registry, "registry", "LIVELIST_REGISTRY");
        Flags {
            both: format!("{registry}{data}"),
            data,
            registry,
        }
    }
}

/// As a shell reads it.
fn quoted(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./,:+@%=".contains(&b);
    match !text.is_empty() && text.bytes().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_pasted() {
        assert_eq!(quoted("/var/lib/livelist"), "/var/lib/livelist");
        assert_eq!(quoted("my data"), "'my data'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        let place = PlaceArgs {
            data: Some("data dir".into()),
            registry: Some("registry".into()),
            stack: None,
        };
        let known = [("LIVELIST_REGISTRY".to_owned(), "registry".to_owned())];
        let flags = place.flags(&known);
        assert_eq!(
            (flags.data.as_str(), flags.registry.as_str()),
            (" --data 'data dir'", "")
        );
        assert_eq!(flags.both, " --data 'data dir'");
    }
}
