//! Alerts to operators, on one machine: what needs attention, and when somebody is told. Each thing is told
//! once when it begins and once when it ends. What comes within some minutes is told together.
//!
//! An alert has names of feeds and copies, reasons and counts. It has no listing's key and no secret.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Delivery, DeliveryState};
use crate::instant::believed;

/// After an alert, the next one waits this long, so that a night on which all feeds fail is no night of
/// messages.
pub const GATHER: SignedDuration = SignedDuration::from_mins(5);
/// An alert names this many things that begin, and as many that end; the others are counted.
pub const NAMED: usize = 30;
/// Alerts that are remembered.
const KEPT: usize = 50;
/// Characters of a sentence.
const LONGEST: usize = 300;

/// The kind of a thing that needs attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionKind {
    /// The last run of a feed failed.
    FeedFailed,
    /// The last result of a feed is held.
    FeedHeld,
    /// A feed is not looked at in time.
    FeedDelayed,
    /// A copy of records cannot be written or read.
    CopyFailed,
    /// A copy of records is behind for too long.
    CopyDelayed,
    /// A document of the registry is wrong.
    Registry,
    /// A file could not be written, or the disk is nearly full.
    Disk,
    /// The machine's clock is wrong.
    Clock,
    /// Notices to sites were given up.
    Notices,
}

impl ConditionKind {
    /// Every kind.
    pub const ALL: [ConditionKind; 9] = [
        ConditionKind::FeedFailed,
        ConditionKind::FeedHeld,
        ConditionKind::FeedDelayed,
        ConditionKind::CopyFailed,
        ConditionKind::CopyDelayed,
        ConditionKind::Registry,
        ConditionKind::Disk,
        ConditionKind::Clock,
        ConditionKind::Notices,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            ConditionKind::FeedFailed => "feed_failed",
            ConditionKind::FeedHeld => "feed_held",
            ConditionKind::FeedDelayed => "feed_delayed",
            ConditionKind::CopyFailed => "copy_failed",
            ConditionKind::CopyDelayed => "copy_delayed",
            ConditionKind::Registry => "registry",
            ConditionKind::Disk => "disk",
            ConditionKind::Clock => "clock",
            ConditionKind::Notices => "notices",
        }
    }

    /// How long it lasts before somebody is told: a feed is late for some minutes when it waits for another
    /// one's credential, or for its first run.
    fn patience(self) -> SignedDuration {
        match self {
            ConditionKind::FeedDelayed => SignedDuration::from_mins(15),
            _ => SignedDuration::ZERO,
        }
    }
}

/// A thing that needs attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Its kind.
    pub kind: ConditionKind,
    /// What it is about: a feed, a copy, a document; empty for the machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// One sentence for operators. It may change while the condition lasts.
    pub text: String,
}

impl Condition {
    /// A condition with a sentence that is not too long.
    pub fn new(kind: ConditionKind, subject: impl Into<String>, text: &str) -> Condition {
        Condition {
            kind,
            subject: subject.into(),
            text: text.chars().take(LONGEST).collect(),
        }
    }

    fn name(&self) -> (ConditionKind, &str) {
        (self.kind, &self.subject)
    }
}

/// A condition that lasts, or that ended and nobody was told so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    #[serde(flatten)]
    condition: Condition,
    since: Timestamp,
    /// Whether its beginning was told.
    #[serde(default)]
    told: bool,
    /// When it was not found any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    over_at: Option<Timestamp>,
}

/// How an alert is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By e-mail.
    Email,
    /// By a signed webhook.
    Webhook,
}

impl Channel {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Email => "email",
            Channel::Webhook => "webhook",
        }
    }
}

/// One alert: what began, what ended, and how many things need attention now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// When it was decided on.
    pub at: Timestamp,
    /// Whether somebody only tries whether alerts arrive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub test: bool,
    /// The first of those that began.
    pub began: Vec<Condition>,
    /// The first of those that ended.
    pub ended: Vec<Condition>,
    /// How many began and are not in the list.
    #[serde(default)]
    pub more_began: usize,
    /// How many ended and are not in the list.
    #[serde(default)]
    pub more_ended: usize,
    /// How many last.
    pub standing: usize,
    /// Where to look.
    pub link: String,
}

impl Alert {
    /// An alert that says nothing: to try whether alerts arrive.
    pub fn test(at: Timestamp, link: &str) -> Alert {
        Alert {
            at,
            test: true,
            began: Vec::new(),
            ended: Vec::new(),
            more_began: 0,
            more_ended: 0,
            standing: 0,
            link: link.to_owned(),
        }
    }

    /// The `webhook-id` on one channel: the same in each attempt, different for every other alert.
    pub fn id(&self, channel: Channel) -> String {
        let mut hash = Sha256::new();
        for part in [channel.as_str(), &self.body()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        format!("msg_{}", hex::encode(&hash.finalize()[..16]))
    }

    /// The webhook's body.
    pub fn body(&self) -> String {
        json!({
            "type": if self.test { "alert.test" } else { "alert" },
            "timestamp": self.at,
            "data": {
                "began": self.began,
                "ended": self.ended,
                "more_began": self.more_began,
                "more_ended": self.more_ended,
                "standing": self.standing,
                "link": self.link,
            },
        })
        .to_string()
    }

    /// The e-mail's subject: one line of ASCII.
    pub fn subject(&self) -> String {
        if self.test {
            return "Livelist: a test of alerts".to_owned();
        }
        let (began, ended) = (
            self.began.len() + self.more_began,
            self.ended.len() + self.more_ended,
        );
        let what = match (began, ended) {
            (0, ended) => format!("{ended} over"),
            (began, 0) => format!("{began} new"),
            (began, ended) => format!("{began} new, {ended} over"),
        };
        let need = if self.standing == 1 { "needs" } else { "need" };
        format!("Livelist: {what}; {} {need} attention", self.standing)
    }

    /// The e-mail's text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.test {
            text.push_str("Alerts of Livelist arrive here. Nothing has happened.\n");
        }
        let mut list = |title: &str, conditions: &[Condition], more: usize| {
            if conditions.is_empty() {
                return;
            }
            text.push_str(title);
            for condition in conditions {
                text.push_str(&format!("\n- {}", condition.text));
            }
            if more > 0 {
                text.push_str(&format!("\n- and {more} more"));
            }
            text.push_str("\n\n");
        };
        list("New:", &self.began, self.more_began);
        list("Over:", &self.ended, self.more_ended);
        if !self.test {
            text.push_str(&format!("Attention is needed for: {}\n", self.standing));
        }
        text.push_str(&format!("{}\n", self.link));
        text
    }
}

/// An alert on its way through one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerted {
    /// The channel.
    pub channel: Channel,
    /// The alert, and how its delivery stands.
    #[serde(flatten)]
    pub delivery: Delivery<Alert>,
}

/// `alerts.json`: what needs attention, and the alerts about it. Both are in one object, so that an alert is
/// put into the queue in the same write in which the conditions count as told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertState {
    /// Version of this document's form.
    pub schema: u32,
    /// What lasts, by kind and subject.
    standing: Vec<Standing>,
    /// When an alert was decided on last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_at: Option<Timestamp>,
    /// The alerts, oldest first.
    pub alerts: Vec<Alerted>,
}

impl Default for AlertState {
    fn default() -> Self {
        AlertState {
            schema: Self::SCHEMA,
            standing: Vec::new(),
            last_at: None,
            alerts: Vec::new(),
        }
    }
}

impl AlertState {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// Takes in what was found. `unsure` says of which subjects nothing is known now, such as a feed whose
    /// run is under way: what was known of them stays. Returns an alert if somebody has to be told; `link`
    /// leads to the details.
    pub fn look(
        &mut self,
        found: Vec<Condition>,
        unsure: impl Fn(&str) -> bool,
        now: Timestamp,
        link: &str,
    ) -> Option<Alert> {
        let mut found: BTreeMap<(ConditionKind, String), Condition> = found
            .into_iter()
            .map(|condition| ((condition.kind, condition.subject.clone()), condition))
            .collect();
        for standing in &mut self.standing {
            let (kind, subject) = standing.condition.name();
            match found.remove(&(kind, subject.to_owned())) {
                Some(condition) => {
                    standing.condition = condition;
                    standing.over_at = None;
                }
                None if unsure(subject) => {}
                None => {
                    standing.over_at.get_or_insert(now);
                }
            }
        }
        // What was never told is not told when it is over, either.
        self.standing
            .retain(|one| one.told || one.over_at.is_none());
        self.standing
            .extend(found.into_values().map(|condition| Standing {
                condition,
                since: now,
                told: false,
                over_at: None,
            }));
        let last = self.last_at.map(|at| believed(at, now));
        if last.is_some_and(|last| now.duration_since(last) < GATHER) {
            return None;
        }
        self.alert(now, link)
    }

    fn alert(&mut self, now: Timestamp, link: &str) -> Option<Alert> {
        let mut began = Vec::new();
        for standing in &mut self.standing {
            let lasts = now.duration_since(believed(standing.since, now));
            if !standing.told && lasts >= standing.condition.kind.patience() {
                standing.told = true;
                began.push(standing.condition.clone());
            }
        }
        let over = |one: &Standing| one.over_at.is_some();
        let ended = self.standing.iter().filter(|one| over(one));
        let mut ended: Vec<Condition> = ended.map(|one| one.condition.clone()).collect();
        if began.is_empty() && ended.is_empty() {
            return None;
        }
        self.standing.retain(|one| !over(one));
        self.last_at = Some(now);
        let more_began = began.len().saturating_sub(NAMED);
        let more_ended = ended.len().saturating_sub(NAMED);
        began.truncate(NAMED);
        ended.truncate(NAMED);
        Some(Alert {
            at: now,
            test: false,
            began,
            ended,
            more_began,
            more_ended,
            standing: self.standing.iter().filter(|one| one.told).count(),
            link: link.to_owned(),
        })
    }

    /// Puts an alert into the queue of these channels.
    pub fn queue(&mut self, alert: &Alert, channels: &[Channel], now: Timestamp) {
        for channel in channels {
            let id = alert.id(*channel);
            self.put(Alerted {
                channel: *channel,
                delivery: Delivery::waiting(id, alert.clone(), now),
            });
        }
    }

    /// Stores how a delivery stands, in the place of the former state. What was delivered stays so. The
    /// oldest that wait for nothing are dropped.
    pub fn put(&mut self, alerted: Alerted) {
        match self
            .alerts
            .iter_mut()
            .find(|one| one.delivery.id == alerted.delivery.id)
        {
            Some(known) if known.delivery.state == DeliveryState::Delivered => {}
            Some(known) => *known = alerted,
            None => self.alerts.push(alerted),
        }
        while self.alerts.len() > KEPT {
            let waits = |one: &Alerted| one.delivery.state == DeliveryState::Waiting;
            let oldest = self.alerts.iter().position(|one| !waits(one));
            self.alerts.remove(oldest.unwrap_or(0));
        }
    }

    /// The alerts that are to be sent now; with `all`, those that wait for a later attempt, too.
    pub fn due(&self, now: Timestamp, all: bool) -> Vec<Alerted> {
        let waiting = self.alerts.iter().filter(|one| {
            let delivery = &one.delivery;
            delivery.state == DeliveryState::Waiting && (all || delivery.is_due(now))
        });
        waiting.cloned().collect()
    }

    /// How many conditions last.
    pub fn standing(&self) -> usize {
        self.standing
            .iter()
            .filter(|one| one.over_at.is_none())
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "https://livelist.example/dashboard";

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_233_600 + 60 * minute).unwrap()
    }

    fn failed(feed: &str) -> Condition {
        Condition::new(ConditionKind::FeedFailed, feed, &format!("{feed} failed"))
    }

    fn look(
        state: &mut AlertState,
        found: &[Condition],
        minute: i64,
    ) -> Option<(usize, usize, usize)> {
        let alert = state.look(found.to_vec(), |_| false, at(minute), LINK)?;
        let (began, ended) = (alert.began.len(), alert.ended.len());
        Some((
            began + alert.more_began,
            ended + alert.more_ended,
            alert.standing,
        ))
    }

    #[test]
    fn each_thing_is_told_once_when_it_begins_and_once_when_it_ends() {
        let mut state = AlertState::default();
        let one = [failed("a")];
        assert_eq!(look(&mut state, &[], 0), None);
        assert_eq!(look(&mut state, &one, 1), Some((1, 0, 1)));
        for minute in 2..2_000 {
            assert_eq!(look(&mut state, &one, minute), None, "{minute}");
        }
        assert_eq!(look(&mut state, &[], 2_000), Some((0, 1, 0)));
        assert_eq!(look(&mut state, &[], 2_010), None);
    }

    #[test]
    fn what_comes_soon_after_is_told_together() {
        let mut state = AlertState::default();
        let many: Vec<Condition> = (0..100).map(|n| failed(&n.to_string())).collect();
        assert_eq!(look(&mut state, &many[..1], 0), Some((1, 0, 1)));
        assert_eq!(look(&mut state, &many[..50], 1), None);
        // What ended and came back meanwhile is no news, and what came and went neither.
        assert_eq!(look(&mut state, &many[1..99], 2), None);
        assert_eq!(look(&mut state, &many[..80], 5), Some((79, 0, 80)));
        assert_eq!(look(&mut state, &many[40..], 11), Some((20, 40, 60)));
        let alert = state.look(Vec::new(), |_| false, at(30), LINK).unwrap();
        assert_eq!((alert.ended.len(), alert.more_ended), (NAMED, 30));
    }

    #[test]
    fn while_a_run_is_under_way_nothing_is_over() {
        let mut state = AlertState::default();
        look(&mut state, &[failed("a"), failed("b")], 0).unwrap();
        let unsure = |subject: &str| subject == "a";
        let alert = state.look(Vec::new(), unsure, at(10), LINK).unwrap();
        assert_eq!((alert.ended[0].subject.as_str(), alert.standing), ("b", 1));
    }

    #[test]
    fn a_feed_may_be_late_for_a_while() {
        let mut state = AlertState::default();
        let late = [Condition::new(ConditionKind::FeedDelayed, "a", "a is late")];
        assert_eq!(look(&mut state, &late, 0), None);
        assert_eq!(look(&mut state, &[], 10), None);
        assert_eq!(look(&mut state, &late, 20), None);
        assert_eq!(look(&mut state, &late, 35), Some((1, 0, 1)));
    }

    #[test]
    fn an_alert_that_waits_is_not_forgotten_for_newer_ones() {
        let mut state = AlertState::default();
        let first = Alert::test(at(0), LINK);
        state.queue(&first, &[Channel::Email], at(0));
        for minute in 1..=2 * i64::try_from(KEPT).unwrap() {
            state.queue(
                &Alert::test(at(minute), LINK),
                &[Channel::Webhook],
                at(minute),
            );
            let mut sent = state.alerts.last().unwrap().clone();
            sent.delivery = sent.delivery.after(1, Some(200), None, at(minute), 0.5);
            state.put(sent);
        }
        assert_eq!(state.alerts.len(), KEPT);
        let due = state.due(at(0), false);
        assert_eq!((due.len(), &due[0].delivery.event), (1, &first));
    }

    #[test]
    fn the_text_has_counts_and_a_link() {
        let mut state = AlertState::default();
        look(&mut state, &[failed("a")], 0).unwrap();
        let found = [failed("b"), failed("c")];
        let alert = state.look(found.to_vec(), |_| false, at(10), LINK).unwrap();
        assert_eq!(alert.subject(), "Livelist: 2 new, 1 over; 2 need attention");
        let expected = "New:\n- b failed\n- c failed\n\nOver:\n- a failed\n\nAttention is needed for: 2\n\
            https://livelist.example/dashboard\n";
        assert_eq!(alert.text(), expected);
        assert_ne!(alert.id(Channel::Email), alert.id(Channel::Webhook));
        let body: serde_json::Value = serde_json::from_str(&alert.body()).unwrap();
        assert_eq!(
            (&body["type"], &body["data"]["standing"]),
            (&json!("alert"), &json!(2))
        );
        assert_eq!(body["data"]["began"][0]["kind"], "feed_failed");
    }
}
