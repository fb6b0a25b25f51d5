//! Spark (FBS), the RESO side of its replication host. Source: sparkplatform.com/docs (RESO Web API,
//! replication, error codes).
//!
//! - A non-expiring personal token as bearer.
//! - `$top` up to 1,000 and a nextLink with `$skiptoken`, in the order of ListingKey. The initial
//!   pull allows `$count` and `$select` only.
//! - So a question about keys is not documented there: a second scan is the confirmation, and the
//!   count has to fit both times. `confirm: or` asks by key where the account may.
//! - Errors come as RESO's `error` or as Spark's `D` object, each with a code that says more than
//!   the status: 1550 throttled; 1510, 1515, 1516, 1023, 1024 not available now; 1020 the session
//!   expired; 1000 a wrong token; 1021 the wrong host for this token.
//! - Answers may come from a cache and be 20 minutes old: FBS advises to read changes with an
//!   overlap of that length.
//! - ListingKey is a text of 26 digits, more than 64 bits hold.

use std::time::Duration;

use http::StatusCode;
use livelist_model::registry::AuthKind;

use super::{ConfirmForm, CountForm, Dialect, RecordsForm};
use crate::policy::Verdict;

pub(super) fn dialect() -> Dialect {
    Dialect {
        name: "spark",
        title: "Spark (FBS)",
        source: "sparkplatform.com/docs",
        auth: &[AuthKind::ServerToken],
        count: CountForm::Always,
        confirm: ConfirmForm::SecondScan,
        records: RecordsForm {
            overlap: Duration::from_secs(20 * 60),
            ..RecordsForm::PLAIN
        },
        verdict,
        lag: Duration::from_secs(20 * 60),
        note: "base_url https://replication.sparkapi.com/Reso/OData; `\"confirm\": \"or\"` where \
               the account may filter by ListingKey",
        ..Dialect::plain()
    }
}

fn verdict(_: StatusCode, body: &[u8]) -> Option<Verdict> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let code = body.pointer("/D/Code").or(body.pointer("/error/code"))?;
    let code = match code {
        serde_json::Value::String(text) => text.parse().ok()?,
        number => number.as_u64()?,
    };
    match code {
        1550 => Some(Verdict::Throttled(None)),
        1510 | 1515 | 1516 | 1023 | 1024 => Some(Verdict::Retry),
        1020 | 1000 => Some(Verdict::Unauthorized),
        1021 => Some(Verdict::Denied),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_count_in_both_envelopes() {
        let of = |body: &str| verdict(StatusCode::BAD_REQUEST, body.as_bytes());
        assert_eq!(
            of(r#"{"D":{"Success":false,"Code":1550}}"#),
            Some(Verdict::Throttled(None))
        );
        assert_eq!(
            of(r#"{"error":{"code":1020,"message":"Session expired"}}"#),
            Some(Verdict::Unauthorized)
        );
        assert_eq!(of(r#"{"error":{"code":"1510"}}"#), Some(Verdict::Retry));
        assert_eq!(of(r#"{"D":{"Code":1021}}"#), Some(Verdict::Denied));
        assert_eq!(of(r#"{"D":{"Success":false}}"#), None);
        assert_eq!(of("<html>"), None);
    }
}
