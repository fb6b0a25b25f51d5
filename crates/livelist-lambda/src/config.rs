//! Reads the configuration from the environment, once: which function this is and its settings.

use std::time::Duration;

/// The filter of the log, as `tracing` writes them.
pub const LOG: &str = "LIVELIST_LOG";

const HANDLER: &str = "_HANDLER";
const BUCKET: &str = "LIVELIST_BUCKET";
const QUEUE_URL: &str = "LIVELIST_QUEUE_URL";
const DLQ_URL: &str = "LIVELIST_DLQ_URL";
const MACHINE_ARN: &str = "LIVELIST_MACHINE_ARN";
const KEY_ID: &str = "LIVELIST_KEY_ID";
const OUTBOX_URL: &str = "LIVELIST_OUTBOX_URL";
const NOTIFY_LOOPBACK: &str = "LIVELIST_NOTIFY_LOOPBACK";
/// The namespace of the metrics; without it there are none.
const METRICS: &str = "LIVELIST_METRICS";
const METRICS_PER_MLS: &str = "LIVELIST_METRICS_PER_MLS";
/// Whether the operators' page is deployed beside the API.
const DASHBOARD: &str = "LIVELIST_DASHBOARD";
const SCAN_SECONDS: &str = "LIVELIST_SCAN_SECONDS";
const PAIRS_PER_SECOND: &str = "LIVELIST_PAIRS_PER_SECOND";

const DEFAULT_SCAN: Duration = Duration::from_secs(600);

/// The functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Sends the pairs that are due.
    Planner,
    /// Starts runs.
    Worker,
    /// Takes a credential.
    Acquire,
    /// Gets a token.
    Authorize,
    /// Reads live keys.
    Scan,
    /// Compares a scan with the list before.
    Compare,
    /// Asks for absent keys.
    Confirm,
    /// Publishes or holds.
    Publish,
    /// Gives a credential back.
    Release,
    /// The sites' API.
    Api,
    /// Webhooks to the sites.
    Notify,
    /// The operators' dashboard.
    Admin,
    /// Sends the syncs that are due.
    Syncs,
    /// One sync: an MLS's records into their log.
    Pull,
    /// A log into one copy. It is in the second artifact, with the drivers of databases.
    Apply,
}

impl Function {
    /// Every function by the name that `_HANDLER` gives it.
    pub const ALL: [(&str, Function); 15] = [
        ("planner", Function::Planner),
        ("worker", Function::Worker),
        ("acquire", Function::Acquire),
        ("authorize", Function::Authorize),
        ("scan", Function::Scan),
        ("compare", Function::Compare),
        ("confirm", Function::Confirm),
        ("publish", Function::Publish),
        ("release", Function::Release),
        ("api", Function::Api),
        ("notify", Function::Notify),
        ("admin", Function::Admin),
        ("syncs", Function::Syncs),
        ("pull", Function::Pull),
        ("apply", Function::Apply),
    ];

    /// The variables that the function requires besides the bucket. Other functions do not have them,
    /// because they may not use those resources.
    fn needs(self) -> &'static [&'static str] {
        match self {
            Function::Planner | Function::Notify | Function::Syncs | Function::Pull => {
                &[QUEUE_URL, DLQ_URL]
            }
            Function::Worker => &[QUEUE_URL, DLQ_URL, MACHINE_ARN],
            Function::Authorize | Function::Scan | Function::Confirm => &[KEY_ID],
            Function::Publish => &[OUTBOX_URL],
            Function::Admin => &[QUEUE_URL, DLQ_URL, OUTBOX_URL],
            _ => &[],
        }
    }
}

/// The names of all functions, for messages.
fn known() -> String {
    Function::ALL.map(|(name, _)| name).join(", ")
}

/// An error in the environment. Operators correct it in the template.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The handler is not one of ours.
    #[error("the function's handler {0:?} is not known; it is one of {known}", known = known())]
    UnknownHandler(String),
    /// A variable is not set.
    #[error("{variable} is not set; the function {function} needs it")]
    Missing {
        /// Which.
        variable: &'static str,
        /// Who needs it.
        function: String,
    },
    /// A variable has a wrong value.
    #[error("{variable} is {value:?}; it has to be {expected}")]
    Invalid {
        /// Which.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is right.
        expected: &'static str,
    },
}

/// The environment, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Which function this is.
    pub function: Function,
    pub(crate) bucket: String,
    pub(crate) queue_url: Option<String>,
    pub(crate) dead_letter_url: Option<String>,
    pub(crate) machine_arn: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) outbox_url: Option<String>,
    /// Whether notices may be sent to this machine: on the local stack.
    pub(crate) notify_loopback: bool,
    /// The namespace of the metrics.
    pub(crate) metrics: Option<String>,
    /// Whether there are metrics of each MLS besides the totals.
    pub(crate) metrics_per_mls: bool,
    /// Whether the API also serves the dashboard.
    pub(crate) has_dashboard: bool,
    /// A scan or confirm task ends and hands on after this time.
    pub(crate) scan_time: Duration,
    /// The planner lets this many pairs start per second.
    pub(crate) pairs_a_second: Option<u32>,
}

impl Config {
    /// Reads the variables through `get`.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
        // A template writes an empty variable for a value that it does not have.
        let get = |name| get(name).filter(|value| !value.trim().is_empty());
        let handler = get(HANDLER).unwrap_or_default();
        let function = Function::ALL.into_iter().find(|(name, _)| *name == handler);
        let Some((_, function)) = function else {
            return Err(ConfigError::UnknownHandler(handler));
        };
        let needed = |variable| {
            get(variable).ok_or_else(|| ConfigError::Missing {
                variable,
                function: handler.clone(),
            })
        };
        for variable in function.needs() {
            needed(variable)?;
        }
        Ok(Config {
            function,
            bucket: needed(BUCKET)?,
            queue_url: get(QUEUE_URL),
            dead_letter_url: get(DLQ_URL),
            machine_arn: get(MACHINE_ARN),
            key_id: get(KEY_ID),
            outbox_url: get(OUTBOX_URL),
            notify_loopback: yes_or_no(NOTIFY_LOOPBACK, get(NOTIFY_LOOPBACK))?,
            metrics: get(METRICS),
            metrics_per_mls: yes_or_no(METRICS_PER_MLS, get(METRICS_PER_MLS))?,
            has_dashboard: yes_or_no(DASHBOARD, get(DASHBOARD))?,
            scan_time: whole(SCAN_SECONDS, get(SCAN_SECONDS))?
                .map_or(DEFAULT_SCAN, |seconds| Duration::from_secs(seconds.into())),
            pairs_a_second: whole(PAIRS_PER_SECOND, get(PAIRS_PER_SECOND))?,
        })
    }
}

/// `no` by default.
fn yes_or_no(variable: &'static str, value: Option<String>) -> Result<bool, ConfigError> {
    match value.as_deref() {
        None | Some("no") => Ok(false),
        Some("yes") => Ok(true),
        Some(value) => Err(ConfigError::Invalid {
            variable,
            value: value.to_owned(),
            expected: "yes or no",
        }),
    }
}

/// A whole number, at least 1; `None` if not given.
fn whole(variable: &'static str, value: Option<String>) -> Result<Option<u32>, ConfigError> {
    let Some(value) = value else { return Ok(None) };
    match value.trim().parse() {
        Ok(number @ 1..) => Ok(Some(number)),
        _ => Err(ConfigError::Invalid {
            variable,
            value,
            expected: "a whole number, at least 1",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::read(|name| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_function_is_told_what_it_needs_and_no_more() {
        let config = read(&[(HANDLER, "compare"), (BUCKET, "b"), (QUEUE_URL, "")]).unwrap();
        assert_eq!(config.function, Function::Compare);
        assert_eq!(config.queue_url, None);
        assert_eq!(config.scan_time, DEFAULT_SCAN);
        let missing = read(&[(HANDLER, "worker"), (BUCKET, "b"), (QUEUE_URL, "q")]);
        assert_eq!(
            missing.unwrap_err().to_string(),
            "LIVELIST_DLQ_URL is not set; the function worker needs it"
        );
        let missing = read(&[(HANDLER, "api")]);
        assert_eq!(
            missing.unwrap_err().to_string(),
            "LIVELIST_BUCKET is not set; the function api needs it"
        );
    }

    #[test]
    fn an_unknown_handler_is_told_the_known_ones() {
        for unknown in ["", "index.handler", "Scan"] {
            let error = read(&[(HANDLER, unknown), (BUCKET, "b")]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the function's handler {unknown:?} is not known; it is one of planner, \
                     worker, acquire, authorize, scan, compare, confirm, publish, release, api, \
                     notify, admin, syncs, pull, apply"
                )
            );
        }
    }

    #[test]
    fn the_time_of_a_scan_is_a_whole_number() {
        let of = |value| read(&[(HANDLER, "release"), (BUCKET, "b"), (SCAN_SECONDS, value)]);
        assert_eq!(of("30").unwrap().scan_time, Duration::from_secs(30));
        for wrong in ["0", "-1", "ten", "1.5"] {
            assert_eq!(
                of(wrong).unwrap_err().to_string(),
                format!(
                    "LIVELIST_SCAN_SECONDS is {wrong:?}; it has to be a whole number, at least 1"
                )
            );
        }
    }

    #[test]
    fn the_planner_is_told_how_many_pairs_start_in_a_second() {
        let planner = [
            (HANDLER, "planner"),
            (BUCKET, "b"),
            (QUEUE_URL, "q"),
            (DLQ_URL, "d"),
        ];
        let of = |more: &[(&str, &str)]| read(&[&planner[..], more].concat());
        assert_eq!(of(&[]).unwrap().pairs_a_second, None);
        let told = of(&[(PAIRS_PER_SECOND, "35")]).unwrap();
        assert_eq!(told.pairs_a_second, Some(35));
        assert!(of(&[(PAIRS_PER_SECOND, "0")]).is_err());
    }

    #[test]
    fn notices_go_to_this_machine_only_where_somebody_said_so() {
        let of = |value| {
            let (queue, dead) = ((QUEUE_URL, "q"), (DLQ_URL, "d"));
            let loopback = (NOTIFY_LOOPBACK, value);
            read(&[(HANDLER, "notify"), (BUCKET, "b"), queue, dead, loopback])
        };
        assert!(!of("").unwrap().notify_loopback);
        assert!(!of("no").unwrap().notify_loopback);
        assert!(of("yes").unwrap().notify_loopback);
        assert_eq!(
            of("true").unwrap_err().to_string(),
            "LIVELIST_NOTIFY_LOOPBACK is \"true\"; it has to be yes or no"
        );
    }

    #[test]
    fn metrics_of_each_mls_are_asked_for() {
        let of = |variables: &[(&str, &str)]| {
            read(&[&[(HANDLER, "release"), (BUCKET, "b")], variables].concat()).unwrap()
        };
        assert_eq!(of(&[]).metrics, None);
        let config = of(&[(METRICS, "Livelist/x"), (METRICS_PER_MLS, "yes")]);
        assert_eq!(config.metrics.as_deref(), Some("Livelist/x"));
        assert!(config.metrics_per_mls);
        assert!(!of(&[(METRICS, "Livelist/x")]).metrics_per_mls);
    }

    #[test]
    fn functions_are_named_after_their_steps() {
        let names = Function::ALL.map(|(name, _)| name);
        // The planner's step is `plan`, and the worker's comes after it.
        assert_eq!(names[2..9], livelist_steps::step::NAMES[1..]);
    }
}
