//! Looks at copies of records: at each change that enters one, and at the end.

use std::collections::BTreeMap;

use livelist_destinations::{LogId, Position};
use livelist_log::Head;
use livelist_model::layout;
use livelist_model::questions::{Question, Questions};
use livelist_records::{Change, Fields, What, cell, hash};
use livelist_reso::dialect::Dialect;

use super::denial::Denial;
use super::has;
use crate::dice::Dice;
use crate::records::Copy;
use crate::sim::Ms;
use crate::tally::count;
use crate::world::{BEGAN, DAY, World};

/// How many keys of a kind are told.
const TOLD: usize = 3;
/// The quiet days, and those before them whose pages may still tell in a copy.
const LAST_DAYS: Ms = 8 * DAY;

impl World {
    /// A sync has ended.
    pub(crate) fn synced(&mut self, name: &str, ended: &str) {
        count(&mut self.tally.syncs, ended);
        self.note(crate::dice::name(name), crate::dice::name(ended));
        self.tell(1, || format!("{name} ends: {ended}"));
    }

    /// Now and then a copy is backed up, put back to its backup, or lost.
    pub(crate) fn restore_copy(&mut self, at: usize, dice: &mut Dice) {
        let feed = &mut self.feeds[at];
        let what = match dice.below(50) {
            0 => {
                feed.copy = feed.backup.clone();
                "is put back to its backup"
            }
            1 => {
                feed.copy = Copy::default();
                "is lost"
            }
            2..5 => {
                feed.backup = feed.copy.clone();
                return;
            }
            _ => return,
        };
        let name = feed.spec.feed.clone();
        count(&mut self.tally.syncs, &format!("… a copy {what}"));
        self.tell(1, || format!("the copy of {name} {what}"));
    }

    /// A change enters the copy of a feed.
    pub(crate) fn look_at_change(&mut self, at: usize, change: &Change) {
        let feed = &self.feeds[at];
        let key = &change.place.key;
        // A copy that is put back to its backup takes old changes once more: they were judged when they came.
        if change.number <= feed.judged {
            return;
        }
        let Some(row) = feed.copy.rows.get(key) else {
            return;
        };
        let Some(held) = row.live.as_ref().filter(|_| row.version < change.number) else {
            return;
        };
        let problem = match &change.what {
            What::Removal(removal) => {
                let is_listed = feed.list.as_ref().is_some_and(|list| has(list, key));
                let since = feed.live.get(key).copied();
                let is_wrong =
                    is_listed && since.is_some_and(|since| since < removal.at.as_millisecond());
                is_wrong.then(|| format!("the record of {key} is live, and is removed"))
            }
            What::Upsert { stamp, .. } => {
                let instant = |text: &Option<String>| text.as_deref().and_then(cell::instant);
                let (old, new) = (instant(&held.stamp), instant(stamp));
                (new.is_some() && new < old)
                    .then(|| format!("an older record of {key} replaces a newer one"))
            }
        };
        if let Some(problem) = problem {
            let feed = feed.spec.feed.clone();
            self.wrong(format!("{feed}: {problem}"));
        }
    }

    /// A copy has moved.
    pub(crate) fn look_at_position(&mut self, at: usize, log: &LogId, position: &Position) {
        let head = log.replication.parse().ok();
        let head = head.and_then(|name| self.store.get(&layout::log_head(&name)));
        let head = head.and_then(|head| serde_json::from_slice::<Head>(&head.bytes).ok());
        let newest = head.map_or(0, |head| head.newest());
        let feed = &mut self.feeds[at];
        feed.judged = feed.judged.max(position.number);
        if position.number > newest {
            let feed = self.feeds[at].spec.feed.clone();
            self.wrong(format!(
                "{feed}: its copy is at {}, and its log ends with {newest}",
                position.number
            ));
        }
    }

    /// Whether a copy holds what the MLS says, in the end.
    ///
    /// Of what is gone a record may stay that no list ever had: where its key cannot be asked for, where
    /// nothing is listed beside which it could be asked for, until two quiet days have asked, and where a
    /// clock of the future says when it was read. The content of a record may be another one where the MLS left it
    /// out of pages on two of the last days, or wrote it in bytes that no strict reader takes: all that is
    /// read of a record is read again for two days.
    pub(super) fn copy_is_true(&mut self, at: usize) -> Result<(), String> {
        let feed = &self.feeds[at];
        let list = feed.list.as_ref();
        let is_true = list.is_some_and(|list| list.iter().eq(feed.live.keys()));
        if !self.story.replicates || feed.copy.position.is_none() || !is_true {
            return Ok(());
        }
        let control = &self.mlss[feed.mls].control;
        let held = |key: &String| feed.copy.rows.get(key).and_then(|row| row.live.as_ref());
        let missing: Vec<&String> = feed.live.keys().filter(|key| held(key).is_none()).collect();
        let is_stale = |key: &&String| {
            let truth = control.record(key).unwrap_or_default();
            held(key).is_some_and(|held| !is_of(held.hash, &truth))
                && !Denial::hid_its_change(&self.mlss[feed.mls], key, self.now() - LAST_DAYS)
        };
        let stale: Vec<&String> = feed.live.keys().filter(is_stale).collect();
        let dead = feed.copy.rows.keys();
        let dead = dead.filter(|key| held(key).is_some() && !feed.live.contains_key(*key));
        let dialect = Dialect::for_feed(&feed.spec).map_err(|e| e.to_string())?;
        let is_askable = dialect.confirm.is_by_key() && !feed.live.is_empty();
        let (open, now) = (self.asked_for_the_copy(at), self.now());
        let refused = &self.mlss[feed.mls].refused_questions;
        let was_asked = |key: &&String| {
            let (since, got) = open.get(*key).copied().unwrap_or((BEGAN, BEGAN));
            // A look proves nothing of what was read later, by a clock that may have been wrong.
            let since = (since.max(got) - BEGAN).div_euclid(DAY);
            let looks = feed.quiet_looks.iter();
            let looks = looks.filter(|day| **day as Ms > since && !refused.contains(*day));
            looks.count() >= 2 && got <= now
        };
        let extra: Vec<&String> = dead.filter(|key| is_askable && was_asked(key)).collect();
        let told = |keys: &[&String]| format!("{} {:?}", keys.len(), &keys[..keys.len().min(TOLD)]);
        match missing.len() + extra.len() + stale.len() {
            0 => Ok(()),
            _ => Err(format!(
                "after the quiet days its copy lacks {}, has besides {}, and has another content of {}",
                told(&missing),
                told(&extra),
                told(&stale)
            )),
        }
    }

    /// Since when the runs are to ask for keys that the copy has and the list has not, and when these were read.
    fn asked_for_the_copy(&self, at: usize) -> BTreeMap<String, (Ms, Ms)> {
        let name = format!("log-copy{at}").parse();
        let object = name.map(|client| layout::questions_of(&self.feeds[at].spec.feed, &client));
        let stored = object.ok().and_then(|name| self.store.get(&name));
        let open =
            stored.and_then(|stored| serde_json::from_slice::<Questions>(&stored.bytes).ok());
        let open = open.into_iter().flat_map(|questions| questions.open);
        let times = |question: &Question| {
            let got = question.got.unwrap_or_default().saturating_mul(1_000);
            (question.at.as_millisecond(), got)
        };
        open.map(|question| (question.key.clone(), times(&question)))
            .collect()
    }
}

/// Whether a hash is that of this record. Some answers show a key that is a text as a number.
fn is_of(hash: u64, record: &str) -> bool {
    let of = |text: &str| Some(hash::hash(&Fields::read(text).ok()?, &["MediaURL"]));
    let bare = record.replacen("\"ListingKey\":\"", "\"ListingKey\":", 1);
    let bare = bare.replacen("\",", ",", 1);
    of(record) == Some(hash) || of(&bare) == Some(hash)
}
