//! Keys that wait for another look: how the comparison treats those of earlier days, and how every scan
//! updates them. Listed keys wait only if the MLS cannot be asked for single keys. Keys that sites asked
//! about always wait.

use std::cmp::Ordering;

use jiff::SignedDuration;
use livelist_model::codec::{CodecError, Effort, ListSummary, ListWriter};
use livelist_model::decision::Looked;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::ids::RunId;
use livelist_model::keys::KeyBuffer;
use livelist_model::layout;
use livelist_model::merge::Side;
use livelist_model::run::RunSpec;
use livelist_model::waiting::{Before, Look, MOST, Waiting};
use livelist_store::{Condition, ObjectsExt, Retention, StoreError};

use crate::lists::{self, Chunks};
use crate::progress::NextWaiting;
use crate::{Env, StepError};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A lost compare-and-swap is retried this often: other runs record what they saw.
const RACES: usize = 4;

/// The waiting keys, and the ETag.
pub(crate) async fn read(env: &Env, run: &RunSpec) -> Result<(Waiting, Option<String>), StepError> {
    let key = layout::waiting(&run.feed.feed);
    Ok(match env.objects.read_json::<Waiting>(&key).await {
        Ok(Some((waiting, etag))) if waiting.schema == Waiting::SCHEMA => (waiting, Some(etag)),
        Ok(None) => (Waiting::new(run.feed.feed.clone()), None),
        // Started again: forgotten keys wait one more day.
        Ok(Some((_, etag))) => (Waiting::new(run.feed.feed.clone()), Some(etag)),
        Err(StoreError::Corrupt { reason, .. }) => {
            tracing::warn!(
                object = key,
                reason,
                "the record of waiting keys cannot be read and begins anew"
            );
            let found = env.objects.read(&key).await?;
            let etag = found.map(|(_, etag)| etag);
            (Waiting::new(run.feed.feed.clone()), etag)
        }
        Err(error) => return Err(error.into()),
    })
}

/// Records those of the sorted `keys` that a look had missed: they are live, whatever happens to this scan.
pub(crate) async fn sight(env: &Env, run: &RunSpec, keys: &KeyBuffer) -> Result<(), StepError> {
    let is_there = |key: &str| {
        let (mut low, mut high) = (0, keys.len());
        while low < high {
            let middle = (low + high) / 2;
            match keys.key(middle).unwrap_or_default().cmp(key.as_bytes()) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return true,
            }
        }
        false
    };
    let key = layout::waiting(&run.feed.feed);
    for _ in 0..RACES {
        let (mut waiting, etag) = read(env, run).await?;
        let Some(etag) = etag.filter(|_| waiting.see(is_there)) else {
            return Ok(());
        };
        let condition = Condition::Unchanged(etag);
        let written = env
            .objects
            .write_json(&key, &waiting, condition, Retention::Keep);
        match written.await {
            Ok(_) => return Ok(()),
            Err(StoreError::ConditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::unavailable(format!("writing {key}"), "others kept changing it").into())
}

/// Records that the scan which began at `at` showed listings with other ids than the stored ones.
pub(crate) async fn note_changed_ids(
    env: &Env,
    run: &RunSpec,
    at: jiff::Timestamp,
) -> Result<(), StepError> {
    let key = layout::waiting(&run.feed.feed);
    for _ in 0..RACES {
        let (mut waiting, etag) = read(env, run).await?;
        if waiting.ids_changed == Some(at) {
            return Ok(());
        }
        waiting.ids_changed = Some(at);
        let condition = etag.map_or(Condition::Absent, Condition::Unchanged);
        let written = env
            .objects
            .write_json(&key, &waiting, condition, Retention::Keep);
        match written.await {
            Ok(_) => return Ok(()),
            Err(StoreError::ConditionFailed { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::unavailable(format!("writing {key}"), "others kept changing it").into())
}

/// Finds waiting keys during a comparison's pass over the lists.
pub(crate) struct Watch {
    waiting: Waiting,
    etag: Option<String>,
    /// The waiting keys, in order.
    watched: Vec<(Vec<u8>, usize, Before, bool)>,
    /// The first of them that the pass has not reached.
    next: usize,
    again: ListWriter<Chunks>,
    looked: Looked,
    /// Absent keys of earlier looks, each with the number of its look.
    kept: Vec<(usize, String)>,
    /// Absent keys that no earlier look missed.
    fresh: Vec<String>,
    look: Look,
}

/// The result of a pass.
pub(crate) struct Watched {
    pub(crate) looked: Looked,
    again: (Chunks, ListSummary),
    waiting: Waiting,
    etag: Option<String>,
    kept: Vec<(usize, String)>,
    fresh: Vec<String>,
    look: Look,
}

impl Watch {
    /// A watch over the waiting keys, for a look of `run` that began at `began`. If removals are
    /// distrusted, two looks have to be one more day apart.
    pub(crate) async fn new(
        env: &Env,
        run: &RunSpec,
        began: jiff::Timestamp,
        is_distrusted: bool,
    ) -> Result<Watch, StepError> {
        let (waiting, etag) = read(env, run).await?;
        let (date, from) = match is_distrusted {
            true => (
                run.date.yesterday().unwrap_or(run.date),
                began.saturating_sub(DAY).unwrap_or(began),
            ),
            false => (run.date, began),
        };
        let before: Vec<Before> = waiting
            .looks
            .iter()
            .map(|look| look.before(&run.feed.schedule, date, from))
            .collect();
        let watched = waiting.sorted().into_iter().map(|key| {
            let before = before.get(key.look).copied().unwrap_or(Before::Forgotten);
            (key.key.as_bytes().to_vec(), key.look, before, key.is_seen)
        });
        Ok(Watch {
            watched: watched.collect(),
            waiting,
            etag,
            next: 0,
            again: lists::writer(Effort::Stored),
            looked: Looked::default(),
            kept: Vec::new(),
            fresh: Vec::new(),
            look: Look::new(run.run.clone(), run.date, began),
        })
    }

    /// Takes the next key of the list or of the scan.
    pub(crate) fn push(&mut self, key: &[u8], side: Side) -> Result<(), CodecError> {
        while self.watched.get(self.next).is_some_and(|w| &w.0[..] < key) {
            self.next += 1;
        }
        let here = self.watched.get(self.next).filter(|w| w.0 == key);
        let here = here.map(|(_, look, before, is_seen)| (*look, *before, *is_seen));
        match (side, here) {
            (Side::Present, _) | (Side::Both, None) => {}
            (Side::Both, Some(_)) => self.looked.back += 1,
            (Side::Former, _) if is_off(Guard::SecondLook) => {
                self.looked.again += 1;
                self.again.push(key)?;
            }
            (Side::Former, Some((look, before @ (Before::Another | Before::TooSoon), false))) => {
                if before == Before::Another {
                    self.looked.again += 1;
                    self.again.push(key)?;
                } else {
                    self.looked.early += 1;
                }
                self.kept.extend(text(key).map(|key| (look, key)));
            }
            (Side::Former, _) => {
                self.looked.fresh += 1;
                if self.fresh.len() < MOST {
                    self.fresh.extend(text(key));
                }
            }
        }
        Ok(())
    }

    /// Ends the pass.
    pub(crate) fn finish(self) -> Result<Watched, CodecError> {
        Ok(Watched {
            again: self.again.finish()?,
            looked: self.looked,
            waiting: self.waiting,
            etag: self.etag,
            kept: self.kept,
            fresh: self.fresh,
            look: self.look,
        })
    }
}

fn text(key: &[u8]) -> Option<String> {
    String::from_utf8(key.to_vec()).ok()
}

/// Decides about keys that today's question by key did not find, if one day is not enough: those that
/// another look missed as well are gone, the others wait.
pub(crate) async fn ask_twice(
    env: &Env,
    run: &RunSpec,
    began: jiff::Timestamp,
    missing: &[&[u8]],
) -> Result<(Vec<Vec<u8>>, NextWaiting), StepError> {
    let mut watch = Watch::new(env, run, began, false).await?;
    let mut gone = Vec::new();
    for key in missing {
        let before = watch.looked.again;
        watch
            .push(key, Side::Former)
            .map_err(lists::in_object("what waits"))?;
        if watch.looked.again > before {
            gone.push(key.to_vec());
        }
    }
    let watched = watch.finish().map_err(lists::in_object("what waits"))?;
    Ok((gone, watched.next(Became::Counts)))
}

/// How a look counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    /// It does not count: waiting keys keep waiting.
    Doubted,
    /// It does not agree with the one before: neither confirms anything, and this one becomes a first look.
    Void,
    /// It counts.
    Counts,
}

impl Watched {
    /// Absent keys that another look missed as well.
    pub(crate) fn again(&self) -> (Chunks, ListSummary) {
        self.again.clone()
    }

    /// The keys that wait after this look.
    pub(crate) fn next(self, became: Became) -> NextWaiting {
        let mut next = self.waiting;
        match became {
            Became::Doubted => {}
            // The misses of the first look mean nothing. This look confirms nothing either; it becomes a
            // first look.
            Became::Void => {
                let missed = self.kept.into_iter().map(|(_, key)| key);
                let keys: Vec<String> = missed.chain(self.fresh).collect();
                next.looks = vec![Look { keys, ..self.look }];
                next.looks.retain(|look| !look.keys.is_empty());
            }
            Became::Counts => {
                for look in &mut next.looks {
                    (look.keys, look.seen) = (Vec::new(), Vec::new());
                }
                for (nth, key) in self.kept {
                    if let Some(look) = next.looks.get_mut(nth) {
                        look.keys.push(key);
                    }
                }
                next.looks.push(Look {
                    keys: self.fresh,
                    ..self.look
                });
                next.looks.retain(|look| !look.keys.is_empty());
            }
        }
        NextWaiting {
            etag: self.etag,
            next,
        }
    }
}

impl NextWaiting {
    /// This, and of `noted`, which the comparison left, the keys that `counts` picks. If others wrote what
    /// waits since the comparison, this cannot be stored, and the lists are compared again.
    pub(crate) fn beside(
        mut self,
        noted: &NextWaiting,
        counts: impl Fn(&str) -> bool,
    ) -> NextWaiting {
        let looks = &mut self.next.looks;
        for look in &noted.next.looks {
            let picked = |keys: &[String]| -> Vec<String> {
                keys.iter().filter(|key| counts(key)).cloned().collect()
            };
            let (keys, seen) = (picked(&look.keys), picked(&look.seen));
            match looks.iter_mut().find(|there| there.run == look.run) {
                Some(there) => {
                    there.keys.extend(keys);
                    there.seen.extend(seen);
                }
                None if keys.is_empty() && seen.is_empty() => {}
                None => looks.push(Look {
                    keys,
                    seen,
                    ..look.clone()
                }),
            }
        }
        looks.sort_by_key(|look| look.began);
        self.etag.clone_from(&noted.etag);
        self
    }

    /// This, without the look of `run`.
    pub(crate) fn without(&self, run: &RunId) -> NextWaiting {
        let mut next = self.clone();
        next.next.looks.retain(|look| look.run != *run);
        next
    }
}

/// Stores the keys that wait from now on; returns `false` if another writer changed them since they were
/// read.
pub(crate) async fn write(env: &Env, run: &RunSpec, next: &NextWaiting) -> Result<bool, StepError> {
    let (now, etag) = read(env, run).await?;
    if now == next.next {
        return Ok(true);
    }
    if etag != next.etag {
        return Ok(false);
    }
    let key = layout::waiting(&run.feed.feed);
    let condition = match etag {
        Some(etag) => Condition::Unchanged(etag),
        None => Condition::Absent,
    };
    let written = env
        .objects
        .write_json(&key, &next.next, condition, Retention::Keep);
    match written.await {
        Ok(_) => Ok(true),
        Err(StoreError::ConditionFailed { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
