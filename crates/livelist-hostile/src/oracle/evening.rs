//! Checks at the end of a day: that every feed was looked at, in the end that every list is the truth, and
//! that one run at a time asks an MLS.

use std::collections::BTreeSet;

use livelist_mls::{Fault, FaultRule};
use livelist_model::layout;
use serde_json::Value;

use crate::story::{MlsDay, QUIET_DAYS};
use crate::world::World;

impl World {
    /// The checks at the end of a day.
    pub(crate) fn check_evening(&mut self, date: &str) {
        for at in 0..self.feeds.len() {
            if let Some(head) = self.feeds[at].head.clone()
                && let Err(problem) = self.sound(&head)
            {
                let feed = self.feeds[at].spec.feed.clone();
                self.wrong(format!("{feed}: in the evening {problem}"));
            }
            let is_any = self.feeds[at].list.as_ref().is_some_and(|l| !l.is_empty());
            if self.is_quiet() && is_any && self.was_published(at, date) {
                let day = self.day;
                self.feeds[at].quiet_looks.push(day);
            }
            if let Err(problem) = self.site_asks(self.now(), at) {
                let feed = self.feeds[at].spec.feed.clone();
                self.wrong(format!("{feed}: in the evening {problem}"));
            }
            if self.must_be_looked_at(at) && !self.was_looked_at(at, date) {
                let feed = self.feeds[at].spec.feed.clone();
                self.wrong(format!(
                    "{feed}: nothing is wrong with its MLS, and nobody looked at it today"
                ));
            }
        }
        let quiet = (self.day + 1).saturating_sub(self.story.days.len());
        if quiet + 1 >= QUIET_DAYS {
            self.check_truth(date, quiet >= QUIET_DAYS);
        }
    }

    /// Whether our machines work on a day.
    fn works(&self, day: usize) -> bool {
        self.story
            .days
            .get(day)
            .is_none_or(|plan| plan.strikes == 0.0 && plan.skew == 0 && plan.slow_compare.is_none())
    }

    /// Checks that executions do not use a credential alternately.
    pub(crate) fn check_turns(&mut self, at: usize, owner: &str) {
        let (asks, asked) = &mut self.mlss[at].asks;
        if asks == owner {
            return;
        }
        let former = std::mem::replace(asks, owner.to_owned());
        asked.insert(former);
        let has_asked = asked.contains(owner);
        let days = self.day.saturating_sub(2)..=self.day;
        let is_slow = |rule: &FaultRule| matches!(rule.fault, Fault::Slow { .. });
        let is_once = |day: usize| {
            self.story.days.get(day).is_none_or(|plan| {
                let rules = plan.mlss.get(at).map(|mls| &mls.rules);
                !plan.twice && !rules.is_some_and(|rules| rules.iter().any(is_slow))
            })
        };
        if has_asked && days.into_iter().all(|day| self.works(day) && is_once(day)) {
            self.wrong(format!(
                "{owner} and another execution use one credential by turns"
            ));
        }
    }

    fn must_be_looked_at(&self, at: usize) -> bool {
        let mls = self.feeds[at].mls;
        let is_calm = |day: usize| {
            self.works(day)
                && self.story.days.get(day).is_none_or(|plan| {
                    plan.again_after.is_none() && plan.mlss.get(mls).is_none_or(MlsDay::is_calm)
                })
        };
        let yesterday = self.day.checked_sub(1);
        yesterday.is_some_and(is_calm) && is_calm(self.day) && !self.is_revoked(mls)
    }

    /// Whether a run of this day found the head right or published.
    fn was_published(&self, at: usize, date: &str) -> bool {
        let head = self.feeds[at].head.as_ref();
        let run = head.and_then(|head| head["checked_run"].as_str());
        run.is_some_and(|run| run.starts_with(date))
    }

    /// Whether a run of this day found the head right, published, or is held.
    fn was_looked_at(&self, at: usize, date: &str) -> bool {
        let feed = &self.feeds[at];
        let of_today = |run: &Value| run.as_str().is_some_and(|run| run.starts_with(date));
        if self.was_published(at, date) {
            return true;
        }
        let held = self.store.get(&layout::held(&feed.spec.feed));
        let held = held.and_then(|held| serde_json::from_slice::<Value>(&held.bytes).ok());
        held.is_some_and(|held| of_today(&held["run"]))
    }

    /// Whether all of these keys were missed by one look, and wait for another.
    fn wait_with_a_look(&self, at: usize, keys: &[&&String]) -> bool {
        let waiting = self.store.get(&layout::waiting(&self.feeds[at].spec.feed));
        let waiting = waiting.and_then(|w| serde_json::from_slice::<Value>(&w.bytes).ok());
        let looks = waiting.as_ref().and_then(|w| w["looks"].as_array());
        let missed: BTreeSet<&str> = looks
            .into_iter()
            .flatten()
            .filter_map(|look| look["keys"].as_array())
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        keys.iter().all(|key| missed.contains(key.as_str()))
    }

    fn check_truth(&mut self, date: &str, is_last: bool) {
        let waiting = self.waiting();
        for at in 0..self.feeds.len() {
            if is_last && let Err(problem) = self.copy_is_true(at) {
                let feed = self.feeds[at].spec.feed.clone();
                self.wrong(format!("{feed}: {problem}"));
            }
            let feed = &self.feeds[at];
            let is_true = feed
                .list
                .as_ref()
                .is_some_and(|list| list.iter().eq(feed.live.keys()));
            if is_true {
                continue;
            }
            let id = feed.spec.feed.to_string();
            let waits = waiting.iter().any(|(of, record, is_true)| {
                *of == id && *is_true && record.spec.run.as_str().starts_with(date)
            });
            // If many removals came back lately, one more day is needed.
            let head = feed.head.as_ref();
            let is_distrusted = head.is_some_and(|head| !head["gone"]["came_back"].is_null());
            if (waits || is_distrusted) && !is_last {
                continue;
            }
            let listed: BTreeSet<&String> = feed.list.iter().flatten().collect();
            let is_dead = |key: &&&String| !feed.live.contains_key(**key);
            let dead: Vec<&&String> = listed.iter().filter(is_dead).collect();
            let missing = feed.live.keys().filter(|key| !listed.contains(key)).count();
            // A held run is no look: what takes two of them needs one day more.
            if feed.quiet_holds > 0 && missing == 0 && self.wait_with_a_look(at, &dead) {
                continue;
            }
            let dead = dead.len();
            self.wrong(format!(
                "{id} is stuck: the world has been quiet for {}, and its list has {dead} keys that \
                 are gone and lacks {missing} that are live",
                if is_last {
                    "three days and a person approved"
                } else {
                    "two days"
                }
            ));
        }
    }
}
