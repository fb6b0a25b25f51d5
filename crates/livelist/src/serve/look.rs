//! Looks again and again what needs attention: the machine, the feeds, the copies of records, the registry. What
//! it finds is the process's health, and what operators are alerted about.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use livelist_api::Troubles;
use livelist_model::notice::{Condition, ConditionKind};
use livelist_notify::{Notifier, channels};
use livelist_ops::OpsError;
use livelist_ops::conditions::{conditions, unsure};
use livelist_ops::health::{ClockHealth, Health, QueueHealth};
use livelist_ops::http::AdminState;
use livelist_ops::progress::RunsUnderWay;
use livelist_ops::status::{Starts, Status, read};
use livelist_steps::Env;
use livelist_store::alerts::{read_alerts, update};
use livelist_store::registry::DocumentError;
use livelist_store::{Clock, StoreError, SystemClock};

use super::in_process::InProcess;
use super::prometheus::Seen;
use crate::mail::Smtp;
use crate::{disk, machine};

/// How often somebody looks what is wrong with the machine.
const LOOK: Duration = Duration::from_secs(5);
/// A little less, so that the second look is at the feeds, too.
const LOOK_AFTER: SignedDuration = SignedDuration::from_secs(4);
/// The feeds and copies are looked at as well when a run or a pass began or ended, and at least this often.
const LOOK_AT_FEEDS: SignedDuration = SignedDuration::from_secs(60);
/// Looking at thousands of feeds takes a share of the time, at most one in this many.
const SHARE: i32 = 20;
/// … but looks at the latest after this time.
const LONGEST_REST: SignedDuration = SignedDuration::from_mins(4);

/// Looks what needs attention.
pub struct Look {
    /// The data directory.
    pub data: PathBuf,
    /// The ports.
    pub env: Arc<Env>,
    /// What starts runs.
    pub starts: Starts,
    /// Counts the passes of replications that ended.
    pub passes: Arc<AtomicU64>,
    /// Counts the runs that began or ended.
    pub runs: Arc<AtomicU64>,
    /// The health of this process.
    pub troubles: Troubles,
    /// The operators' API.
    pub admin: AdminState,
    /// Runs that wait and that are under way; none where this process starts none.
    pub executions: Option<(Arc<InProcess>, RunsUnderWay)>,
    /// The newest look, for metrics.
    pub seen: Seen,
    /// Alerts operators; a process that only serves the API does not.
    pub alerts: Option<Alerts>,
}

/// Alerts operators.
pub struct Alerts {
    /// Sends.
    pub notifier: Notifier,
    /// Sends e-mails.
    pub mailer: Smtp,
    /// The dashboard.
    pub link: String,
}

impl Look {
    /// Looks until it is dropped.
    pub async fn go_on(&self) {
        let mut status: Option<Arc<Status>> = None;
        let mut queue = QueueHealth::default();
        let mut seen = (0, 0);
        // The operators' API looks at them first, when the process begins.
        let mut looked = SystemClock.now();
        let mut took = SignedDuration::ZERO;
        loop {
            let begun = SystemClock.now();
            let since = begun.duration_since(looked).abs();
            let happened = (
                self.passes.load(Ordering::Relaxed),
                self.runs.load(Ordering::Relaxed),
            );
            let is_due = status.is_none() || happened != seen || since >= LOOK_AT_FEEDS;
            let rest = took.saturating_mul(SHARE).min(LONGEST_REST);
            let may_look = since >= rest && since >= LOOK_AFTER;
            if is_due && may_look {
                seen = happened;
                match self.status().await {
                    Ok(read) => status = Some(Arc::new(read)),
                    Err(error) => tracing::warn!(%error, "how the feeds stand could not be read"),
                }
                match machine::queue(&*self.env.objects).await {
                    Ok(read) => queue = read,
                    Err(error) => tracing::warn!(%error, "the queue of notices could not be read"),
                }
                looked = SystemClock.now();
                took = looked.duration_since(begun);
            }
            let machine = self.machine(&queue).await;
            self.tell(&machine, status.as_deref());
            if let Some(status) = &status {
                self.keep(status, queue.clone()).await;
            }
            if let Some(alerts) = &self.alerts {
                self.alert(alerts, machine, status.as_deref()).await;
            }
            SystemClock.sleep(LOOK).await;
        }
    }

    /// How the feeds and copies stand. What nobody here needs is dropped: of thousands of feeds it is most.
    async fn status(&self) -> Result<Status, OpsError> {
        let mut status = read(&self.env.objects, self.starts, self.env.clock.now()).await?;
        for feed in &mut status.feeds {
            feed.history = Vec::new();
            feed.clients = Vec::new();
        }
        Ok(status)
    }

    /// What is wrong with the machine.
    async fn machine(&self, queue: &QueueHealth) -> Vec<Condition> {
        let place = self.data.clone();
        // A task that was lost says nothing.
        let found = tokio::task::spawn_blocking(move || disk::conditions(&place)).await;
        let mut found = found.unwrap_or_default();
        let verdict = self.env.watch.verdict(&*self.env.clock);
        if let Some(behind) = verdict.and_then(|verdict| verdict.behind) {
            let how = if behind > 0 { "behind" } else { "ahead" };
            let text = format!("the clock of this machine is {} s {how}", behind.abs());
            found.push(Condition::new(ConditionKind::Clock, "", &text));
        }
        if queue.notices_given_up > 0 {
            let text = format!(
                "{} notices to sites were given up: livelist notices",
                queue.notices_given_up
            );
            found.push(Condition::new(ConditionKind::Notices, "", &text));
        }
        found
    }

    /// The health that others ask for: the machine and the copies.
    fn tell(&self, machine: &[Condition], status: Option<&Status>) {
        let copies = status.map(|status| livelist_ops::copies::troubles(&status.copies));
        let found: Vec<String> = machine
            .iter()
            .map(|condition| condition.text.clone())
            .chain(copies.unwrap_or_default())
            .collect();
        if self.troubles.found(found.clone()) {
            for trouble in found {
                tracing::error!("{trouble}");
            }
            self.admin.run_changed();
        }
    }

    /// Keeps the health for the operators' API, for metrics and for other commands.
    async fn keep(&self, status: &Arc<Status>, mut queue: QueueHealth) {
        if let Some((executions, _)) = &self.executions {
            (queue.runs_waiting, queue.runs_running) = executions.counts();
        }
        let watch = &self.env.watch;
        let clock = watch.verdict(&*self.env.clock).map(|verdict| ClockHealth {
            sources: watch.sources(&*self.env.clock),
            behind_seconds: verdict.behind,
            dissent: verdict.dissent,
        });
        let health = Health {
            at: self.env.clock.now(),
            troubles: self.troubles.now(),
            disk: machine::disk(&self.data),
            clock,
            registry_findings: status.findings.len(),
            queue,
            backup: machine::last_backup(&self.data),
        };
        self.admin.keep_health(health.clone());
        self.seen.keep(status.clone(), health.clone());
        let Some((_, under_way)) = &self.executions else {
            return;
        };
        let (data, runs) = (self.data.clone(), under_way.all());
        let kept = tokio::task::spawn_blocking(move || {
            machine::keep_progress(&data, &runs)?;
            machine::keep_health(&data, &health)
        });
        if let Ok(Err(error)) = kept.await {
            tracing::warn!(%error, "the health could not be kept");
        }
    }

    async fn alert(&self, alerts: &Alerts, machine: Vec<Condition>, status: Option<&Status>) {
        let done = self.decide_and_send(alerts, machine, status).await;
        if let Err(error) = done {
            tracing::error!(%error, "operators could not be alerted");
        }
    }

    async fn decide_and_send(
        &self,
        alerts: &Alerts,
        machine: Vec<Condition>,
        status: Option<&Status>,
    ) -> Result<(), StoreError> {
        let objects = &*self.env.objects;
        let document = match read_alerts(objects).await {
            Ok(document) => document,
            Err(DocumentError::Store(error)) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "nobody is alerted");
                return Ok(());
            }
        };
        let channels = channels(&document);
        if channels.is_empty() {
            return Ok(());
        }
        let (mut found, running) = match status {
            Some(status) => (conditions(status), unsure(status)),
            None => Default::default(),
        };
        found.extend(machine);
        // Where the feeds cannot be looked at, nothing is known but of the machine.
        let unsure = |subject: &str| match status {
            Some(_) => running.contains(subject),
            None => !subject.is_empty(),
        };
        let now = self.env.clock.now();
        update(objects, |state| {
            let alert = state.look(found.clone(), |one| unsure(one), now, &alerts.link);
            if let Some(alert) = alert {
                state.queue(&alert, &channels, now);
            }
        })
        .await?;
        let sent = alerts
            .notifier
            .send_alerts(&document, &alerts.mailer, false)
            .await;
        sent.map(drop)
    }
}
