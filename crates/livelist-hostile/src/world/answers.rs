//! Records the MLSs' answers: the faults that struck them, and that no execution loops.

use livelist_mls::{Delivery, Fault, RequestKind};

use super::{Strike, World};
use crate::dice;
use crate::ports::Place;
use crate::sim::Ms;
use crate::tally::count;

/// The MLSs are small: an execution that gets this many answers in a day is in a loop.
const MOST_ANSWERS: u64 = 10_000;
/// So is an execution that gets the same page this often.
const MOST_ALIKE: u64 = 300;

impl World {
    /// Records an answer of an MLS.
    pub(crate) fn answered(
        &mut self,
        now: Ms,
        at: usize,
        place: &Place,
        target: String,
        delivery: &Delivery,
    ) {
        self.now = now;
        let mls = &mut self.mlss[at];
        let (kind, struck) = mls
            .control
            .last_request()
            .unwrap_or((RequestKind::Other, Vec::new()));
        if kind == RequestKind::Token {
            mls.secrets = mls.control.secrets();
        }
        for rule in &struck {
            let name = rule.fault.name();
            count(&mut self.tally.faults, name);
            mls.today.insert(name);
            mls.is_revoked |= rule.fault == Fault::Revoke;
            mls.strikes.push(Strike {
                at: now,
                kind,
                fault: rule.fault.clone(),
            });
        }
        self.log = dice::pair(
            self.log,
            dice::name(&target) ^ u64::from(delivery.status.as_u16()),
        );
        // A question that is not understood is not recognised as such.
        let is_question = matches!(kind, RequestKind::Confirm | RequestKind::Other);
        mls.questions += u64::from(is_question);
        // No more than 500 are asked for sites, nor 5 % of a budget.
        if is_question && (delivery.status.is_client_error() || mls.questions > 200) {
            mls.refused_questions.insert(self.day);
        }
        let name = mls.plan.spec.mls.clone();
        mls.answers += u64::from(delivery.status.is_success());
        if mls.answers == MOST_ANSWERS {
            self.wrong(format!(
                "{name} answered {MOST_ANSWERS} requests in one day"
            ));
        }
        // A question that times out may be repeated all day.
        let is_slow = struck
            .iter()
            .any(|rule| matches!(rule.fault, Fault::Slow { .. }));
        if kind == RequestKind::Page && delivery.status.is_success() && !is_slow {
            let shown = self.mlss[at].pages.entry(dice::name(&target)).or_default();
            *shown += 1;
            if *shown == MOST_ALIKE {
                self.wrong(format!(
                    "{name} showed one page {MOST_ALIKE} times in one day"
                ));
            }
        }
        self.check_turns(at, &place.work().owner);
        self.tell(3, || {
            let work = place.work();
            let struck: Vec<&str> = struck.iter().map(|rule| rule.fault.name()).collect();
            format!(
                "{} ({}) asks {name} for a {kind:?}: {} {} {target}",
                work.owner,
                work.step,
                delivery.status,
                struck.join("+")
            )
        });
        self.observe(now, at);
    }
}
