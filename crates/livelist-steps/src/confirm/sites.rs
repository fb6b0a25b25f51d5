//! Asks the MLS for keys that sites asked about, after the run's own work is done. It uses the same
//! questions, with controls, and adds keys that were removed lately: a provider that still shows
//! those is not believed. The result can only add: keys to list, and keys that two looks did not
//! find. An error here fails no run and records nothing. Keys that were not asked for are asked for
//! by the next run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use livelist_model::asking::Asking;
use livelist_model::codec::Effort;
use livelist_model::decision;
use livelist_model::record::ListRef;
use livelist_model::run::RunSpec;
use livelist_model::waiting::{Before, Look};
use livelist_reso::confirm;
use livelist_reso::dialect::Dialect;
use livelist_reso::{Client, ClientError};

use super::asking::Questions;
use super::settle::seen;
use crate::progress::{Answers, Compared, Confirmation, NextWaiting, load};
use crate::questions::ForSites;
use crate::{Env, StepError, budget, forms, ids, lists, looks};

/// The percentage of each budget's rest that is used.
const SHARE: u64 = 5;
/// At most this many requests are sent, whatever the budgets are.
const MOST_REQUESTS: u64 = 500;
/// A budget of a minute is awaited this often; longer ones are not awaited.
const WAITS: u32 = 3;
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Asks, and records the result in `told`.
pub(super) async fn ask<'c>(
    env: &Env,
    run: &RunSpec,
    client: Client<'c>,
    compared: &Compared,
    named: Option<&ids::Ids>,
    told: &mut Confirmation,
) -> Client<'c> {
    let Some(name) = &compared.absent.questions else {
        return client;
    };
    let mut client = client;
    let asked = match load::<ForSites>(&*env.objects, run, name).await {
        Ok(for_sites) => {
            if let Some(named) = named {
                let asked = for_sites.questions.iter();
                let asked = asked.filter_map(|open| Some((&open.key, open.id.as_ref()?)));
                let asked = asked.map(|(key, id)| (key.clone().into(), id.clone().into()));
                client = client.asking_by(named.of.clone().into_iter().chain(asked).collect());
            }
            client.ask_beside(SHARE, MOST_REQUESTS);
            let asked = answers(env, run, &mut client, compared, &for_sites, told).await;
            let accounted = budget::keep(env, run, &mut client).await;
            asked.and_then(|asked| accounted.map(|()| asked))
        }
        Err(error) => Err(error),
    };
    match asked {
        Ok(Some((answers, waiting))) => {
            (told.answers, told.waiting) = (Some(answers), Some(waiting));
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, error = error.chain(),
            "the keys that sites asked about could not be asked for"
        ),
    }
    client
}

async fn answers(
    env: &Env,
    run: &RunSpec,
    client: &mut Client<'_>,
    compared: &Compared,
    for_sites: &ForSites,
    told: &Confirmation,
) -> Result<Option<(Answers, NextWaiting)>, StepError> {
    let Some(scan) = compared.facts.scans.last() else {
        return Ok(None);
    };
    let mut waiting = match told.waiting.as_ref().or(compared.waiting.as_ref()) {
        Some(next) => next.clone(),
        None => {
            let (next, etag) = looks::read(env, run).await?;
            NextWaiting { etag, next }
        }
    };
    let today = Look::new(run.run.clone(), run.date, scan.started_at);
    let former = former(run, &waiting.next.sought, &today);
    let is_too_soon = |key: &str| {
        let before = former.get(key).map(|(_, before)| *before);
        before == Some(Before::TooSoon)
    };
    let asked = for_sites.questions.iter().map(|open| &open.key);
    let asked: Vec<&String> = asked.filter(|key| !is_too_soon(key)).collect();
    if asked.is_empty() {
        return Ok(None);
    }
    let negatives = for_sites.negatives.len();
    let wanted = for_sites.negatives.iter().chain(asked);
    let wanted: Vec<Vec<u8>> = wanted.map(|key| key.clone().into_bytes()).collect();
    let shown = look(env, run, client, compared, told, &wanted).await?;
    let dialect = Dialect::for_feed(&run.feed)?;
    let is_doubtful =
        dialect.id_field(&run.feed).is_some() && decision::doubt(&compared.facts, false).is_some();
    let mut found: BTreeSet<&String> = BTreeSet::new();
    let mut missing: BTreeSet<&String> = BTreeSet::new();
    let looked = wanted.iter().take(shown.looked).skip(negatives);
    let looked: BTreeSet<&[u8]> = looked.map(Vec::as_slice).collect();
    for key in for_sites.questions.iter().map(|open| &open.key) {
        if shown.live.contains(key) {
            found.insert(key);
        } else if looked.contains(key.as_bytes()) && !shown.odd.contains(key) && !is_doubtful {
            missing.insert(key);
        }
    }
    let is_another = |key: &&&String| {
        let before = former.get(key.as_str()).map(|(_, before)| *before);
        before == Some(Before::Another)
    };
    let gone: BTreeSet<&String> = missing.iter().filter(is_another).copied().collect();
    let is_seen = |key: &String| shown.live.contains(key) || shown.odd.contains(key);
    let kept = for_sites.questions.iter().map(|open| &open.key);
    let kept: Vec<&String> = kept.filter(|key| !is_seen(key)).collect();
    let sought = next_looks(&waiting.next.sought, &former, today, &kept, &missing);
    let limit = run.feed.guards.limit(compared.facts.former.unwrap_or(0));
    let shown_gone = for_sites.negatives.iter();
    let shown_gone = shown_gone.filter(|key| shown.live.contains(*key)).count();
    let refused = match () {
        () if shown_gone * 2 > negatives => Some("the MLS shows keys that are gone"),
        () if dialect.shows_more => Some("the MLS shows more by key than it lists"),
        () if found.len() as u64 > limit => Some("they are more than the guards let through"),
        () => None,
    };
    if let (Some(reason), false) = (refused, found.is_empty()) {
        tracing::warn!(
            run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls, found = found.len(), reason,
            "the MLS has keys that sites asked about, and they are not listed"
        );
        found.clear();
    }
    waiting.next.sought = sought;
    let answers = Answers {
        listed: keep(env, run, "asked-live", found).await?,
        gone: keep(env, run, "asked-gone", gone).await?,
    };
    tracing::info!(
        run = %run.run, feed = %run.feed.feed, mls = %run.feed.mls,
        open = for_sites.questions.len(), asked = looked.len(),
        listed = answers.listed.summary.count, gone = answers.gone.summary.count, "asked for keys of sites"
    );
    Ok(Some((answers, waiting)))
}

type Former = BTreeMap<String, (usize, Before)>;

/// Which earlier look did not find a key, and how it relates to today's. A look that is too old does not
/// count, and a key that was seen since starts again.
fn former(run: &RunSpec, sought: &[Look], today: &Look) -> Former {
    let mut former = Former::new();
    for (nth, look) in sought.iter().enumerate() {
        let before = look.before(&run.feed.schedule, today.date, today.began);
        if before != Before::Forgotten {
            for key in &look.keys {
                former.entry(key.clone()).or_insert((nth, before));
            }
        }
    }
    former
}

/// The looks that are kept: those of open questions. A key that is proved gone keeps its first look until
/// the proof is published and answers the question.
fn next_looks(
    sought: &[Look],
    former: &Former,
    mut today: Look,
    kept: &[&String],
    missing: &BTreeSet<&String>,
) -> Vec<Look> {
    let empty = |look: &Look| Look::new(look.run.clone(), look.date, look.began);
    let mut next: Vec<Look> = sought.iter().map(empty).collect();
    for key in kept {
        let look = former.get(*key).and_then(|(nth, _)| next.get_mut(*nth));
        match look {
            Some(look) => look.keys.push((*key).clone()),
            None if missing.contains(*key) => today.keys.push((*key).clone()),
            None => {}
        }
    }
    next.push(today);
    next.retain(|look| !look.keys.is_empty());
    next
}

/// What the answers showed.
#[derive(Default)]
struct Shown {
    /// This many of the keys were asked for completely.
    looked: usize,
    /// Keys that live.
    live: BTreeSet<String>,
    /// Keys that may live in another case, or under another key with their id: they are neither found nor
    /// missing.
    odd: BTreeSet<String>,
}

/// Asks until all was asked for, or something is in the way.
async fn look(
    env: &Env,
    run: &RunSpec,
    client: &mut Client<'_>,
    compared: &Compared,
    told: &Confirmation,
    wanted: &[Vec<u8>],
) -> Result<Shown, StepError> {
    let can_ask = |key: &&String| client.can_ask(key.as_bytes());
    let controls: Vec<String> = compared.controls.iter().filter(can_ask).cloned().collect();
    let set = match confirm::as_set(client.dialect()) {
        Some(set) if !controls.is_empty() => set,
        _ => return Ok(Shown::default()),
    };
    let asking = match told.asking {
        Some(asking) => asking,
        None => forms::recall(env, run, set)
            .await
            .unwrap_or(Asking::as_set(set)),
    };
    // These results concern only these questions, and are discarded with them.
    let mut scratch = Confirmation {
        whole: told.whole,
        ..Confirmation::default()
    };
    let mut questions = Questions {
        client,
        controls: &controls,
        has_tokens: false,
        shows_nothing: false,
        absent: wanted,
        told: &mut scratch,
        asking,
        answers: &mut 0,
        why: None,
    };
    let mut waits = 0;
    while (questions.told.asked as usize) < wanted.len() && !questions.told.controls_failed {
        // A question that is refused is shortened as any other; it is not written down.
        let asked = match questions.asking.is_in_doubt() {
            true => questions.trial().await,
            false => questions.batch().await,
        };
        match asked {
            Ok(()) => {}
            Err(ClientError::Throttled(wait)) if waits < WAITS && wait <= LONGEST_WAIT => {
                waits += 1;
                env.clock.sleep(wait).await;
            }
            Err(error) => {
                tracing::info!(run = %run.run, %error, "no more keys of sites are asked for in this run");
                break;
            }
        }
    }
    let mut shown = Shown {
        looked: (scratch.asked as usize).min(wanted.len()),
        live: scratch.restored.into_iter().collect(),
        odd: BTreeSet::new(),
    };
    if !scratch.variants.is_empty() {
        let variants = scratch.variants.iter();
        let variants = variants.map(|(_, variant)| variant.clone().into_bytes());
        let seen = seen(env, run, compared, variants.collect()).await?;
        let variants = scratch.variants.into_iter();
        // Another listing says nothing about the key.
        let unseen = variants.filter(|(_, variant)| !seen.contains(variant.as_bytes()));
        shown.odd = unseen.map(|(key, _)| key).collect();
    }
    Ok(shown)
}

async fn keep(
    env: &Env,
    run: &RunSpec,
    name: &str,
    keys: BTreeSet<&String>,
) -> Result<ListRef, StepError> {
    let mut list = lists::writer(Effort::Stored);
    for key in keys {
        list.push(key.as_bytes()).map_err(lists::in_object(name))?;
    }
    let (chunks, summary) = list.finish().map_err(lists::in_object(name))?;
    let (feed, id) = (&run.feed.feed, &run.run);
    lists::keep(&*env.objects, feed, id, name, chunks, summary).await
}
