//! UtahRealEstate.com (WFRMLS), from its documentation, the pages in it, and clients' code.
//!
//! Not documented, so these are assumptions: a `$top` above the limit (silently cut), the form of errors,
//! rate limits (none). Heavy queries are answered 504; the fault `status` shows it.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::ask::{COMMON, Rules};
use super::{Ask, Asked, Dialect, NextPage, Refusal, Shape, errors};
use crate::answer::Answer;
use crate::page::{Form, RowIds, Stamp};
use crate::spec::MlsSpec;

pub(super) struct UtahRealEstate;

/// Documented: the largest `$top`.
const RULES: Rules = Rules::new(&COMMON, 200);

impl Dialect for UtahRealEstate {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/reso/odata".into()
    }

    fn peculiar(&self) -> &'static [&'static str] {
        &["ListingKeyNumeric"]
    }

    /// Published.
    fn deleted(&self, key: &str, at_ms: i64) -> Value {
        json!({
            "resource": "Property",
            "primary_key": key,
            "ts": Stamp::Seconds.write(at_ms),
        })
    }

    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        errors::with_text(status, message)
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        match path {
            ["Deleted"] => Ask::deleted(asked, &RULES),
            _ => Ask::plain(asked, path, &RULES),
        }
    }

    /// The published pages have none; scans continue after the last `ListingKeyNumeric`.
    fn link(&self, _next: NextPage<'_>) -> Option<String> {
        None
    }

    /// Published: rows name themselves `Property(1001613)` where their key is not selected.
    fn form(&self, _spec: &MlsSpec, _ask: &Ask) -> Form {
        Form {
            stamp: Stamp::Seconds,
            row_ids: RowIds::InPlaceOfKey,
            ..Form::PLAIN
        }
    }

    /// Published: relative, and with the fields that were selected.
    fn context(&self, _base: &str, ask: &Ask) -> String {
        let resource = match ask.shape {
            Shape::Deleted => "Deleted",
            _ => "Property",
        };
        match &ask.columns {
            Some(columns) => {
                let names: Vec<_> = columns.iter().map(|column| column.name()).collect();
                format!("$metadata#{resource}({})", names.join(","))
            }
            None => format!("$metadata#{resource}"),
        }
    }
}
