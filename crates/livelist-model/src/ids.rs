//! Typed names: MLS, client, resource, feed, run. A name is validated once, when it enters the
//! system. After that it is safe in object keys, execution names and URLs. Depends on nothing but
//! serde and sha2.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Why a name is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not valid: {reason}")]
pub struct NameError {
    what: &'static str,
    value: String,
    reason: String,
}

/// At most this many characters for an MLS, a client or a resource: a run id made of them has to
/// fit the 80 characters of a Step Functions execution name.
pub const MAX_NAME: usize = 24;

fn lower_name(what: &'static str, value: &str) -> Result<(), NameError> {
    let bad = |reason: &str| {
        Err(NameError {
            what,
            value: value.chars().take(80).collect(),
            reason: reason.to_owned(),
        })
    };
    if value.is_empty() || value.len() > MAX_NAME {
        return bad("use 1 to 24 characters");
    }
    if !value
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    {
        return bad("use lower-case letters, digits, `-` and `_` only");
    }
    if !value.as_bytes()[0].is_ascii_alphanumeric() {
        return bad("begin with a letter or a digit");
    }
    Ok(())
}

fn resource_name(what: &'static str, value: &str) -> Result<(), NameError> {
    let valid = !value.is_empty()
        && value.len() <= MAX_NAME
        && value.as_bytes()[0].is_ascii_alphabetic()
        && value.bytes().all(|b| b.is_ascii_alphanumeric());
    if valid {
        return Ok(());
    }
    Err(NameError {
        what,
        value: value.chars().take(80).collect(),
        reason: "a RESO resource is a name such as `Property`, at most 24 letters and digits"
            .to_owned(),
    })
}

fn composed_name(what: &'static str, value: &str) -> Result<(), NameError> {
    let valid = !value.is_empty()
        && value.len() <= 80
        && value.as_bytes()[0].is_ascii_alphanumeric()
        && value
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if valid {
        return Ok(());
    }
    Err(NameError {
        what,
        value: value.chars().take(80).collect(),
        reason: "use at most 80 lower-case letters, digits, `-` and `_`".to_owned(),
    })
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(value: &str) -> Result<Self, NameError> {
                $check($what, value)?;
                Ok(Self(value.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(value: String) -> Result<Self, NameError> {
                $check($what, &value)?;
                Ok(Self(value))
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// An MLS as the registry names it, e.g. `abor`.
    MlsId, "MLS", lower_name
);
name!(
    /// A client (a customer, a website), e.g. `acme`.
    ClientId, "client", lower_name
);
name!(
    /// A replication: the records of one MLS that are copied, e.g. `abor`.
    ReplicationId, "replication", lower_name
);
name!(
    /// A destination: a copy of records that is kept, e.g. `site-db`.
    DestinationId, "destination", lower_name
);
name!(
    /// A RESO resource, e.g. `Property` (Data Dictionary, resource names).
    ResourceName, "resource", resource_name
);
name!(
    /// A feed: what one credential sees of one MLS through one filter, e.g. `abor-property-1f0c9a2b`.
    FeedId, "feed", composed_name
);
name!(
    /// One reconciliation of one feed: the date and the feed, and a number from the second attempt on.
    RunId, "run", composed_name
);

impl FeedId {
    /// The id of the feed that `credential` sees of `mls` through `filter`: readable, stable, and
    /// the same for all pairs that may share a scan.
    ///
    /// ```
    /// use livelist_model::{FeedId, RunId};
    ///
    /// let (mls, resource) = ("abor".parse()?, "Property".parse()?);
    /// let all = FeedId::of(&mls, &resource, "ssm:/livelist/mls/abor", None);
    /// let active = FeedId::of(&mls, &resource, "ssm:/livelist/mls/abor", Some("StandardStatus eq 'Active'"));
    /// assert!(all.as_str().starts_with("abor-property-"));
    /// assert_ne!(all, active, "another filter is another feed");
    ///
    /// let run = RunId::of(jiff::civil::date(2026, 11, 21), &all);
    /// assert_eq!(run.as_str(), format!("2026-11-21-{all}"));
    /// # Ok::<(), livelist_model::NameError>(())
    /// ```
    pub fn of(
        mls: &MlsId,
        resource: &ResourceName,
        credential: &str,
        filter: Option<&str>,
    ) -> FeedId {
        let mut hash = Sha256::new();
        hash.update(credential.as_bytes());
        hash.update([0]);
        hash.update(filter.unwrap_or("").trim().as_bytes());
        let digest = hex::encode(&hash.finalize()[..4]);
        FeedId(format!(
            "{mls}-{}-{digest}",
            resource.as_str().to_ascii_lowercase()
        ))
    }
}

impl RunId {
    /// The run of `feed` on `date`.
    pub fn of(date: jiff::civil::Date, feed: &FeedId) -> RunId {
        RunId(format!("{date}-{feed}"))
    }

    /// The `nth` attempt of a run on the same day (0 is the run itself): what one machine does when
    /// it is asked twice a day.
    pub fn attempt(&self, nth: u32) -> RunId {
        if nth == 0 {
            self.clone()
        } else {
            RunId(format!("{}-r{}", self.0, nth + 1))
        }
    }

    /// Whether this is `first`, or another attempt of it.
    pub fn is_attempt_of(&self, first: &RunId) -> bool {
        let behind = self.0.strip_prefix(first.as_str());
        behind.is_some_and(|behind| {
            let nth = behind
                .strip_prefix("-r")
                .and_then(|nth| nth.parse::<u32>().ok());
            behind.is_empty()
                || nth.is_some_and(|nth| first.attempt(nth.saturating_sub(1)) == *self)
        })
    }

    /// The name of the execution that carries on this run for the `nth` time (0 is the run itself).
    /// Step Functions keeps execution names unique for 90 days, so a continuation needs its own.
    pub fn execution(&self, nth: u32) -> String {
        if nth == 0 {
            self.0.clone()
        } else {
            format!("{}--{}", self.0, nth + 1)
        }
    }

    /// The run that an execution of this name carries on; `None` if it is no such name.
    pub fn of_execution(name: &str) -> Option<RunId> {
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let first = name
            .rsplit_once("--")
            .filter(|(_, nth)| !nth.is_empty() && is_number(nth));
        first.map_or(name, |(run, _)| run).parse().ok()
    }

    /// The date in the run's name.
    pub fn date(&self) -> Option<jiff::civil::Date> {
        self.0.get(..10)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(filter: Option<&str>) -> FeedId {
        FeedId::of(
            &"abor".parse().unwrap(),
            &"Property".parse().unwrap(),
            "ssm:/livelist/mls/abor",
            filter,
        )
    }

    #[test]
    fn a_feed_id_is_readable_and_depends_on_credential_and_filter() {
        let all = feed(None);
        assert!(all.as_str().starts_with("abor-property-"));
        assert_eq!(all.as_str().len(), "abor-property-".len() + 8);
        assert_eq!(all, feed(Some(" ")));
        assert_ne!(all, feed(Some("StandardStatus eq 'Active'")));
    }

    #[test]
    fn the_longest_names_fit_an_execution_name() {
        let long = "a".repeat(MAX_NAME);
        let feed = FeedId::of(
            &long.parse().unwrap(),
            &"R".repeat(MAX_NAME).parse().unwrap(),
            "env:X",
            None,
        );
        let run = RunId::of(jiff::civil::date(2026, 11, 21), &feed);
        assert!(run.execution(9_998).len() <= 80, "{}", run.execution(9_998));
        assert_eq!(run.date(), Some(jiff::civil::date(2026, 11, 21)));
    }

    #[test]
    fn names_that_could_escape_a_folder_are_refused() {
        for bad in ["", "../x", "a/b", "A", "a b", "-a", &"a".repeat(25)] {
            assert!(bad.parse::<MlsId>().is_err(), "{bad:?}");
        }
        assert!("Property;drop".parse::<ResourceName>().is_err());
    }
}
