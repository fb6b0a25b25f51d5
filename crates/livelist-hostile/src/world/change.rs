//! Changes at the MLSs, over night and before any request, and the live listings that result.

use std::collections::BTreeSet;
use std::sync::Arc;

use livelist_mls::FaultRule;

use super::{BEGAN, World};
use crate::dice::{self, Dice};
use crate::sim::Ms;
use crate::story::{Change, MlsDay};
use crate::tally::count;

impl World {
    /// Begins a day: its changes over night, and its faults.
    pub(crate) fn begin_day(&mut self, day: usize, now: Ms) {
        self.day = day;
        self.now = now;
        self.tally.days += 1;
        self.set_clock(now);
        self.store.expire(now);
        // Over night wrong clocks are set right.
        let skew = self.today().map_or(0, |day| day.skew) as Ms * 1_000;
        for free in self.pool.values_mut() {
            free.retain(|container| container.place.skew.abs() <= skew);
        }
        let story = Arc::clone(&self.story);
        for at in 0..self.mlss.len() {
            let plan = story.days.get(day).and_then(|day| day.mlss.get(at));
            let plan: MlsDay = plan.cloned().unwrap_or_default();
            let mut dice = Dice::new(dice::pair(story.seed, (day * 64 + at) as u64 ^ 0xD));
            if self.mlss[at].is_revoked && (self.is_quiet() || dice.chance(0.5)) {
                self.change(now, at, &Change::Revoke(false));
            }
            let rules = plan.rules.iter().filter(|rule| rule.times != Some(0));
            let rules: Vec<FaultRule> = rules.cloned().collect();
            let name = self.mlss[at].plan.spec.mls.clone();
            for rule in &rules {
                self.tell(1, || {
                    let on = rule
                        .on
                        .map_or(String::new(), |on| format!(" on {on:?} requests"));
                    let skip = match rule.skip {
                        0 => String::new(),
                        n => format!(" after {n}"),
                    };
                    let times = rule.times.map_or(String::new(), |n| format!(", {n} times"));
                    format!("{name} will show {:?}{on}{skip}{times}", rule.fault)
                });
            }
            let mls = &mut self.mlss[at];
            mls.control.set_faults(rules);
            mls.control.clear_log();
            mls.requests = 0;
            mls.questions = 0;
            mls.answers = 0;
            mls.pages.clear();
            mls.today.clear();
            mls.pending.clear();
            mls.secrets = mls.control.secrets();
            for event in &plan.events {
                match event.request {
                    Some(request) => self.mlss[at].pending.push((request, event.change.clone())),
                    None => self.change(now, at, &event.change),
                }
            }
        }
    }

    /// New listings at all MLSs in the middle of a day.
    pub(crate) fn list_new(&mut self, now: Ms) {
        self.set_clock(now);
        for at in 0..self.mlss.len() {
            self.change(now, at, &Change::Add(2));
        }
    }

    /// How long an invocation of `compare` takes to begin: the nth of an execution.
    pub(crate) fn compare_begins_after(&self, nth: u64, owner: &str) -> Ms {
        let slow = self.today().and_then(|day| day.slow_compare);
        if slow == Some(nth) && !owner.contains("-r2") {
            30 * 60_000
        } else {
            0
        }
    }

    /// Changes a book or a credential.
    fn change(&mut self, now: Ms, at: usize, change: &Change) {
        let mls = &mut self.mlss[at];
        let control = &mls.control;
        let mut rekeyed = BTreeSet::new();
        let text = match change {
            Change::Sell(n) => format!("sells {}", control.sell(*n).len()),
            Change::Expire(percent) => {
                let n = (control.live_count() * percent).div_ceil(100);
                format!("loses {} at once", control.sell(n).len())
            }
            Change::Add(n) => format!("lists {} new", control.add(*n).len()),
            Change::Relist(n) => {
                let from = mls.sold.len().saturating_sub(*n as usize);
                let keys = mls.sold.split_off(from);
                format!(
                    "lists {} again under their old keys",
                    control.relist(&keys).len()
                )
            }
            Change::Touch(n) => format!("modifies {}", control.touch(*n).len()),
            Change::TouchAll => {
                control.touch_all_same_timestamp();
                "modifies all at one instant".to_owned()
            }
            Change::TouchAtOnce(percent) => {
                let n = (control.live_count() * percent).div_ceil(100);
                format!("modifies {} at one instant", control.touch_at_once(n).len())
            }
            Change::AddAt { n, at } => {
                format!("lists {} new behind {at}", control.add_at(*n, *at).len())
            }
            Change::Leave(n) => format!("takes {} off this list", control.leave(*n).len()),
            Change::Renumber(n) => {
                mls.renumbered = Some(now);
                format!("gives {} another listing id", control.renumber(*n).len())
            }
            Change::RekeySome(n) => {
                let moved = control.rekey(*n);
                rekeyed.extend(moved.iter().map(|(former, _)| former.clone()));
                format!("gives {} another key", moved.len())
            }
            Change::Rekey => {
                control.rekey_all();
                "gives every listing a new key".to_owned()
            }
            Change::Revoke(on) => {
                control.revoke(*on);
                mls.is_revoked = *on;
                if *on {
                    "refuses the credential"
                } else {
                    "accepts the credential again"
                }
                .to_owned()
            }
            Change::ExpireTokens => {
                control.expire_tokens();
                "ends all tokens".to_owned()
            }
        };
        let kind = match change {
            Change::Sell(_) => "sold",
            Change::Expire(_) => "mass removal",
            Change::Add(_) => "new listings",
            Change::Relist(_) => "listed again under old keys",
            Change::Touch(_) => "modified",
            Change::TouchAll => "all modified at one instant",
            Change::TouchAtOnce(_) => "many modified at one instant",
            Change::AddAt { .. } => "new listings among the others",
            Change::Leave(_) => "left the list",
            Change::Renumber(_) => "other listing ids",
            Change::RekeySome(_) => "other keys under the same ids",
            Change::Rekey => "every key changed",
            Change::Revoke(true) => "access lost",
            Change::Revoke(false) => "access regained",
            Change::ExpireTokens => "tokens ended",
        };
        count(&mut self.tally.changes, kind);
        let name = self.mlss[at].plan.spec.mls.clone();
        self.tell(1, || format!("{name} {text}"));
        self.observe(now, at);
        // A listing that has another key now does not come back under the former one.
        self.mlss[at].sold.retain(|key| !rekeyed.contains(key));
    }

    /// The changes just before the request that arrives.
    pub(crate) fn changes_before_request(&mut self, now: Ms, at: usize) {
        let mls = &mut self.mlss[at];
        let nth = mls.requests;
        mls.requests += 1;
        let mut due = Vec::new();
        mls.pending.retain(|(request, change)| {
            let is_due = *request <= nth;
            if is_due {
                due.push(change.clone());
            }
            !is_due
        });
        for change in due {
            count(&mut self.tally.changes, "… of these in mid-scan");
            self.change(now, at, &change);
        }
    }

    /// Updates the set of live listings after a change.
    pub(super) fn observe(&mut self, now: Ms, at: usize) {
        self.now = now;
        let mls = &mut self.mlss[at];
        let version = mls.control.version();
        if version == mls.version && now != BEGAN {
            return;
        }
        mls.version = version;
        mls.changes.push(now);
        let all = mls.control.live_keys();
        for feed in self.feeds.iter_mut().filter(|feed| feed.mls == at) {
            let live = match &feed.filter {
                None => all.clone(),
                Some(filter) => mls.control.live_keys_matching(filter).unwrap_or_default(),
            };
            let former = std::mem::take(&mut feed.live);
            for key in live {
                let since = former.get(&key).copied().unwrap_or(now);
                feed.live.insert(key, since);
            }
            let was_listed = |key: &&String| {
                let listed = feed.list.as_ref().is_some_and(|list| list.contains(key));
                listed || feed.removed.contains(*key)
            };
            let left = former.keys().filter(|key| !feed.live.contains_key(*key));
            let missed: Vec<String> = left.filter(|key| !was_listed(key)).cloned().collect();
            feed.missed.extend(missed.into_iter().map(|key| (key, now)));
            let live = &feed.live;
            feed.missed.retain(|key, _| !live.contains_key(key));
            if feed.filter.is_none() {
                let gone = former.keys().filter(|key| !feed.live.contains_key(*key));
                mls.sold.extend(gone.cloned());
            }
        }
    }
}
