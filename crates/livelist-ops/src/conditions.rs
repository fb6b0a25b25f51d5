//! What needs attention, as alerts tell it: from how the feeds and copies stand. Pure.

use std::collections::BTreeSet;

use livelist_model::notice::{Condition, ConditionKind};

use crate::copies::{self, CopyStatus};
use crate::status::{FeedState, FeedStatus, Status};

/// The things that need attention, of feeds, copies and the registry.
pub fn conditions(status: &Status) -> Vec<Condition> {
    let feeds = status.feeds.iter().filter_map(of_feed);
    let copies = status.copies.iter().filter_map(of_copy);
    let registry = status.findings.iter().map(|finding| {
        let text = format!("the registry: {finding}");
        Condition::new(ConditionKind::Registry, finding.clone(), &text)
    });
    feeds.chain(copies).chain(registry).collect()
}

/// The feeds of which nothing is known now, because a run is under way.
pub fn unsure(status: &Status) -> BTreeSet<String> {
    let running = status
        .feeds
        .iter()
        .filter(|feed| feed.state == FeedState::InProgress);
    running.map(|feed| feed.feed.to_string()).collect()
}

fn of_feed(feed: &FeedStatus) -> Option<Condition> {
    let (kind, verb) = match feed.state {
        FeedState::Failed => (ConditionKind::FeedFailed, "failed"),
        FeedState::Held => (ConditionKind::FeedHeld, "is held"),
        FeedState::Delayed => (ConditionKind::FeedDelayed, "is delayed"),
        FeedState::InProgress | FeedState::OnTime | FeedState::Disabled => return None,
    };
    let why = feed.why.as_deref().unwrap_or("no reason is known");
    let counts = match (feed.live, feed.absent) {
        (Some(live), Some(absent)) => format!(" ({absent} of {live} listed keys were not seen)"),
        _ => String::new(),
    };
    let text = format!("{} {verb}: {why}{counts}", feed.feed);
    Some(Condition::new(kind, feed.feed.to_string(), &text))
}

fn of_copy(copy: &CopyStatus) -> Option<Condition> {
    let kind = match copy.state {
        FeedState::Failed => ConditionKind::CopyFailed,
        FeedState::Delayed => ConditionKind::CopyDelayed,
        _ => return None,
    };
    let subject = format!("{} in {}", copy.replication, copy.destination);
    Some(Condition::new(kind, subject, &copies::sentence(copy)))
}
