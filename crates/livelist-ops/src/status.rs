//! The state of every feed: one word, and the numbers behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use livelist_model::ack::SiteAck;
use livelist_model::agenda;
use livelist_model::decision::HeldReason;
use livelist_model::head::Head;
use livelist_model::history::{History, Past};
use livelist_model::instant::believed;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::registry::{CredentialRef, Provider};
use livelist_model::{ClientId, FeedId, MlsId, ResourceName, RunId, layout};
use livelist_steps::error::advice;
use livelist_steps::{budget, history};
use livelist_store::{Objects, ObjectsExt, StoreError};
use serde::Serialize;

mod starts;

pub use starts::Starts;

use crate::OpsError;
use crate::copies::{self, CopyStatus};
use crate::feeds::{self, Feed};
use crate::progress::RunProgress;
use crate::runs::{AT_ONCE, under_way};

/// How a feed stands, in one word. The order is the order of the questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedState {
    /// The last run failed; the list of before stays.
    Failed,
    /// The last result waits for a second look or a person.
    Held,
    /// The next look at the MLS is overdue, or there was none yet.
    Delayed,
    /// A run is under way.
    InProgress,
    /// All is well.
    OnTime,
    /// It is not reconciled: disabled in the registry, or paused.
    Disabled,
}

impl FeedState {
    /// Every state, those that need attention first.
    pub const ALL: [FeedState; 6] = [
        FeedState::Failed,
        FeedState::Held,
        FeedState::Delayed,
        FeedState::InProgress,
        FeedState::OnTime,
        FeedState::Disabled,
    ];

    /// As people read it.
    pub fn words(self) -> &'static str {
        match self {
            FeedState::Failed => "Failed",
            FeedState::Held => "Held",
            FeedState::Delayed => "Delayed",
            FeedState::InProgress => "In progress",
            FeedState::OnTime => "On time",
            FeedState::Disabled => "Disabled",
        }
    }

    /// Whether it needs attention.
    pub fn is_trouble(self) -> bool {
        matches!(
            self,
            FeedState::Failed | FeedState::Held | FeedState::Delayed
        )
    }
}

/// The state of all feeds.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// When this was looked up.
    pub at: Timestamp,
    /// The feeds: the ones that need somebody first, then by name.
    pub feeds: Vec<FeedStatus>,
    /// The copies of records: the ones that need somebody first, then by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<CopyStatus>,
    /// What is wrong with the registry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// What is wrong with the machine: whoever looks after it says so.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

impl Status {
    /// Adds how far the runs under way are.
    pub fn add_progress(&mut self, under_way: &BTreeMap<RunId, RunProgress>) {
        for feed in &mut self.feeds {
            let run = feed.last_run.as_ref();
            let run = run.filter(|run| run.state == RunState::Running);
            feed.progress = run.and_then(|run| under_way.get(&run.run).cloned());
            if let Some(progress) = &feed.progress {
                feed.why = Some(progress.words());
                feed.waits_until = progress.waits_until.or(feed.waits_until);
            }
        }
    }
}

/// The state of a feed.
#[derive(Debug, Clone, Serialize)]
pub struct FeedStatus {
    /// The feed.
    pub feed: FeedId,
    /// The MLS.
    pub mls: MlsId,
    /// The provider.
    pub provider: Provider,
    /// The RESO resource.
    pub resource: ResourceName,
    /// The filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The reference to the credential that it is read with; never the secret.
    pub credential: CredentialRef,
    /// In one word.
    pub state: FeedState,
    /// The reason: of a held result, the name of an error, or who paused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Whether an operator paused it. A held result keeps waiting in any case.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// Who paused it, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<String>,
    /// Keys in the published list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<u64>,
    /// How many rows the MLS counted in the newest run that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    /// Of a held result: listed keys that the scan did not see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub absent: Option<u64>,
    /// How many more, or fewer, than in the list before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<i64>,
    /// Keys that it added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    /// Keys that it removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// It held every live key at this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_at: Option<Timestamp>,
    /// Seconds since `as_of`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_seconds: Option<i64>,
    /// Whether the list is older than the schedule explains, or there is none; only of feeds that are run.
    #[serde(skip)]
    pub is_old: bool,
    /// When the next run is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run_at: Option<Timestamp>,
    /// Whether that is only computed, because no process is known to start it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub next_run_computed: bool,
    /// Until when the run under way waits, because the provider asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_until: Option<Timestamp>,
    /// How far the run under way is, if its process tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<RunProgress>,
    /// When a site last acknowledged a list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ack_at: Option<Timestamp>,
    /// The newest run, under way or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run: Option<LastRun>,
    /// Its clients.
    pub clients: Vec<ClientStatus>,
    /// How its last runs ended, oldest first.
    pub history: Vec<Day>,
}

/// The newest run of a feed.
#[derive(Debug, Clone, Serialize)]
pub struct LastRun {
    /// The run.
    pub run: RunId,
    /// Its state.
    pub state: RunState,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// A client that has the feed.
#[derive(Debug, Clone, Serialize)]
pub struct ClientStatus {
    /// The client.
    pub client: ClientId,
    /// Its site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Whether its pair is reconciled.
    pub enabled: bool,
    /// The site's last acknowledgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<SiteAck>,
}

/// A run that ended.
#[derive(Debug, Clone, Serialize)]
pub struct Day {
    /// The run.
    pub run: RunId,
    /// Its day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<jiff::civil::Date>,
    /// How it ended.
    pub state: RunState,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// Keys of the list after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<u64>,
    /// Keys that were added.
    pub added: u64,
    /// Keys that were removed.
    pub removed: u64,
}

/// Reads the state of the registry's feeds: the list of acknowledgements, and for each feed the head, the
/// history, the record of a run that may be under way, and its acknowledgements. Feeds are read in separate
/// tasks, because thousands of histories are work for more than one thread.
///
/// # Errors
/// The store is unavailable.
pub async fn read(
    objects: &Arc<dyn Objects>,
    starts: Starts,
    now: Timestamp,
) -> Result<Status, OpsError> {
    let (wanted, acks) = futures::try_join!(feeds::read(&**objects), acks(&**objects))?;
    let acks = Arc::new(acks);
    let mut feeds: Vec<FeedStatus> = stream::iter(wanted.feeds.into_values())
        .map(|feed| {
            let (objects, acks) = (objects.clone(), acks.clone());
            let looking =
                tokio::spawn(async move { one(&*objects, &feed, &acks, starts, now).await });
            async { looking.await.map_err(|_| OpsError::Internal)? }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    feeds.sort_by(|a, b| a.state.cmp(&b.state).then_with(|| a.feed.cmp(&b.feed)));
    let copies = match starts {
        // Records are replicated on one machine; elsewhere nobody may read what is noted of them.
        Starts::OnceADay => Vec::new(),
        _ => copies::read(&**objects, &wanted.registry, now).await?,
    };
    Ok(Status {
        at: now,
        feeds,
        copies,
        findings: wanted.findings.iter().map(ToString::to_string).collect(),
        troubles: Vec::new(),
    })
}

/// The names of the acknowledgements, so that feeds without any cost no read.
async fn acks(objects: &dyn Objects) -> Result<BTreeSet<String>, OpsError> {
    let listed = objects.list(layout::ACKS_PREFIX).await?;
    Ok(listed.into_iter().map(|ack| ack.key).collect())
}

async fn one(
    objects: &dyn Objects,
    feed: &Feed,
    acks: &BTreeSet<String>,
    starts: Starts,
    now: Timestamp,
) -> Result<FeedStatus, OpsError> {
    let id = &feed.spec.feed;
    let (head, history, clients) = futures::join!(
        head(objects, id),
        history::read(objects, id),
        clients(objects, feed, acks),
    );
    let (head, history) = (head?, history?);
    let running = match feed.disabled {
        Some(_) => None,
        None => under_way(objects, id, &history, now).await?,
    };
    let told = match running {
        Some(_) => budget::told(objects, &feed.spec.credential, now).await?,
        None => None,
    };
    let (head, at) = (head.as_ref(), now);
    let mut status = tell(feed, head, &history, running, clients, starts, at);
    if let Some(told) = told
        && let Some(until) = told.until(now)
    {
        status.why = Some(words(until, told.said()));
        status.waits_until = Some(until);
    }
    Ok(status)
}

/// The provider's word, for people.
fn words(until: Timestamp, said: Option<Timestamp>) -> String {
    let until = until.strftime("%H:%M:%SZ");
    match said {
        None => format!("the provider asks to wait until {until}"),
        Some(said) => format!(
            "the provider asks to wait until {}; it is asked again at {until}",
            said.strftime("%Y-%m-%d %H:%MZ")
        ),
    }
}

async fn head(objects: &dyn Objects, feed: &FeedId) -> Result<Option<Head>, OpsError> {
    match objects.read_json::<Head>(&layout::head(feed)).await {
        Ok(head) => Ok(head.map(|(head, _)| head)),
        // The API refuses such a head; here it is shown as none, with the reason.
        Err(StoreError::Corrupt { key, reason }) => {
            tracing::error!(key, reason, "a head cannot be read");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

async fn clients(objects: &dyn Objects, feed: &Feed, acks: &BTreeSet<String>) -> Vec<ClientStatus> {
    let mut clients = Vec::with_capacity(feed.clients.len());
    for member in &feed.clients {
        let key = layout::ack(&feed.spec.feed, &member.client);
        let ack = match acks.contains(&key) {
            // A site's own words never keep operators from seeing the rest.
            true => objects.read_json::<SiteAck>(&key).await.ok().flatten(),
            false => None,
        };
        clients.push(ClientStatus {
            client: member.client.clone(),
            site: member.site.clone(),
            enabled: member.enabled,
            ack: ack.map(|(ack, _)| ack),
        });
    }
    clients
}

fn tell(
    feed: &Feed,
    head: Option<&Head>,
    history: &History,
    running: Option<RunRecord>,
    clients: Vec<ClientStatus>,
    starts: Starts,
    now: Timestamp,
) -> FeedStatus {
    let newest = history.newest();
    // A cancelled run says nothing of the feed: what was before it still holds.
    let judged = history.runs.iter().rev();
    let judged = judged
        .clone()
        .find(|past| past.state != RunState::Cancelled);
    let (state, why) = judge(feed, running.is_some(), judged, head, now);
    let last_run = last_run(running, newest);
    let spec = &feed.spec;
    let (added, removed) = match head {
        Some(head) => {
            let (added, removed) = head.newest_change();
            (Some(added), Some(removed))
        }
        None => (None, None),
    };
    FeedStatus {
        feed: spec.feed.clone(),
        mls: spec.mls.clone(),
        provider: spec.provider.clone(),
        resource: spec.resource.clone(),
        filter: spec.filter.clone(),
        credential: spec.credential.clone(),
        state,
        advice: what_to_do(state, newest).map(|advice| match next_look(newest, starts, now) {
            None => advice.to_owned(),
            Some(next) => format!(
                "{advice} The next look is at {}.",
                next.strftime("%H:%M:%SZ")
            ),
        }),
        why,
        paused: feed.is_paused,
        pause: feed.disabled.clone().filter(|_| feed.is_paused),
        live: head.map(|head| head.count),
        counted: history.runs.iter().rev().find_map(|past| past.counted),
        absent: newest
            .filter(|_| state == FeedState::Held)
            .and_then(|past| past.absent),
        change: head.and_then(change),
        added,
        removed,
        version: head.map(|head| head.version.clone()),
        as_of: head.map(|head| head.as_of),
        published_at: head.map(|head| head.published_at),
        age_seconds: head.map(|head| now.duration_since(believed(head.as_of, now)).as_secs()),
        is_old: feed.disabled.is_none() && head.is_none_or(|head| head.is_stale(now)),
        next_run_at: match (&feed.disabled, next_look(newest, starts, now)) {
            (Some(_), _) => None,
            (None, Some(look)) => Some(look),
            (None, None) => starts.next(feed, last_run.as_ref(), head, now),
        },
        next_run_computed: feed.disabled.is_none() && starts == Starts::Computed,
        waits_until: None,
        progress: None,
        last_ack_at: clients
            .iter()
            .filter_map(|c| c.ack.as_ref().map(|ack| ack.at))
            .max(),
        last_run,
        clients,
        history: history.runs.iter().map(day).collect(),
    }
}

/// When `livelist serve` looks for a secret that was missing.
fn next_look(newest: Option<&Past>, starts: Starts, now: Timestamp) -> Option<Timestamp> {
    let past = newest.filter(|past| past.why.as_deref() == Some("SecretMissing"))?;
    let is_looked_for = starts == Starts::AtTheTime && past.state == RunState::Failed;
    is_looked_for.then(|| agenda::next_look(past.finished_at, now))
}

fn change(head: &Head) -> Option<i64> {
    let before = i64::try_from(head.previous_count?).ok()?;
    Some(i64::try_from(head.count).ok()? - before)
}

fn last_run(running: Option<RunRecord>, newest: Option<&Past>) -> Option<LastRun> {
    if let Some(record) = running {
        return Some(LastRun {
            run: record.spec.run,
            state: record.state,
            started_at: record.started_at,
            finished_at: None,
        });
    }
    newest.map(|past| LastRun {
        run: past.run.clone(),
        state: past.state,
        started_at: past.started_at,
        finished_at: Some(past.finished_at),
    })
}

fn day(past: &Past) -> Day {
    let took = past.finished_at.duration_since(past.started_at);
    Day {
        run: past.run.clone(),
        day: past.run.date(),
        state: past.state,
        started_at: past.started_at,
        seconds: took.as_secs_f64(),
        live: past.live,
        added: past.added,
        removed: past.removed,
    }
}

/// The one word, and why.
fn judge(
    feed: &Feed,
    is_running: bool,
    newest: Option<&Past>,
    head: Option<&Head>,
    now: Timestamp,
) -> (FeedState, Option<String>) {
    if let Some(why) = &feed.disabled {
        return match newest {
            // A pause does not change a result that waits for a decision.
            Some(past) if feed.is_paused && past.state == RunState::Held => {
                (FeedState::Held, past.why.clone())
            }
            _ => (FeedState::Disabled, Some(why.clone())),
        };
    }
    if is_running {
        return (FeedState::InProgress, None);
    }
    match newest {
        Some(past) if past.state == RunState::Failed => {
            return (FeedState::Failed, past.why.clone());
        }
        Some(past) if past.state == RunState::Held => return (FeedState::Held, past.why.clone()),
        _ => {}
    }
    let Some(head) = head else {
        let why = match newest {
            None => "it waits for its first run",
            Some(_) => "there is no list yet",
        };
        return (FeedState::Delayed, Some(why.to_owned()));
    };
    if head.is_from_future(now) {
        let why = "its times are from the future: the clock was wrong when they were noted";
        return (FeedState::Delayed, Some(why.to_owned()));
    }
    if head.is_stale(now) {
        return (
            FeedState::Delayed,
            Some("the next run is overdue".to_owned()),
        );
    }
    (FeedState::OnTime, None)
}

fn what_to_do(state: FeedState, newest: Option<&Past>) -> Option<&'static str> {
    let why = newest.and_then(|past| past.why.as_deref());
    match state {
        FeedState::Failed => why.map(advice),
        FeedState::Held => HeldReason::ALL
            .into_iter()
            .find(|reason| Some(reason.as_str()) == why)
            .map(HeldReason::advice),
        FeedState::Delayed => Some(
            "Look whether runs are started at all: the schedule, the planner and its queue on AWS; \
             `livelist serve` on one machine.",
        ),
        FeedState::Disabled | FeedState::InProgress | FeedState::OnTime => None,
    }
}

#[cfg(test)]
mod tests;
