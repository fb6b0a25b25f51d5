//! The check of confirmation: whether a question about keys is answered so that a key may be called
//! gone by it. Pure: facts in, a check out.

use livelist_model::registry::Confirmation;
use livelist_model::run::FeedSpec;

use super::check::{Check, Name};
use super::trouble::trouble;
use crate::confirm::Shown;
use crate::dialect::{ConfirmForm, Dialect};
use crate::error::ClientError;

/// A question about keys, and what came of it.
#[derive(Debug)]
pub struct Question {
    /// A key that a page has just shown.
    pub live: Vec<u8>,
    /// One that cannot exist.
    pub impossible: Vec<u8>,
    /// One that the operator wants to know about.
    pub wanted: Option<Vec<u8>>,
    /// What the answer shows.
    pub shown: Result<Shown, ClientError>,
}

/// What there is to say of confirmation. `wanted` is the key that the operator asks about.
pub fn confirmation(
    feed: &FeedSpec,
    dialect: &Dialect,
    question: Option<&Question>,
    wanted: Option<&str>,
) -> Check {
    let check = Check::ok(Name::Confirmation);
    let form = dialect.confirm;
    if form == ConfirmForm::SecondScan {
        let check = Check::skipped(Name::Confirmation, why_not(feed, dialect));
        return match wanted {
            Some(key) => check.saw(format!("{key} cannot be asked for, therefore")),
            None => check,
        };
    }
    let Some(question) = question else {
        return Check::skipped(
            Name::Confirmation,
            "there is no page that shows a key to ask for",
        );
    };
    let asked = match form {
        ConfirmForm::In(_) => "by `in`",
        _ => "by `eq` and `or`",
    };
    let shown = match &question.shown {
        Ok(shown) => shown,
        Err(ClientError::Rejected { status, message }) => {
            let check = check.fail(format!(
                "asked {asked}, the server rejects the question with status {status}: {message}"
            ));
            return another_form(check, form);
        }
        Err(error) => return trouble(check, feed, error),
    };
    let shows = |key: &Vec<u8>| shown.keys.contains(key);
    let foreign = shown.keys.iter().any(|key| {
        *key != question.live
            && *key != question.impossible
            && Some(key) != question.wanted.as_ref()
    });
    if foreign {
        let check = check.fail(format!(
            "asked {asked} for {} keys, the server shows other listings: it does not heed the \
             filter, and no answer of it says that a key is gone",
            2 + usize::from(question.wanted.is_some())
        ));
        return another_form(check, form);
    }
    if shows(&question.impossible) {
        let check = check.fail(format!(
            "asked {asked}, the server shows a key that cannot exist: it repeats the question"
        ));
        return another_form(check, form);
    }
    if !shows(&question.live) {
        let check = check.fail(format!(
            "asked {asked} for a key that the page has just shown, the server does not find it: \
             every run with removals would be held as confirmation_broken"
        ));
        return another_form(check, form);
    }
    let check = match shown.count {
        Some(count) if count > shown.keys.len() as u64 => check.warn(format!(
            "the answer shows {} rows and counts {count}",
            shown.keys.len()
        )),
        _ => check,
    };
    let check = check.saw(format!(
        "asked {asked}, the server finds the key that is live and not the one that cannot exist"
    ));
    match &question.wanted {
        Some(key) if shows(key) => check.saw(format!("{} is live", text(key))),
        Some(key) => check.warn(format!(
            "{} is not found: the account does not see it, or it is gone",
            text(key)
        )),
        None => check,
    }
}

fn text(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

fn why_not(feed: &FeedSpec, dialect: &Dialect) -> String {
    match feed.confirm {
        Some(Confirmation::SecondScan) => {
            "not asked by key: the registry says `\"confirm\": \"second_scan\"`".to_owned()
        }
        _ => format!(
            "not asked by key: {} does not answer questions about keys; a second scan is the \
             confirmation, so a run with removals reads everything twice",
            dialect.title
        ),
    }
}

fn another_form(check: Check, form: ConfirmForm) -> Check {
    let (other, like) = match form {
        ConfirmForm::In(_) => ("or", "key eq 'a' or key eq 'b'"),
        _ => ("in", "key in ('a','b')"),
    };
    check
        .change(
            "confirm",
            format!("try \"{other}\" (`{like}`) and probe again"),
        )
        .change("confirm", "set it to \"second_scan\" if neither works")
}
