//! The oracle knows the truth: the listings of every MLS at every instant. It checks each write of a head
//! at the moment of the write. It reads the written objects with its own code, and compares them with these
//! rules.
//!
//! - **The window** of a published list lasts from the beginning of the earliest scan that the list is
//!   based on to the write of the head. These scans are those of the published comparison, timed by the
//!   oracle's clock, whatever the machine's clock said. A key *went through the window* if it was live in
//!   the MLS, and matched the feed's filter, at every instant of the window. A key that was removed during
//!   the window may be listed or not.
//! - **Rule zero**: a key of the former list that went through the window is in the new list. The only
//!   excuse is that the MLS *denied* the key in every kind of answer that it has. That is: a partial denial
//!   of access, which hides the key, in pages; in answers by key, if keys can be asked for; and in counts,
//!   if it counts (a falsified count denies as well). If it can neither be asked by key nor counts, it has
//!   only pages. Then it denied a key if, in every scan that the list is based on, a fault left rows out of
//!   a page, and if that was also so 18 hours before, or the key came back since then. A key that is hidden
//!   in only some kinds of answers is live. At MLS Grid, keys cannot be asked for in Broker-Only feeds, nor
//!   if listings got other ids lately, because the ids of listings that were not seen since are not known.
//!   A key of the former list that has been live ever since that list was written may not be removed
//!   either, even if it was added after the scans had begun: another run has seen it. No excuse holds for a
//!   list without any key, unless the former one had at most ten.
//! - **Mass removals wait**: a list that removes more keys than the guards allow follows a run that was
//!   held on an earlier day against the same head, or an operator's approval.
//! - **Completeness**: a key that has been live since the head's `as_of` is in the list, even if it was in
//!   no list before. (`as_of` is the beginning of the last good look; if pages follow links, of the one
//!   before.) The excuses are those of rule zero, and two more. A fault left rows out of a page, while the
//!   MLS did not count or its count was falsified or changed. Or rows are read by following links, which do
//!   not overlap, and the listings changed in the window, so that rows moved past the reader. Such a key is
//!   counted as *late*, and the last days check that it is listed in the end.
//! - **The head**: complete, in bytewise order, without repetitions; count, size and SHA-256 are those of
//!   the stored list. Its sequence is the former one's plus one, or everything but the time of the look is
//!   unchanged. Its newest delta leads from the former list to the new one, and the older deltas are those
//!   of the former head. A published object never changes, and is never deleted while the head needs it.
//! - **No delay by others**: if nothing is wrong at a feed's MLS today and yesterday, and our own machines
//!   work on these days, the feed is looked at today: published, found right, or held.
//! - **No circle**: an MLS with some hundred listings does not answer 10,000 requests in a day, nor show
//!   one page 300 times.
//! - **One at a time**: if our machines work today and yesterday, nothing happens twice, and the MLS
//!   answers in time, then two executions do not use one credential alternately. (A lease lasts 20 minutes.
//!   A task that waits in vain for a slow provider, with the machine's longest pause after it, takes
//!   longer.)
//! - **Nothing is stuck**: on the second day without any fault, every list is the truth, or the difference
//!   waits for an operator and is true, or waits for one more day because many removals came back lately.
//!   On the third day, after an operator approved it, every list is the truth.
//! - **Gone was listed** (checked with `--contradict`): after each write of a head, and each evening, the
//!   API is asked about every live key of the feed. It calls none of them gone, except keys that were once
//!   on a list: rule zero judged their removal, and a list that has them again corrects it. The only excuse
//!   is that the MLS denied the key in answers by key on two days.
//! - **No site takes it down**: for every live key, the plugin's decision ([`crate::plugin`]) gets the
//!   API's answer and the list, with a copy that the site got when the listing was added. It takes none of
//!   them down, including keys that were never listed; the excuse is that of *gone was listed*.
//! - **Sites ask**, each evening, about the live keys and about those that were removed before any list had
//!   them. None of the latter is called gone within hours of the first question. If they can be asked for
//!   by key, and look like the list's keys, all are gone after the runs of two quiet days.
//! - **Copies of records** (checked with `records`): no live record is removed from a copy whose feed lists
//!   its key; no older record replaces a newer one; a copy is never ahead of its log. After the quiet days
//!   each copy holds the listed keys, and the content that the MLS has of each.
//! - **No secret** in any object, payload or error, and none sent to a host that is not the feed's.

mod check;
mod copies;
mod denial;
mod evening;
mod succession;

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use livelist_model::decision::FEW;
use livelist_model::layout;
use livelist_reso::dialect::Dialect;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) use check::site_key_hash;
use denial::Denial;
use succession::succeeds;

use crate::ports::Place;
use crate::sim::Ms;
use crate::store::Store;
use crate::tally::count;
use crate::world::{Strike, World};

/// The text of a stored list.
fn text(store: &Store, object: &str) -> Result<String, String> {
    let stored = store.get(object).ok_or(format!("{object} is missing"))?;
    let mut text = String::new();
    MultiGzDecoder::new(&stored.bytes[..])
        .read_to_string(&mut text)
        .map_err(|e| format!("{object} cannot be unpacked: {e}"))?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err(format!("{object} does not end with a line end"));
    }
    Ok(text)
}

/// The keys of a stored list.
pub(crate) fn lines(store: &Store, object: &str) -> Result<Vec<String>, String> {
    let text = text(store, object)?;
    let keys = text
        .lines()
        .map(|line| line.split('\t').next().unwrap_or(""));
    Ok(keys.map(str::to_owned).collect())
}

fn has(list: &[String], key: &String) -> bool {
    list.binary_search_by(|other| other.as_bytes().cmp(key.as_bytes()))
        .is_ok()
}

fn member<'a>(of: &'a Value, name: &str) -> Result<&'a str, String> {
    of[name].as_str().ok_or(format!("the head has no {name}"))
}

/// When the scans of a list were made, by the oracle's clock.
struct Window {
    from: Ms,
    scans: Vec<(Ms, Ms)>,
    counts: bool,
    by_links: bool,
    /// Whether rows can slip past the last scan: it followed links over more than one page.
    slips: bool,
}

impl World {
    /// Checks a head that was just written.
    pub(crate) fn check_head(&mut self, now: Ms, place: &Place, key: &str) {
        let at = self
            .feeds
            .iter()
            .position(|f| layout::head(&f.spec.feed) == key);
        let Some(at) = at else {
            return self.wrong(format!("{key} is nobody's head"));
        };
        if let Err(problem) = self.judge(now, place, at, key) {
            let feed = self.feeds[at].spec.feed.clone();
            self.wrong(format!("{feed}: {problem}"));
        }
    }

    fn judge(&mut self, now: Ms, place: &Place, at: usize, key: &str) -> Result<(), String> {
        let bytes = &self.store.get(key).ok_or("the head is missing")?.bytes;
        let head: Value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let list = self.sound(&head)?;
        let feed = &self.feeds[at];
        let is_new = succeeds(&self.store, feed, &head, &list)?;
        let window = self.window(place)?;
        let (as_of, looked_at) = self.promise(at, &head, &window);
        let (late, excused) = self.rule_zero(now, at, &list, &window, as_of)?;
        self.waited(place, at, &list)?;
        for _ in 0..late {
            count(&mut self.tally.lists, "new keys that came late");
        }
        let what = if is_new { "published" } else { "found right" };
        count(&mut self.tally.lists, what);
        let feed = &mut self.feeds[at];
        let name = feed.spec.feed.clone();
        let size = list.len();
        for key in &list {
            feed.removed.remove(key);
            feed.missed.remove(key);
        }
        let went: Vec<String> = feed.list.iter().flatten().cloned().collect();
        let went = went.into_iter().filter(|key| !has(&list, key));
        let before = feed.removed.len();
        feed.removed.extend(went);
        let lost_any = feed.removed.len() > before;
        if is_new {
            feed.listed_at = now;
            // A held run lists the keys that it saw; the others keep waiting.
            if lost_any {
                feed.held_on.clear();
            }
        }
        // An excuse is valid as long as `as_of` does not change.
        if as_of != feed.as_of {
            feed.excused.clear();
        }
        feed.excused.extend(excused);
        feed.list = Some(list);
        feed.head = Some(head);
        (feed.as_of, feed.looked_at) = (as_of, looked_at);
        self.tell(1, || format!("the list of {name} is {what}: {size} keys"));
        self.check_gone(now, at)
    }

    /// The list of a head that describes it correctly.
    fn sound(&self, head: &Value) -> Result<Vec<String>, String> {
        if head["complete"] != true || head["order"] != "bytewise" {
            return Err("the head is not complete and in order".to_owned());
        }
        let object = member(&head["full"], "object")?;
        let text = text(&self.store, object)?;
        if hex::encode(Sha256::digest(&text)) != member(head, "sha256")? {
            return Err("the list has another SHA-256 than the head says".to_owned());
        }
        let list: Vec<String> = text.lines().map(str::to_owned).collect();
        if head["count"].as_u64() != Some(list.len() as u64) {
            return Err("the list has another count than the head says".to_owned());
        }
        if !list.is_sorted_by(|a, b| a.as_bytes() < b.as_bytes()) {
            return Err("the list is not in order, or repeats keys".to_owned());
        }
        let deltas = head["deltas"].as_array().ok_or("the head has no deltas")?;
        for stored in deltas.iter().chain([&head["full"]]) {
            let object = member(stored, "object")?;
            let found = self.store.get(object);
            let found = found.ok_or(format!("{object} is missing"))?;
            if stored["bytes"].as_u64() != Some(found.bytes.len() as u64) {
                return Err(format!("{object} has another size than the head says"));
            }
            if found.expires.is_some() {
                return Err(format!("{object} will expire, and the head needs it"));
            }
        }
        Ok(list)
    }

    fn window(&self, place: &Place) -> Result<Window, String> {
        let work = place.work();
        let key = work
            .comparison
            .ok_or("the head was written by no publisher")?;
        let compared = self.store.get(&key).ok_or("the comparison is missing")?;
        let compared: Value = serde_json::from_slice(&compared.bytes).map_err(|e| e.to_string())?;
        let scans = compared["facts"]["scans"].as_array();
        let scans = scans.ok_or("the comparison has no scans")?;
        let time = |scan: &Value, name: &str| {
            let at: Timestamp = scan[name].as_str()?.parse().ok()?;
            // The nanoseconds say by whose clock it was.
            let nanos = at.as_nanosecond();
            let skew = self.skews.get(nanos.rem_euclid(1_000_000) as usize)?;
            Some(nanos.div_euclid(1_000_000) as Ms - skew)
        };
        let mut windows = Vec::new();
        for scan in scans {
            let began = time(scan, "started_at").ok_or("a scan has no beginning")?;
            // Only with a guard off, a list may be published from a scan without an end.
            windows.push((began, time(scan, "ended_at").unwrap_or(Ms::MAX)));
        }
        let from = windows.iter().map(|scan| scan.0).min();
        Ok(Window {
            from: from.ok_or("the list rests on no scan")?,
            scans: windows,
            counts: scans.iter().any(|scan| !scan["count_before"].is_null()),
            by_links: scans.iter().any(|scan| scan["paging"] == "links"),
            slips: scans
                .last()
                .is_some_and(|scan| scan["paging"] == "links" && scan["pages"].as_u64() > Some(1)),
        })
    }

    /// The instant that the head's `as_of` promises, and the beginning of its look, by the oracle's clock.
    fn promise(&self, at: usize, head: &Value, window: &Window) -> (Ms, Ms) {
        let feed = &self.feeds[at];
        let Some(former) = &feed.head else {
            return (window.from, window.from);
        };
        if head["checked_at"] == former["checked_at"] {
            return (feed.as_of, feed.looked_at);
        }
        let as_of = match window.slips {
            true => feed.as_of.max(feed.looked_at.min(window.from)),
            false => window.from,
        };
        (as_of, window.from)
    }

    /// How many live keys are late, and which ones are excused; an error names one that must not be
    /// missing.
    fn rule_zero(
        &self,
        now: Ms,
        at: usize,
        list: &[String],
        window: &Window,
        as_of: Ms,
    ) -> Result<(u64, Vec<String>), String> {
        let feed = &self.feeds[at];
        let listed = |key: &String| feed.list.as_ref().is_some_and(|former| has(former, key));
        // If answers come from a cache, the list's `as_of` is earlier by its age.
        let dialect = Dialect::for_feed(&feed.spec).map_err(|e| e.to_string())?;
        let lag = dialect.lag.as_millis() as Ms;
        let missing: Vec<&String> = feed
            .live
            .iter()
            .filter(|(key, _)| !has(list, key))
            .filter(|(key, since)| {
                let promised = match listed(key) {
                    true => (window.from - lag).max(feed.listed_at),
                    false => window.from.min(as_of),
                };
                **since <= promised
            })
            .map(|(key, _)| key)
            .collect();
        if missing.is_empty() {
            return Ok((0, Vec::new()));
        }
        let mls = &self.mlss[feed.mls];
        let strikes: Vec<&Strike> = mls
            .strikes
            .iter()
            .filter(|strike| strike.at >= window.from && strike.at <= now)
            .collect();
        let asks = dialect.confirm.is_by_key();
        let by_id = dialect.id_field(&feed.spec).is_some();
        // Whatever an MLS denies: no list becomes empty while a listing is live, except a list of a few
        // keys, each asked for on two days. A list that was empty may stay so for a day.
        let was_small = feed
            .list
            .as_ref()
            .is_some_and(|list| list.len() as u64 <= FEW);
        let is_void = list.is_empty() && !was_small;
        let mut late = 0;
        let mut excused = Vec::new();
        for key in missing {
            let since = feed.live.get(key).copied().unwrap_or(Ms::MAX);
            let denial = Denial {
                mls,
                strikes: &strikes,
                key,
                since,
                looked_at: feed.looked_at,
            };
            let was_excused = || as_of == feed.as_of && feed.excused.contains(key);
            let asks = asks && !(by_id && denial.is_without_id(window));
            // A key that an answer by key shows may still have left the list; then only pages count.
            let has_scans_alone = !asks || dialect.shows_more;
            let is_denied = (asks && denial.is_total(window))
                || (has_scans_alone && denial.is_in_every_scan(window));
            if !is_void && (is_denied || (!listed(key) && was_excused())) {
                excused.push(key.clone());
                continue;
            }
            if list.is_empty() && was_small && denial.is_of_everything(window) {
                continue;
            }
            if listed(key) {
                return Err(format!("the listing {key} is live and is reported as gone"));
            }
            let is_new = since > window.from - lag;
            if is_void || !(is_new || denial.excuses_delay(window, &dialect)) {
                return Err(format!(
                    "the listing {key} was live through the whole scan and is not in the list"
                ));
            }
            late += 1;
            excused.push(key.clone());
        }
        Ok((late, excused))
    }

    /// Whether a mass removal was seen twice, or approved by an operator.
    fn waited(&self, place: &Place, at: usize, list: &[String]) -> Result<(), String> {
        let feed = &self.feeds[at];
        let Some(former) = &feed.list else {
            return Ok(());
        };
        let kept: BTreeSet<&String> = list.iter().collect();
        let removed = former.iter().filter(|key| !kept.contains(key)).count() as u64;
        if removed <= feed.spec.guards.limit(former.len() as u64) {
            return Ok(());
        }
        let work = place.work();
        let today = work.comparison.unwrap_or_default();
        let today = today.split('/').nth(3).and_then(|run| run.get(..10));
        let earlier = |day: &String| today.is_some_and(|today| day.as_str() < today);
        if work.is_approved || feed.held_on.iter().any(earlier) {
            return Ok(());
        }
        Err(format!(
            "{removed} of {} listings were removed at once, and nobody looked twice",
            former.len()
        ))
    }

    /// Notes that a run is held.
    pub(crate) fn note_held(&mut self, key: &str) {
        let is_quiet = self.is_quiet();
        let held = self.store.get(key);
        let held = held.and_then(|held| serde_json::from_slice::<Value>(&held.bytes).ok());
        let feed = self
            .feeds
            .iter_mut()
            .find(|f| layout::held(&f.spec.feed) == key);
        if let (Some(held), Some(feed)) = (held, feed)
            && let Some(day) = held["run"].as_str().and_then(|run| run.get(..10))
        {
            feed.held_on.insert(day.to_owned());
            feed.quiet_holds += u32::from(is_quiet);
        }
    }
}
