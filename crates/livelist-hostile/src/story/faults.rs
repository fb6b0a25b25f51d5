//! Draws faults: any kind, on any kind of request, from any request on.

use livelist_mls::{Fault, FaultRule, On, RetryAfter};

use super::STRANGER;
use crate::dice::Dice;

/// Faults that hide rows, together with others that conceal it.
pub(super) fn conspiracy(dice: &mut Dice) -> Vec<Fault> {
    let hides = [
        Fault::HalfPage,
        Fault::EmptyList,
        Fault::EmptyListCountKept,
        Fault::NoNextLink,
        Fault::SellDuringScan { n: 1 },
        Fault::Html200,
        Fault::DenyPartial { percent: 30 },
    ];
    let covers = [
        Fault::ConfirmFindsNothing,
        Fault::ConfirmFindsNothing,
        Fault::WrongCount { delta: -3 },
        Fault::ExpireToken,
    ];
    vec![dice.pick(&hides).clone(), dice.pick(&covers).clone()]
}

/// A fault on any kind of request, from any request on.
pub(super) fn rule(pages: u64, dice: &mut Dice) -> FaultRule {
    let mut rule = FaultRule::new(fault(dice));
    if dice.chance(0.4) {
        rule.on = Some(*dice.pick(&[
            On::Any,
            On::Any,
            On::Page,
            On::Count,
            On::Confirm,
            On::Token,
        ]));
    }
    if dice.chance(0.6) {
        rule.skip = dice.below(pages * 2);
    }
    if dice.chance(0.6) {
        rule.times = Some(dice.within(1, 3));
    }
    rule
}

pub(super) fn fault(dice: &mut Dice) -> Fault {
    let seconds = dice.within(0, 600);
    let few = dice.within(1, 5);
    let told = *dice.pick(&[
        RetryAfter::None,
        RetryAfter::Seconds,
        RetryAfter::HttpDate,
        RetryAfter::VendorHeader,
        RetryAfter::BodyKey,
    ]);
    let code = *dice.pick(&[400, 401, 403, 404, 408, 410, 500, 502, 503, 504]);
    let delta = few as i64 * if dice.chance(0.5) { 1 } else { -1 };
    let percent = *dice.pick(&[5, 10, 30, 50, 90, 100]);
    let all = [
        Fault::EmptyList,
        Fault::EmptyListCountKept,
        Fault::NoNextLink,
        Fault::ErrorObject200,
        Fault::Html200,
        Fault::PlainText200,
        Fault::EmptyObject200,
        Fault::ValueNotArray,
        Fault::Throttle {
            status: if dice.chance(0.7) { 429 } else { 503 },
            retry_after: told,
            seconds,
        },
        Fault::RetryAfterHuge,
        Fault::Status { code },
        Fault::TruncateJson,
        Fault::Reset,
        Fault::ShortContentLength,
        Fault::GzipTruncated,
        Fault::HalfPage,
        Fault::NextLinkLoop,
        Fault::NextLinkOtherHost {
            host: format!("https://{STRANGER}"),
        },
        Fault::NextLinkHttp,
        Fault::NextLinkNull,
        Fault::FullLastPageThenEmpty,
        Fault::RowsWithoutKey,
        Fault::DuplicateRows,
        Fault::NumericKeys,
        Fault::CountAsString,
        Fault::WrongCount { delta },
        Fault::Slow {
            ms: seconds * 1_000,
        },
        Fault::SellDuringScan { n: few.min(2) },
        Fault::AddDuringScan { n: few },
        Fault::TouchDuringScan { n: few },
        Fault::ExpireToken,
        Fault::Revoke,
        Fault::DenyPartial { percent },
        Fault::TokenError200,
        Fault::TokenHtml,
        Fault::TokenNoExpiresIn,
        Fault::TokenExpiresInString,
        Fault::ConfirmFindsNothing,
    ];
    dice.pick(&all).clone()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_is_drawn() {
        let mut dice = Dice::new(1);
        let mut names = BTreeSet::new();
        for _ in 0..5_000 {
            names.insert(fault(&mut dice).name());
        }
        assert_eq!(names.len(), 38);
    }
}
