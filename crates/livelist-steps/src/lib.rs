//! The steps of a run. Each file is one step: its NAME, its typed Input and Output, and
//! `run(env, input)`; Lambda, the command and the tests call the same function.
//!
//! Depends on the model (what to decide), the RESO client (how to ask) and the ports (where to
//! keep). Never on AWS, the environment or the wall clock.
//!
//! Two days of a feed, with everything in memory and a simulated MLS:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use livelist_mls::{MlsSpec, Provider, Simulator};
//! use livelist_model::layout;
//! use livelist_model::registry::{Pair, parse_mls};
//! use livelist_model::run::{FeedSpec, RunSpec};
//! use livelist_reso::{Dialects, HttpTransport};
//! use livelist_steps::chain::{Ended, reconcile};
//! use livelist_steps::publish::Outcome;
//! use livelist_steps::Env;
//! use livelist_store::memory::*;
//! use livelist_store::{Clock, Condition, Objects, Retention};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let spec = MlsSpec::new("abor", Provider::Bridge, 300);
//! let secret = spec.credential.members().to_string();
//! let simulator = Simulator::start(vec![spec]).await?;
//! let mls = simulator.control("abor").unwrap();
//!
//! let objects = Arc::new(MemoryObjects::new());
//! let clock = Arc::new(ManualClock::at("2026-11-21T04:00:00Z".parse()?));
//! let secrets = MemorySecrets::default();
//! secrets.set("ssm:/abor".parse()?, secret);
//! let env = Env {
//!     secrets: Arc::new(secrets),
//!     ..Env::in_memory(objects.clone(), clock.clone(), Arc::new(HttpTransport::new()))?
//! };
//!
//! // The registry: a token goes only where this document says.
//! let text = format!(
//!     r#"{{"mls": "abor", "provider": "bridge", "base_url": "{}", "credential": "ssm:/abor"}}"#,
//!     simulator.base_url("abor")
//! );
//! let document = parse_mls("mls/abor.json", text.as_bytes(), &Dialects).unwrap();
//! let key = layout::mls(&document.mls);
//! objects.put(&key, text.into_bytes().into(), Condition::Absent, Retention::Keep).await?;
//! let pair: Pair = serde_json::from_str(r#"{"mls": "abor", "resource": "Property"}"#)?;
//! let feed = FeedSpec::resolve(&document, &pair);
//!
//! let day = async || {
//!     let date = clock.now().to_zoned(jiff::tz::TimeZone::UTC).date();
//!     let ended = reconcile(&env, RunSpec::of(date, feed.clone()), "example", &|_| {}).await;
//!     clock.advance(Duration::from_secs(24 * 3_600));
//!     match ended {
//!         Ended::Result(output) => output,
//!         other => panic!("{other:?}"),
//!     }
//! };
//!
//! let first = day().await;
//! assert_eq!((first.outcome, first.count), (Outcome::Published, 300));
//!
//! mls.sell(4);
//! let second = day().await;
//! assert_eq!((second.outcome, second.count, second.removed), (Outcome::Published, 296, 4));
//! assert_eq!(second.confirmed, 4, "the MLS was asked for each of them");
//! simulator.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod acquire;
pub mod authorize;
pub mod budget;
pub mod chain;
pub mod compare;
pub mod confirm;
mod endpoint;
pub mod env;
pub mod error;
mod forms;
mod heads;
pub mod history;
mod ids;
mod late;
pub mod lists;
mod logged;
mod looks;
mod marks;
mod negatives;
mod pairs;
mod parts;
pub mod plan;
pub mod progress;
pub mod publish;
mod questions;
pub mod records;
pub mod release;
pub mod scan;
mod stamps;
pub mod start;
pub mod step;
pub mod stumble;
mod tokens;
pub mod watch;

pub use env::{Env, Limits};
pub use error::StepError;
pub use step::Step;
pub use tokens::TokenCache;
