//! `GET /metrics`: what a Prometheus server reads, in the text format of OpenMetrics. The counters count the runs of
//! this process. The gauges are of the newest look at feeds, copies and the machine.
//!
//! Labels are names of MLSs, feeds, replications and destinations: no more than the registry has.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use livelist_model::metrics::{CopyMetrics, HeadMetrics, RunMetrics};
use livelist_ops::health::Health;
use livelist_ops::status::{FeedState, Status};
use livelist_store::Metrics;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(&'static str, String)>;
type Whole = Family<Labels, Counter>;
type Seconds = Family<Labels, Counter<f64, std::sync::atomic::AtomicU64>>;

/// The newest look.
#[derive(Default, Clone)]
pub struct Seen(Arc<RwLock<Option<Looked>>>);

/// How the feeds and copies stand, and the machine.
type Looked = (Arc<Status>, Health);

impl Seen {
    /// Keeps what was seen.
    pub fn keep(&self, status: Arc<Status>, health: Health) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some((status, health));
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seen")
    }
}

/// Counts runs, and writes all metrics.
pub struct Prometheus {
    registry: Registry,
    runs: Whole,
    keys: [Whole; 4],
    traffic: [Whole; 4],
    scan: Seconds,
    run: Seconds,
}

impl Prometheus {
    /// Nothing was counted yet; gauges come from `seen`.
    pub fn new(seen: Seen) -> Prometheus {
        let mut registry = Registry::with_prefix("livelist");
        let mut whole = |name: &str, help: &str| {
            let family = Whole::default();
            registry.register(name, help, family.clone());
            family
        };
        let runs = whole("runs", "Runs that ended, by outcome");
        let keys = [
            whole("keys_added", "Keys that lists gained"),
            whole("keys_removed", "Keys that lists lost"),
            whole("keys_confirmed", "Absent keys that were asked for"),
            whole("keys_restored", "Absent keys that were live after all"),
        ];
        let traffic = [
            whole("requests", "Requests to providers"),
            whole("retries", "Requests that were repeated after an error"),
            whole("throttled", "Times that a provider asked to wait"),
            whole("received_bytes", "Bytes of bodies, uncompressed"),
        ];
        let (scan, run) = (Seconds::default(), Seconds::default());
        registry.register(
            "scan_seconds",
            "Time of scans, waits included",
            scan.clone(),
        );
        registry.register("run_seconds", "Time of runs", run.clone());
        registry.register_collector(Box::new(seen));
        Prometheus {
            registry,
            runs,
            keys,
            traffic,
            scan,
            run,
        }
    }

    /// All metrics as text.
    ///
    /// # Errors
    /// Never: a text can always be made longer.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Metrics for Prometheus {
    fn run(&self, run: &RunMetrics) {
        let mls = || vec![("mls", run.mls.to_string())];
        let mut outcome = mls();
        outcome.push(("outcome", run.state.as_str().to_owned()));
        self.runs.get_or_create(&outcome).inc();
        let keys = [run.added, run.removed, run.asked, run.restored];
        for (family, number) in self.keys.iter().zip(keys) {
            family.get_or_create(&mls()).inc_by(number);
        }
        let traffic = run.traffic;
        let numbers = [
            traffic.requests,
            traffic.retries,
            traffic.throttled,
            traffic.bytes,
        ];
        for (family, number) in self.traffic.iter().zip(numbers) {
            family.get_or_create(&mls()).inc_by(number);
        }
        self.scan
            .get_or_create(&mls())
            .inc_by(run.scan.as_secs_f64());
        self.run
            .get_or_create(&mls())
            .inc_by(run.took.as_secs_f64());
    }

    /// The newest look has the same numbers.
    fn heads(&self, _: &HeadMetrics) {}

    /// So has it of copies.
    fn copies(&self, _: &CopyMetrics) {}
}

impl Collector for Seen {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let seen = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some((status, health)) = &*seen else {
            return Ok(());
        };
        let mut gauge = Gauges(&mut encoder);
        gauge.one(
            "looked_at_seconds",
            "When this was looked at (Unix time)",
            status.at.as_second(),
        )?;
        let of_state = FeedState::ALL.map(|state| {
            let feeds = status.feeds.iter().filter(|feed| feed.state == state);
            (vec![("state", name(state))], count(feeds.count()))
        });
        gauge.all("feeds", "Feeds by state", of_state)?;
        let old = status.feeds.iter().filter(|feed| feed.is_old);
        gauge.one(
            "old_lists",
            "Feeds whose list is older than their schedule explains",
            count(old.count()),
        )?;
        let feeds = || {
            status.feeds.iter().map(|feed| {
                let labels = vec![
                    ("feed", feed.feed.to_string()),
                    ("mls", feed.mls.to_string()),
                ];
                (feed, labels)
            })
        };
        let live =
            feeds().filter_map(|(feed, labels)| Some((labels, i64::try_from(feed.live?).ok()?)));
        gauge.all("live_keys", "Keys in the published list", live)?;
        let age = feeds().filter_map(|(feed, labels)| Some((labels, feed.age_seconds?)));
        gauge.all("list_age_seconds", "Time since the list's as_of", age)?;
        let copies = || {
            status.copies.iter().map(|copy| {
                let destination = ("destination", copy.destination.to_string());
                (
                    copy,
                    vec![("replication", copy.replication.to_string()), destination],
                )
            })
        };
        let trouble = copies().map(|(copy, labels)| (labels, i64::from(copy.state.is_trouble())));
        gauge.all(
            "copy_in_trouble",
            "Whether a copy fails or is behind for too long",
            trouble,
        )?;
        let lag = copies().filter_map(|(copy, labels)| Some((labels, copy.lag_seconds?)));
        gauge.all(
            "copy_lag_seconds",
            "A copy has all that changed before this long ago",
            lag,
        )?;
        gauge.one(
            "registry_findings",
            "What is wrong with the registry",
            count(status.findings.len()),
        )?;
        machine(&mut gauge, health)
    }
}

fn machine(gauge: &mut Gauges<'_, '_>, health: &Health) -> Result<(), fmt::Error> {
    gauge.one(
        "troubles",
        "What is wrong with the machine and the copies",
        count(health.troubles.len()),
    )?;
    if let Some(disk) = &health.disk {
        gauge.one(
            "disk_free_bytes",
            "Free on the data's file system",
            signed(disk.free_bytes),
        )?;
        if let Some(bytes) = disk.written_last_day_bytes {
            gauge.one(
                "disk_written_last_day_bytes",
                "Written in the last day",
                signed(bytes),
            )?;
        }
    }
    if let Some(clock) = &health.clock {
        let behind = clock.behind_seconds.unwrap_or(0);
        gauge.one(
            "clock_behind_seconds",
            "By how much the clock is wrong, if two sources agree",
            behind,
        )?;
        gauge.one(
            "clock_sources",
            "Sources that the clock was compared with",
            count(clock.sources),
        )?;
    }
    let queue = &health.queue;
    let queued = [
        ("runs_waiting", queue.runs_waiting),
        ("runs_running", queue.runs_running),
        ("notices_waiting", queue.notices_waiting),
        ("notices_given_up", queue.notices_given_up),
        ("alerts_waiting", queue.alerts_waiting),
        ("alerts_given_up", queue.alerts_given_up),
    ];
    let queued = queued.map(|(name, number)| (vec![("what", name.to_owned())], count(number)));
    gauge.all("queue", "What waits, is under way, or was given up", queued)?;
    if let Some(backup) = &health.backup {
        gauge.one(
            "last_backup_seconds",
            "When the last backup ended (Unix time)",
            backup.at.as_second(),
        )?;
    }
    Ok(())
}

fn name(state: FeedState) -> String {
    state.words().to_lowercase().replace(' ', "_")
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Writes gauges.
struct Gauges<'a, 'b>(&'a mut DescriptorEncoder<'b>);

impl Gauges<'_, '_> {
    fn one(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeGaugeValue,
    ) -> Result<(), fmt::Error> {
        self.0
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(&value)
    }

    fn all(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (Labels, i64)>,
    ) -> Result<(), fmt::Error> {
        let mut descriptor = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            descriptor.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
