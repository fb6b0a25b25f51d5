//! The check of confirmation: whether answers about keys are reliable enough to call a key gone. Pure: from
//! facts to a check.

use livelist_model::asking::{KeyLiteral, Manner, Words};
use livelist_model::registry::Confirmation;
use livelist_model::run::FeedSpec;
use livelist_model::with_causes;

use super::check::{Check, Name};
use super::trouble::trouble;
use crate::confirm::{self, Shown};
use crate::dialect::{ConfirmForm, Dialect};
use crate::error::ClientError;

/// A question about keys, and its result.
#[derive(Debug)]
pub struct Question {
    /// Keys that a page has just shown.
    pub live: Vec<Vec<u8>>,
    /// One that cannot exist.
    pub impossible: Vec<u8>,
    /// One that the operator wants to know about.
    pub wanted: Option<Vec<u8>>,
    /// The form in which it was asked in the end.
    pub manner: Manner,
    /// The answer; the first one if nothing works.
    pub shown: Result<Shown, ClientError>,
}

/// The check of confirmation. `wanted` is the key that the operator asks about.
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
    let set = confirm::as_set(dialect).unwrap_or(question.manner);
    let asked = words(set);
    let shown = match &question.shown {
        Ok(shown) => shown,
        Err(error) if confirm::may_be_the_question(error) => {
            let check = check.fail(format!("asked {asked}: {}", with_causes(error)));
            return no_form(check);
        }
        Err(error) => return trouble(check, feed, error),
    };
    let shows = |key: &Vec<u8>| shown.keys.contains(key);
    let foreign = shown.keys.iter().any(|key| {
        !question.live.contains(key)
            && *key != question.impossible
            && Some(key) != question.wanted.as_ref()
    });
    if foreign {
        let check = check.fail(format!(
            "asked {asked} for {} keys, the server shows other listings: it does not heed the \
             filter, and no answer of it says that a key is gone",
            question.live.len() + 1 + usize::from(question.wanted.is_some())
        ));
        return no_form(check);
    }
    if shows(&question.impossible) {
        let check = check.fail(format!(
            "asked {asked}, the server shows a key that cannot exist: it repeats the question"
        ));
        return no_form(check);
    }
    if !question.live.iter().all(shows) {
        let check = check.fail(format!(
            "asked {asked} for keys that the page has just shown, the server does not find them: \
             every run with removals would be held as confirmation_broken"
        ));
        return no_form(check);
    }
    let check = match shown.count {
        Some(count) if count > shown.keys.len() as u64 => check.warn(format!(
            "the answer shows {} rows and counts {count}",
            shown.keys.len()
        )),
        _ => check,
    };
    let check = learned(check, set, question.manner);
    let check = check.saw(format!(
        "asked {} for {} keys, the server finds all that are live and not the one that cannot exist",
        words(question.manner),
        question.live.len() + 1 + usize::from(question.wanted.is_some())
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
            "not asked by key: {} does not answer questions about keys; a later run has to agree, so \
             what is sold goes a day later",
            dialect.title
        ),
    }
}

fn words(manner: Manner) -> &'static str {
    match (manner.words, manner.keys) {
        (_, ..=1) => "one at a time",
        (Words::In, _) => "by `in`",
        (Words::Or, _) => "by `eq` and `or`",
    }
}

/// Adds the form that works, if it is not the configured one. Runs find it out once a week.
fn learned(check: Check, set: Manner, manner: Manner) -> Check {
    let check = match manner.literal {
        KeyLiteral::Quoted => check,
        KeyLiteral::Bare => {
            check.saw("keys are asked for without quotes, as the server wants them")
        }
    };
    if (manner.words, manner.keys) == (set.words, set.keys) {
        return check;
    }
    let mut check = check.warn(format!(
        "asked {}, the server does not answer; {} it does. Runs find that out, too, and remember it for \
         a week",
        set.describe(),
        manner.describe()
    ));
    if manner.words != set.words {
        let words = match manner.words {
            Words::In => "set it to \"in\"",
            Words::Or => "set it to \"or\"",
        };
        check = check.change("confirm", words);
    }
    // Fewer than nine cannot be set.
    if manner.keys != set.keys && manner.keys > 8 {
        check = check.change("confirm_keys", format!("give {}", manner.keys));
    }
    check
}

fn no_form(check: Check) -> Check {
    check.change(
        "confirm",
        "set it to \"second_scan\": `in`, `or` and single keys were tried, and none works",
    )
}
