//! The differences between providers: one file each. A dialect checks a request, parses it into an [`Ask`],
//! and formats refusals, links and headers. It holds the settings of its spec, and no other state.

mod ampre;
mod ask;
mod bridge;
mod constellation1;
mod crea;
mod errors;
mod links;
mod mlsgrid;
mod paragon;
mod rapattoni;
mod realtyna;
mod reso;
mod rmls;
mod spark;
mod trestle;
mod utahrealestate;

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::book::keys::KeyStyle;
use crate::incoming::Incoming;
use crate::limits::Limits;
use crate::page::Form;
use crate::spec::{MlsSpec, Provider};

pub(crate) use ask::{Ask, Asked, PECULIAR, Shape};
pub(crate) use links::{Cursors, NextPage};

/// A provider's ways.
pub(crate) trait Dialect: Send + Sync {
    /// The base URL's path after the MLS's name.
    fn base(&self, spec: &MlsSpec) -> String;

    /// The token endpoint's path after the MLS's name.
    fn token_path(&self, _spec: &MlsSpec) -> Option<String> {
        None
    }

    /// The `scope` that a request for a token has to name.
    fn scope(&self) -> Option<&'static str> {
        None
    }

    /// Digits, if no document says otherwise.
    fn key_style(&self, _spec: &MlsSpec) -> KeyStyle {
        KeyStyle::Digits
    }

    /// The fields of [`PECULIAR`] that rows have.
    fn peculiar(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether deleted rows stay visible as `MlgCanView=false`.
    fn keeps_deleted(&self) -> bool {
        false
    }

    /// A row of the resource of deleted listings.
    fn deleted(&self, _key: &str, _at_ms: i64) -> Value {
        Value::Null
    }

    /// The maximum age of pages and counts.
    fn cache(&self) -> Duration {
        Duration::ZERO
    }

    /// Seconds and requests of each documented rate limit, shortest window first.
    fn windows(&self) -> &'static [(u64, u64)] {
        &[]
    }

    /// The conditions that are checked before the credential.
    fn precondition(&self, _incoming: &Incoming) -> Result<(), Answer> {
        Ok(())
    }

    /// The token a request shows.
    fn token_shown<'a>(&self, incoming: &'a Incoming) -> Option<&'a str> {
        incoming.bearer()
    }

    /// The answer to a token that is not known.
    fn unauthorized(&self) -> Answer {
        self.refusal(StatusCode::UNAUTHORIZED, "Unauthorized")
            .with("www-authenticate", "Bearer")
    }

    /// The answer to a token whose time is over.
    fn expired(&self) -> Answer {
        self.unauthorized()
    }

    fn refusal(&self, status: StatusCode, message: &str) -> Answer;

    /// The answer to one request too many; `wait` is the time until the next is taken.
    fn throttled(&self, _wait: Duration) -> Answer {
        self.refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
    }

    /// The token endpoint's answer to an invalid request.
    fn no_token(&self) -> Answer {
        errors::invalid_client()
    }

    /// Completes the answer that brings a token; `at` is the time, `seconds` the token's life.
    fn granted(&self, _members: &mut Map<String, Value>, _at: jiff::Timestamp, _seconds: u64) {}

    /// Parses a request for rows; `path` is the part after the base URL.
    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal>;

    /// The URL of the next page, if the provider gives one.
    fn link(&self, next: NextPage<'_>) -> Option<String>;

    fn form(&self, _spec: &MlsSpec, _ask: &Ask) -> Form {
        Form::PLAIN
    }

    fn context(&self, base: &str, _ask: &Ask) -> String {
        format!("{base}/$metadata#Property")
    }

    /// Headers that every answer for rows carries. RESO Web API Core wants this one of every
    /// server.
    fn headers(&self, answer: &mut Answer, _limits: &Limits) {
        answer.headers.push(("odata-version", "4.0".into()));
    }
}

/// The dialect of an MLS.
pub(crate) fn of(spec: &MlsSpec) -> Box<dyn Dialect> {
    match spec.provider {
        Provider::Reso => Box::new(reso::Reso),
        Provider::Trestle => Box::new(trestle::Trestle),
        Provider::MlsGrid => Box::new(mlsgrid::MlsGrid),
        Provider::Bridge => Box::new(bridge::Bridge),
        Provider::Spark => Box::new(spark::Spark::new(spec)),
        Provider::Rmls => Box::new(rmls::Rmls),
        Provider::UtahRealEstate => Box::new(utahrealestate::UtahRealEstate),
        Provider::Rapattoni => Box::new(rapattoni::Rapattoni::new(spec)),
        Provider::Paragon => Box::new(paragon::Paragon),
        Provider::Constellation1 => Box::new(constellation1::Constellation1),
        Provider::Realtyna => Box::new(realtyna::Realtyna::new(spec)),
        Provider::Crea => Box::new(crea::Crea),
        Provider::Ampre => Box::new(ampre::Ampre),
    }
}

/// Status and message of a refusal.
pub(crate) type Refusal = (StatusCode, String);

fn bad(message: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, message.into())
}

fn not_found() -> Refusal {
    (StatusCode::NOT_FOUND, "Resource not found".into())
}
