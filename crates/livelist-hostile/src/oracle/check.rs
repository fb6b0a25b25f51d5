//! Principle 1: only a key that was listed can be gone. The oracle asks the API itself, over a copy of the
//! storage, as a site would, and keeps the questions that it notes. And the plugin takes no live listing
//! down, whatever the list lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::{Request, header};
use jiff::Timestamp;
use livelist_api::ApiState;
use livelist_model::layout;
use livelist_reso::dialect::Dialect;
use livelist_store::memory::{ManualClock, MemoryLinks, MemoryObjects, SeededEntropy};
use livelist_store::{Condition, Objects, ObjectsExt, Retention};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use super::denial::{BETWEEN_LOOKS, Denial};
use super::{has, member};
use crate::plugin::{Becomes, Did, Post, Said as Verdict};
use crate::sim::Ms;
use crate::tally::count;
use crate::world::World;

/// The site key of these worlds.
const SITE_KEY: &str = "ll1.acme.hostile-site-key-3b1f";

/// Machines' clocks differ by so much at most: two looks may be so much closer.
const CLOCKS: Ms = 4 * 3_600_000;
const DAY: Ms = 24 * 3_600_000;

/// The API's answer, and the objects that it wrote.
#[derive(Default)]
struct Said {
    gone: Vec<String>,
    unknown: BTreeSet<String>,
    written: Vec<(String, Bytes)>,
}

/// The kinds of characters in a key: digits, small and large letters, and each other sign.
fn kinds_of(key: &str) -> impl Iterator<Item = u8> {
    key.bytes().map(|byte| match byte {
        b'0'..=b'9' => b'0',
        b'a'..=b'z' => b'a',
        b'A'..=b'Z' => b'A',
        128.. => 128,
        sign => sign,
    })
}

/// When each open question was noted, by the API's clock.
fn noted(written: &[(String, Bytes)]) -> BTreeMap<String, Ms> {
    let documents = written.iter();
    let documents = documents.filter_map(|(_, bytes)| serde_json::from_slice::<Value>(bytes).ok());
    let open = documents.flat_map(|found| found["open"].as_array().cloned().unwrap_or_default());
    let at = |open: &Value| {
        Some(
            open["at"]
                .as_str()?
                .parse::<Timestamp>()
                .ok()?
                .as_millisecond(),
        )
    };
    open.filter_map(|open| Some((open["key"].as_str()?.to_owned(), at(&open)?)))
        .collect()
}

/// Its hash, as registry documents have it.
pub(crate) fn site_key_hash() -> String {
    hex::encode(Sha256::digest(SITE_KEY))
}

impl World {
    /// Whether the API calls a live key gone that never was listed.
    pub(super) fn check_gone(&mut self, now: Ms, at: usize) -> Result<(), String> {
        if !self.story.asks_check || self.feeds[at].head.is_none() {
            return Ok(());
        }
        let keys = self.copies(at);
        let said = self.asked(now, at, &keys)?;
        count(&mut self.tally.lists, "asked for by a site");
        self.no_live_one(now, at, &said.gone)?;
        self.none_is_taken_down(now, at, &said.gone)
    }

    /// A site asks in the evening; the API notes its questions.
    pub(super) fn site_asks(&mut self, now: Ms, at: usize) -> Result<(), String> {
        if !self.story.asks_check || self.feeds[at].head.is_none() {
            return Ok(());
        }
        let mut keys = self.copies(at);
        let day = self.day;
        let feed = &mut self.feeds[at];
        // For a listing that came back, the time of its copy is sent, as for other live ones.
        let missed = feed.missed.keys();
        let missed = missed.filter(|key| !feed.live.contains_key(*key));
        let missed: Vec<String> = missed.cloned().collect();
        let lengths = || feed.list.iter().flatten().map(String::len);
        let shortest = lengths().min().unwrap_or(usize::MAX);
        let longest = lengths().max().unwrap_or(0);
        let kinds: BTreeSet<u8> = feed
            .list
            .iter()
            .flatten()
            .flat_map(|key| kinds_of(key))
            .collect();
        // Keys with another shape than the list's are not asked for.
        let fits = |key: &&String| {
            (shortest..=longest).contains(&key.len())
                && kinds_of(key).all(|kind| kinds.contains(&kind))
        };
        for key in feed.live.keys().chain(&missed).filter(fits) {
            feed.asked_about.entry(key.clone()).or_insert((now, day));
        }
        keys.extend(missed.iter().map(|key| json!(key)));
        let said = self.asked(now, at, &keys)?;
        let noted = noted(&said.written);
        for (key, bytes) in said.written {
            self.store.put(&key, bytes, Retention::Keep, now);
        }
        count(&mut self.tally.lists, "asked for by a site");
        self.no_live_one(now, at, &said.gone)?;
        self.none_is_taken_down(now, at, &said.gone)?;
        let gone: BTreeSet<&String> = said.gone.iter().collect();
        let is_askable = self.is_askable(at)?;
        let feed = &self.feeds[at];
        for key in &missed {
            let asked = feed.asked_about.get(key).copied();
            let (first, mut since) = asked.unwrap_or((now, day));
            // A question is forgotten after 30 days, and noted again when the site asks the next time.
            if let Some(at) = noted.get(key) {
                let ago = usize::try_from((now - at).div_euclid(DAY)).unwrap_or(0);
                since = since.max(day.saturating_sub(ago));
            }
            // A token that ends while a site's questions are asked ends those of that run; some servers
            // say 400 or 403 then.
            let refused = &self.mlss[feed.mls].refused_questions;
            let looks = feed.quiet_looks.iter();
            let looks = looks.filter(|day| **day > since && !refused.contains(*day));
            if gone.contains(key) {
                count(&mut self.tally.lists, "never listed, and gone for a site");
                // Copies of records ask about the same keys, and earlier.
                if now - first < BETWEEN_LOOKS - CLOCKS && !self.story.replicates {
                    return Err(format!(
                        "{key} was never listed, and is called gone at once"
                    ));
                }
            } else if is_askable && fits(&key) && looks.count() >= 2 && said.unknown.contains(key) {
                return Err(format!(
                    "{key} never was listed and is gone; a site asks about it, two quiet days have \
                     looked, and it is unknown"
                ));
            }
        }
        Ok(())
    }

    /// The live keys of a feed, as a site asks about them that got its copies when they were added.
    fn copies(&self, at: usize) -> Vec<Value> {
        let live = self.feeds[at].live.iter();
        let copies = live.filter_map(|(key, since)| {
            let got = Timestamp::from_millisecond(since + 999).ok()?;
            Some(json!({"key": key, "got": got.to_string()}))
        });
        copies.collect()
    }

    /// Whether single keys of a feed can be asked for with a site's data.
    fn is_askable(&self, at: usize) -> Result<bool, String> {
        let spec = &self.feeds[at].spec;
        let dialect = Dialect::for_feed(spec).map_err(|e| e.to_string())?;
        // A listing that CREA shows by key may still have left the list.
        Ok(dialect.confirm.is_by_key() && dialect.id_field(spec).is_none() && !dialect.shows_more)
    }

    fn no_live_one(&self, now: Ms, at: usize, gone: &[String]) -> Result<(), String> {
        let feed = &self.feeds[at];
        let is_wrong =
            |key: &&String| feed.live.contains_key(*key) && !self.may_be_gone(now, at, key);
        match gone.iter().find(is_wrong) {
            Some(key) => Err(format!(
                "the listing {key} is live, was never listed, and is called gone"
            )),
            None => Ok(()),
        }
    }

    /// Whether the plugin would take down a live listing that it got when it was added, either untouched or
    /// drafted before.
    fn none_is_taken_down(&mut self, now: Ms, at: usize, gone: &[String]) -> Result<(), String> {
        let feed = &self.feeds[at];
        let (Some(head), Some(list)) = (&feed.head, &feed.list) else {
            return Ok(());
        };
        let as_of = member(head, "as_of")?.parse::<Timestamp>();
        let as_of = as_of.map_err(|e| e.to_string())?.as_second();
        let gone: BTreeSet<&String> = gone.iter().collect();
        let mut kept = 0_u64;
        for (key, since) in feed.live.iter().filter(|(key, _)| !has(list, key)) {
            let post = Post {
                seen: (since + 999).div_euclid(1_000),
                as_of,
                said: match gone.contains(key) {
                    true => Verdict::Gone,
                    false => Verdict::Unknown,
                },
                ..Post::default()
            };
            let again = Post {
                did: Did::Drafted,
                missed: as_of - 86_400,
                ..post
            };
            kept += u64::from(post.becomes() == Becomes::Unknown);
            let is_down = post.becomes().is_down() || again.becomes().is_down();
            if is_down && !self.may_be_gone(now, at, key) {
                return Err(format!(
                    "the listing {key} is live, was never listed, and the plugin takes it down"
                ));
            }
        }
        for _ in 0..kept {
            count(
                &mut self.tally.lists,
                "live, not listed, and kept by a site",
            );
        }
        Ok(())
    }

    /// Whether another rule judges that a live key is gone: it was on a list, or the MLS denied it by key on
    /// two days.
    fn may_be_gone(&self, now: Ms, at: usize, key: &String) -> bool {
        let feed = &self.feeds[at];
        feed.removed.contains(key) || Denial::by_key_twice(&self.mlss[feed.mls], key, now)
    }

    /// The API's answer about these keys; `None` if it has no answer.
    fn asked(&self, now: Ms, at: usize, keys: &[Value]) -> Result<Said, String> {
        let feed = &self.feeds[at].spec.feed;
        let own = format!("feeds/{feed}/");
        let runs = format!("{own}runs/");
        let questions = layout::questions(feed);
        let copied: Vec<_> = ["registry/", own.as_str(), questions.as_str()]
            .into_iter()
            .flat_map(|prefix| self.store.under(prefix))
            .filter(|(key, _)| !key.starts_with(&runs))
            .map(|(key, stored)| (key.clone(), stored.bytes.clone()))
            .collect();
        let at = Timestamp::from_millisecond(now).map_err(|e| e.to_string())?;
        let question = Request::post(format!("/v1/feeds/{feed}/check"))
            .header(header::AUTHORIZATION, format!("Bearer {SITE_KEY}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(json!({ "keys": keys }).to_string()))
            .map_err(|e| e.to_string())?;
        let answer = async move {
            let objects = Arc::new(MemoryObjects::new());
            for (key, bytes) in copied {
                objects
                    .put(&key, vec![bytes].into(), Condition::Always, Retention::Keep)
                    .await
                    .map_err(|e| e.to_string())?;
            }
            let clock = Arc::new(ManualClock::at(at));
            let links = Arc::new(MemoryLinks::new(clock.clone()));
            let state = ApiState::new(
                objects.clone(),
                links,
                clock,
                Arc::new(SeededEntropy::new(1)),
            );
            let router = livelist_api::router(state);
            let answer = router.oneshot(question).await.map_err(|e| e.to_string())?;
            let status = answer.status();
            let body = to_bytes(answer.into_body(), usize::MAX).await;
            let mut written = Vec::new();
            for named in objects.list(&questions).await.map_err(|e| e.to_string())? {
                let read = objects.read(&named.key).await.map_err(|e| e.to_string())?;
                written.extend(read.map(|(bytes, _)| (named.key, Bytes::from(bytes))));
            }
            Ok::<_, String>((status, body.map_err(|e| e.to_string())?, written))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|e| e.to_string())?;
        let (status, body, written) = runtime.block_on(answer)?;
        // An API that has no answer calls nothing gone.
        if status.is_server_error() {
            return Ok(Said::default());
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        if !status.is_success() {
            return Err(format!("check answers {status}: {text}"));
        }
        let verdict: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        let gone = verdict["gone"]
            .as_array()
            .ok_or("check names no gone keys")?;
        let name = |gone: &Value| {
            let name = gone.as_str().or(gone["key"].as_str());
            name.map(str::to_owned)
        };
        let unknown = verdict["unknown"].as_array();
        Ok(Said {
            gone: gone.iter().filter_map(name).collect(),
            unknown: unknown.into_iter().flatten().filter_map(name).collect(),
            written,
        })
    }
}
