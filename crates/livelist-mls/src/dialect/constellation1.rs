//! Constellation1 / CDL, from its documentation.
//!
//! Not documented, so these are assumptions: the form of next links (`$skiptoken` with an opaque id), a
//! `$top` above the limit (silently cut), the forms of keys (digits) and of errors, rate limits (none).

use hyper::StatusCode;

use super::ask::{COMMON, Rules};
use super::{Ask, Asked, Dialect, NextPage, Refusal, bad, errors};
use crate::answer::Answer;
use crate::spec::MlsSpec;

pub(super) struct Constellation1;

/// Documented: rows when no `$top` is given, and the largest `$top`.
const RULES: Rules = Rules {
    rows: 10,
    ..Rules::new(&COMMON, 1_000)
};
/// Documented for Property: the largest `$skip`. Next links continue beyond it.
const WINDOW: u64 = 1_000_000;

impl Dialect for Constellation1 {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/odata".into()
    }

    fn token_path(&self, _spec: &MlsSpec) -> Option<String> {
        Some("/oauth2/token".into())
    }

    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        errors::with_text(status, message)
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        let token = asked.incoming.query.get("$skiptoken");
        if let (["Property"], Some(id)) = (path, token) {
            return asked.cursors.find(id);
        }
        let ask = Ask::plain(asked, path, &RULES)?.of_one_system()?;
        let window = asked.spec.options.skip_window.unwrap_or(WINDOW);
        if ask.skip() > window {
            return Err(bad(format!("$skip may not exceed {window}")));
        }
        Ok(ask)
    }

    fn link(&self, mut next: NextPage<'_>) -> Option<String> {
        let id = next.cursor();
        Some(format!("{}/Property?$skiptoken={id}", next.base))
    }
}
