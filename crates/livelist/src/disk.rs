//! Checks whether the next writes can succeed: the last write that failed, and the free space of the data
//! directory's file system, compared with what the last day wrote.

use std::path::Path;

use livelist_model::notice::{Condition, ConditionKind};
use livelist_store::directory::{FailedWrite, written_lately};

/// Problems of the disk under `data`, as sentences for operators.
pub fn troubles(data: &Path) -> Vec<String> {
    let found = conditions(data).into_iter();
    found.map(|condition| condition.text).collect()
}

/// Problems of the disk under `data`.
pub fn conditions(data: &Path) -> Vec<Condition> {
    let free = rustix::fs::statvfs(data)
        .ok()
        .map(|of| of.f_bavail.saturating_mul(of.f_frsize));
    told(FailedWrite::read(data), free, written_lately(data))
}

fn told(failed: Option<FailedWrite>, free: Option<u64>, lately: Option<u64>) -> Vec<Condition> {
    let mut troubles = Vec::new();
    // If there is room now, a write that failed because the disk was full no longer counts.
    let has_room = |failed: &FailedWrite| {
        let needed = failed.bytes.saturating_mul(2).max(lately.unwrap_or(0));
        failed.was_full && free.is_some_and(|free| free > needed.saturating_add(ROOM))
    };
    if let Some(failed) = failed.filter(|failed| !has_room(failed)) {
        let text = format!(
            "a file could not be written at {} ({}, {}): {}",
            failed.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            failed.key,
            size(failed.bytes),
            failed.error
        );
        troubles.push(Condition::new(ConditionKind::Disk, "a write", &text));
    }
    if let (Some(free), Some(lately)) = (free, lately)
        && free < lately
    {
        let text = format!(
            "the disk has {} free, and the last day wrote {}",
            size(free),
            size(lately)
        );
        troubles.push(Condition::new(ConditionKind::Disk, "room", &text));
    }
    troubles
}

/// Extra room for documents.
const ROOM: u64 = 1024 * 1024;

fn size(bytes: u64) -> String {
    match bytes {
        ..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_until_there_is_room() {
        let at = "2026-11-21T04:00:00Z".parse().unwrap();
        let failed = |was_full| FailedWrite {
            at,
            key: "feeds/x/head.json".into(),
            bytes: 500,
            error: "No space left on device".into(),
            was_full,
        };
        let count = |failed, free, lately| told(failed, free, lately).len();
        assert_eq!(count(None, Some(5), None), 0);
        assert_eq!(count(Some(failed(true)), Some(5), None), 1);
        assert_eq!(count(Some(failed(true)), Some(5), Some(6)), 2);
        assert_eq!(count(Some(failed(true)), Some(2_000_000), Some(6)), 0);
        // For a quota, it is not known whether there is room.
        assert_eq!(count(Some(failed(false)), Some(2_000_000), Some(6)), 1);
        let told = told(Some(failed(false)), None, None).remove(0);
        assert_eq!(
            told.text,
            "a file could not be written at 2026-11-21T04:00:00Z (feeds/x/head.json, 500 bytes): \
             No space left on device"
        );
    }
}
