//! Decides which rules strike a request, and counts how often each fault struck.

use std::collections::BTreeMap;

use super::{Fault, FaultRule};
use crate::incoming::RequestKind;

/// The rules in force and their tallies.
#[derive(Default)]
pub(crate) struct Board {
    rules: Vec<Posted>,
    struck: BTreeMap<String, u64>,
    /// The rules that struck the request at hand.
    strikes: Vec<FaultRule>,
}

struct Posted {
    rule: FaultRule,
    matched: u64,
    struck: u64,
}

/// A fault that may strike the request at hand.
#[derive(Clone)]
pub(crate) struct Due {
    pub fault: Fault,
    slot: usize,
}

impl Board {
    pub fn post(&mut self, rules: Vec<FaultRule>) {
        self.rules = rules
            .into_iter()
            .map(|rule| Posted {
                rule,
                matched: 0,
                struck: 0,
            })
            .collect();
    }

    /// Counts the request and names the faults that are due, in the order of the rules.
    pub fn due(&mut self, kind: RequestKind) -> Vec<Due> {
        self.strikes.clear();
        let mut due = Vec::new();
        for (slot, posted) in self.rules.iter_mut().enumerate() {
            let fault = &posted.rule.fault;
            if !posted.rule.on.unwrap_or(fault.default_on()).covers(kind) {
                continue;
            }
            posted.matched += 1;
            let times = posted.rule.times.or(fault.default_times());
            if posted.matched > posted.rule.skip && times.is_none_or(|most| posted.struck < most) {
                due.push(Due {
                    fault: fault.clone(),
                    slot,
                });
            }
        }
        due
    }

    /// Notes that a fault changed the answer.
    pub fn strike(&mut self, due: &Due) {
        if let Some(posted) = self.rules.get_mut(due.slot) {
            posted.struck += 1;
            self.strikes.push(posted.rule.clone());
        }
        *self.struck.entry(due.fault.name().to_owned()).or_default() += 1;
    }

    /// The rules that struck the last request.
    pub fn strikes(&self) -> &[FaultRule] {
        &self.strikes
    }

    pub fn struck(&self) -> BTreeMap<String, u64> {
        self.struck.clone()
    }
}
