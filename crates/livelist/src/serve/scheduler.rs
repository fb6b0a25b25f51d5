//! Starts runs when they are due. All state is on disk, and this file only caches it. After a restart
//! it reads the run records again, continues runs that had not ended, and starts what was missed,
//! once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use livelist_model::agenda::{agenda, copied, feeds};
use livelist_model::head::Head;
use livelist_model::instant::is_future;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::registry::{Finding, Registry};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_model::{FeedId, RunId, layout, with_causes};
use livelist_reso::Dialects;
use livelist_steps::StepError;
use livelist_steps::records::scans;
use livelist_store::pauses::read_unpaused_with_records;
use livelist_store::{ObjectsExt, Start, StoreError};

use super::in_process::InProcess;
use super::missing::Missing;
use super::stop::Stop;
use crate::runner::Runner;

/// Starts due runs.
pub struct Scheduler {
    /// Knows which attempt of a day a run is.
    pub runner: Arc<Runner>,
    /// Where runs are started.
    pub executions: Arc<InProcess>,
    /// The registry is read at least this often, because it may have new feeds.
    pub poll: Duration,
    /// The feeds that wait for a secret.
    pub missing: Arc<Missing>,
}

/// The state from earlier rounds.
#[derive(Default)]
struct Known {
    last: BTreeMap<FeedId, Timestamp>,
    findings: Vec<Finding>,
    /// The keys of the feeds that are scanned for replications alone.
    keys: BTreeMap<FeedId, String>,
    /// What was asked for before this process began is under way.
    took_up_asked: bool,
}

impl Scheduler {
    /// Runs until a stop is requested.
    pub async fn run(&self, stop: &Stop) {
        let mut known = Known::default();
        let clock = &self.runner.env.clock;
        loop {
            let wait = match self.round(&mut known, stop).await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(error = error.chain(), "nothing could be started");
                    self.poll
                }
            };
            tokio::select! {
                () = clock.sleep(wait) => {}
                () = stop.told() => return,
            }
        }
    }

    /// Starts what is due now; says how long to wait for the next.
    async fn round(&self, known: &mut Known, stop: &Stop) -> Result<Duration, StepError> {
        let env = &self.runner.env;
        let (registry, findings) = read_unpaused_with_records(&*env.objects, &Dialects).await?;
        if findings != known.findings {
            for finding in &findings {
                tracing::warn!(file = finding.file, "{finding}");
            }
            known.findings = findings;
        }
        let feeds = self.feeds(&registry, known).await;
        let names: BTreeSet<&FeedId> = feeds.iter().map(|feed| &feed.feed).collect();
        known.last.retain(|feed, _| names.contains(feed));
        for feed in &feeds {
            if known.last.contains_key(&feed.feed) {
                continue;
            }
            if let Some(record) = self.newest(&feed.feed).await? {
                self.missing.recorded(&record);
                let began = self.take_up(record).await?;
                // If the list's times are from the future, the time of the last look is not known.
                if !self.is_from_future(&feed.feed).await? {
                    known.last.insert(feed.feed.clone(), began);
                }
            }
        }
        if !known.took_up_asked {
            self.take_up_asked(&names).await?;
            known.took_up_asked = true;
        }
        let now = env.clock.now();
        let agenda = agenda(&feeds, &known.last, now);
        let mut wait = agenda.next.map_or(self.poll, |next| {
            Duration::try_from(next.duration_since(now)).unwrap_or_default()
        });
        for feed in agenda.due {
            // Another process, or an operator, may have looked meanwhile.
            let newest = self.newest(&feed.feed).await?;
            let newest = newest.map(|record| record.started_at.min(now));
            let last = known.last.get(&feed.feed).copied();
            if last.is_some() && newest > last {
                known.last.extend(newest.map(|at| (feed.feed, at)));
                wait = Duration::ZERO;
                continue;
            }
            let name = feed.feed.clone();
            match self.start(feed, now).await {
                Ok(_) => {
                    known.last.insert(name, now);
                }
                // It is due again when this is started again.
                Err(_) if stop.is_told() => break,
                Err(error) => {
                    tracing::warn!(feed = %name, error = error.chain(), "the start is delayed");
                    break;
                }
            }
        }
        for feed in self.missing.found(&feeds, &*env.secrets, now).await {
            tracing::info!(feed = %feed.feed, "the secret that was missing is there: a run begins");
            self.start(feed.clone(), now).await?;
            known.last.insert(feed.feed.clone(), now);
        }
        let look = self.missing.wait(now).unwrap_or(self.poll);
        Ok(wait.min(look).min(self.poll))
    }

    /// The feeds of clients' pairs, and those that are scanned for replications alone, as soon as their key is
    /// known.
    async fn feeds(&self, registry: &Registry, known: &mut Known) -> Vec<FeedSpec> {
        let mut feeds = feeds(registry);
        for (replication, feed) in copied(registry) {
            let name = feed.feed.clone();
            let key = known.keys.get(&name).cloned();
            let keyed = match key {
                Some(key_field) => Some(FeedSpec { key_field, ..feed }),
                None => match scans::keyed(&*self.runner.env.objects, &replication, feed).await {
                    Ok(keyed) => keyed,
                    Err(error) => {
                        let error = with_causes(&error);
                        tracing::warn!(%replication, feed = %name, error, "no run of the feed begins");
                        None
                    }
                },
            };
            if let Some(feed) = keyed {
                known.keys.insert(name, feed.key_field.clone());
                feeds.push(feed);
            }
        }
        feeds
    }

    /// The run of the feed on this day, or the day's next.
    async fn start(&self, feed: FeedSpec, now: Timestamp) -> Result<Start, StepError> {
        let date = now.to_zoned(TimeZone::UTC).date();
        let run = self.runner.next_attempt(RunSpec::of(date, feed)).await?;
        self.start_run(run).await
    }

    async fn start_run(&self, run: RunSpec) -> Result<Start, StepError> {
        Ok(self.executions.start_due(run).await?)
    }

    /// Starts requested runs that the former process did not end, if their feeds are still enabled.
    async fn take_up_asked(&self, feeds: &BTreeSet<&FeedId>) -> Result<(), StepError> {
        for spec in self.executions.asked_before().await? {
            let run = spec.run.clone();
            if feeds.contains(&spec.feed.feed) {
                let start = self.executions.start_again(spec).await?;
                tracing::info!(%run, ?start, "a requested run begins");
            } else {
                tracing::warn!(%run, "a requested run is dropped: its feed is paused, disabled or removed");
                self.executions.forget(&run).await?;
            }
        }
        Ok(())
    }

    /// When the feed was last looked at, by its newest run. A run that had not ended continues under its
    /// name, with its original specification.
    async fn take_up(&self, record: RunRecord) -> Result<Timestamp, StepError> {
        let now = self.runner.env.clock.now();
        if record.state != RunState::Running {
            return Ok(record.started_at.min(now));
        }
        let run = record.spec.run.clone();
        let start = self.start_run(record.spec).await?;
        tracing::info!(%run, ?start, "a run that had not ended continues");
        Ok(now)
    }

    /// Whether the times of the feed's list are from the future. A list that cannot be read has none.
    async fn is_from_future(&self, feed: &FeedId) -> Result<bool, StoreError> {
        let env = &self.runner.env;
        match env.objects.read_json::<Head>(&layout::head(feed)).await {
            Ok(head) => Ok(head.is_some_and(|(head, _)| head.is_from_future(env.clock.now()))),
            Err(StoreError::Corrupt { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The run of the feed that began last. For a run from the future, the time is not known: it counts
    /// only if it has not ended.
    async fn newest(&self, feed: &FeedId) -> Result<Option<RunRecord>, StoreError> {
        let objects = &self.runner.env.objects;
        let names = objects.list_names(&layout::runs(feed)).await?;
        let mut runs: Vec<RunId> = names.iter().filter_map(|name| name.parse().ok()).collect();
        runs.sort_by_key(|run| std::cmp::Reverse(run.date()));
        let now = self.runner.env.clock.now();
        let mut newest: Option<RunRecord> = None;
        for run in runs {
            let of_a_later_day = |n: &RunRecord| n.spec.run.date() > run.date();
            if newest.as_ref().is_some_and(of_a_later_day) {
                break;
            }
            let key = layout::run_record(feed, &run);
            match objects.read_json::<RunRecord>(&key).await {
                Ok(Some((record, _))) => {
                    if record.state != RunState::Running && is_future(record.started_at, now) {
                        continue;
                    }
                    if newest
                        .as_ref()
                        .is_none_or(|n| n.started_at < record.started_at)
                    {
                        newest = Some(record);
                    }
                }
                Ok(None) => {}
                // It says nothing; an older one may.
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::warn!(%run, %error, "the record of a run cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(newest)
    }
}
