//! The health of this machine, as `livelist serve` measures it and `livelist status` shows it. It is kept beside the
//! data, in a file that is no object.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use livelist_model::RunId;
use livelist_model::notice::{DeliveryState, FeedEvent};
use livelist_ops::health::{Backup, ClockHealth, Disk, Health, QueueHealth};
use livelist_ops::progress::RunProgress;
use livelist_ops::status::Status;
use livelist_store::alerts::state;
use livelist_store::deliveries::recorded;
use livelist_store::{Clock, Objects, StoreError, SystemClock};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The folder beside the data that holds what is no object.
pub const OWN: &str = ".livelist";
/// What is older says nothing about now: `serve` measures every five seconds.
const NEW: SignedDuration = SignedDuration::from_mins(2);
const PROGRESS: &str = "progress.json";
const HEALTH: &str = "health.json";
const BACKUP: &str = "backup.json";

/// The health that `serve` measured within the last minutes. Without it, what this process can measure: not the
/// clock, which is compared with the answers of providers.
///
/// # Errors
/// The store cannot be used now.
pub async fn health(
    data: &Path,
    objects: &dyn Objects,
    status: &Status,
) -> Result<Health, StoreError> {
    let known: Option<Health> = read(data, HEALTH);
    let is_new = |health: &Health| {
        let age = status.at.duration_since(health.at).abs();
        age < NEW
    };
    if let Some(health) = known.filter(is_new) {
        return Ok(health);
    }
    Ok(Health {
        at: status.at,
        troubles: status.troubles.clone(),
        disk: disk(data),
        clock: None,
        registry_findings: status.findings.len(),
        queue: queue(objects).await?,
        backup: last_backup(data),
    })
}

/// Keeps the health for other commands.
///
/// # Errors
/// The file cannot be written.
pub fn keep_health(data: &Path, health: &Health) -> io::Result<()> {
    write(data, HEALTH, health)
}

/// How far the runs of `serve` are, as it told within the last minutes.
pub fn progress(data: &Path, now: Timestamp) -> BTreeMap<RunId, RunProgress> {
    let known: Option<(Timestamp, BTreeMap<RunId, RunProgress>)> = read(data, PROGRESS);
    match known {
        Some((at, runs)) if now.duration_since(at).abs() < NEW => runs,
        _ => BTreeMap::new(),
    }
}

/// Keeps how far runs are for other commands.
///
/// # Errors
/// The file cannot be written.
pub fn keep_progress(data: &Path, runs: &BTreeMap<RunId, RunProgress>) -> io::Result<()> {
    write(data, PROGRESS, &(SystemClock.now(), runs))
}

/// The last backup.
pub fn last_backup(data: &Path) -> Option<Backup> {
    read(data, BACKUP)
}

/// Notes that a backup was made.
///
/// # Errors
/// The file cannot be written.
pub fn note_backup(data: &Path, backup: &Backup) -> io::Result<()> {
    write(data, BACKUP, backup)
}

/// The disk under `data`.
pub fn disk(data: &Path) -> Option<Disk> {
    let of = rustix::fs::statvfs(data).ok()?;
    Some(Disk {
        free_bytes: of.f_bavail.saturating_mul(of.f_frsize),
        written_last_day_bytes: livelist_store::directory::written_lately(data),
    })
}

/// What waits and what was given up; runs are counted by who starts them.
///
/// # Errors
/// The store cannot be used now.
pub async fn queue(objects: &dyn Objects) -> Result<QueueHealth, StoreError> {
    let mut queue = QueueHealth::default();
    for of in recorded(objects, None).await? {
        let told_since = |event: &FeedEvent| of.told_since(event).is_some();
        for delivery in &of.deliveries {
            match delivery.state {
                DeliveryState::Waiting => queue.notices_waiting += 1,
                // A site that was told later asks for the newest list.
                DeliveryState::GivenUp if !told_since(&delivery.event) => {
                    queue.notices_given_up += 1
                }
                _ => {}
            }
        }
    }
    for alerted in state(objects).await?.alerts {
        match alerted.delivery.state {
            DeliveryState::Waiting => queue.alerts_waiting += 1,
            DeliveryState::GivenUp if !alerted.delivery.event.test => queue.alerts_given_up += 1,
            _ => {}
        }
    }
    Ok(queue)
}

/// The health in a few lines, for people.
pub fn told(health: &Health) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(disk) = &health.disk {
        let written = disk
            .written_last_day_bytes
            .map(|bytes| format!("; the last day wrote {}", size(bytes)));
        let free = size(disk.free_bytes);
        lines.push(format!(
            "disk      {free} free{}",
            written.unwrap_or_default()
        ));
    }
    lines.push(format!("clock     {}", clock(health.clock.as_ref())));
    let findings = health.registry_findings;
    let registry = match findings {
        0 => "sound".to_owned(),
        n => format!("{n} things are wrong: livelist registry check"),
    };
    lines.push(format!("registry  {registry}"));
    let queue = &health.queue;
    let mut waits = format!(
        "{} runs under way, {} wait; {} notices and {} alerts wait",
        queue.runs_running, queue.runs_waiting, queue.notices_waiting, queue.alerts_waiting
    );
    if queue.notices_given_up + queue.alerts_given_up > 0 {
        let (notices, alerts) = (queue.notices_given_up, queue.alerts_given_up);
        waits.push_str(&format!("; given up: {notices} notices, {alerts} alerts"));
    }
    lines.push(format!("queue     {waits}"));
    lines.push(match &health.backup {
        None => "backup    none was made by `livelist backup`".to_owned(),
        Some(backup) => format!("backup    {:.0}", backup.at),
    });
    lines
}

fn clock(clock: Option<&ClockHealth>) -> String {
    let Some(clock) = clock else {
        return "not compared: `livelist serve` does that".to_owned();
    };
    let mut text = match (clock.behind_seconds, clock.sources) {
        (Some(seconds), _) if seconds > 0 => format!("WRONG: {seconds} s behind"),
        (Some(seconds), _) => format!("WRONG: {} s ahead", seconds.abs()),
        (None, 0) => "not compared yet".to_owned(),
        (None, sources) => format!("compared with {sources} sources in the last day"),
    };
    for (host, seconds) in &clock.dissent {
        text.push_str(&format!("; {host} differs by {seconds} s"));
    }
    text
}

fn size(bytes: u64) -> String {
    match bytes {
        ..10_000_000 => format!("{} kB", bytes / 1_000),
        10_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

fn file(data: &Path, name: &str) -> PathBuf {
    data.join(OWN).join(name)
}

fn read<T: DeserializeOwned>(data: &Path, name: &str) -> Option<T> {
    serde_json::from_slice(&fs::read(file(data, name)).ok()?).ok()
}

/// Whole or not at all: a reader sees the former file or the new one.
fn write(data: &Path, name: &str, value: &impl Serialize) -> io::Result<()> {
    let path = file(data, name);
    let new = path.with_extension(format!("json.{}", std::process::id()));
    fs::write(&new, serde_json::to_vec(value)?)?;
    fs::rename(&new, &path)
}
