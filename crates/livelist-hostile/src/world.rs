//! Everything simulated, at one instant: MLSs, storage, executions, and what the oracle remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use livelist_mls::clock::{Clock, SetClock};
use livelist_mls::{Control, Delivery, Fault, FaultRule, RequestKind, Town};
use livelist_model::layout;
use livelist_model::record::{RunRecord, RunState};
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_reso::Dialects;
use livelist_store::{Condition, Retention, StoreError};
use serde_json::{Value, json};

use crate::dice::{self, Dice};
use crate::ports::{Container, Place, Work};
use crate::sim::Ms;
use crate::store::Store;
use crate::story::{Change, MlsDay, MlsPlan, Story};
use crate::tally::{Tally, count};

/// The first day of every world, at midnight: 2026-11-21.
pub const BEGAN: Ms = 1_795_219_200_000;
/// A day.
pub const DAY: Ms = 86_400_000;

/// The books are small: whoever gets so many answers in a day turns in a circle.
const MOST_ANSWERS: u64 = 10_000;
/// So does whoever gets the very same page so often.
const MOST_ALIKE: u64 = 300;

/// Everything simulated.
pub struct World {
    /// What happens.
    pub story: Arc<Story>,
    /// Storage.
    pub store: Store,
    /// What was counted.
    pub tally: Tally,
    /// Sealed texts: for which run, and what.
    pub(crate) sealed: Vec<(String, String)>,
    /// Names of executions that were started.
    pub(crate) executions: BTreeSet<String>,
    pub(crate) mlss: Vec<MlsState>,
    pub(crate) feeds: Vec<FeedState>,
    pub(crate) town: Town,
    clock: Arc<SetClock>,
    pool: BTreeMap<&'static str, Vec<Arc<Container>>>,
    pub(crate) skews: Vec<Ms>,
    pub(crate) day: usize,
    /// A hash of everything that happened, in order.
    pub log: u64,
    now: Ms,
    tale: Option<(u8, Vec<String>)>,
    pub(crate) struck_numbers: Vec<u64>,
    /// What was wrong.
    pub violations: Vec<String>,
}

/// One MLS.
pub(crate) struct MlsState {
    pub(crate) plan: MlsPlan,
    pub(crate) control: Control,
    version: u64,
    pending: Vec<(u64, Change)>,
    requests: u64,
    answers: u64,
    /// How often each page was shown today, by its address.
    pages: BTreeMap<u64, u64>,
    /// Who asks, and who asked before.
    pub(crate) asks: (String, BTreeSet<String>),
    sold: Vec<String>,
    /// When the book changed, in order.
    pub(crate) changes: Vec<Ms>,
    /// What struck it, in order.
    pub(crate) strikes: Vec<Strike>,
    today: BTreeSet<&'static str>,
    secrets: Vec<String>,
    is_revoked: bool,
}

/// A fault that changed an answer.
#[derive(Debug, Clone)]
pub(crate) struct Strike {
    pub(crate) at: Ms,
    pub(crate) kind: RequestKind,
    pub(crate) fault: Fault,
}

/// One feed.
pub(crate) struct FeedState {
    pub(crate) spec: FeedSpec,
    pub(crate) mls: usize,
    filter: Option<String>,
    /// The keys that are live for this feed, and since when.
    pub(crate) live: BTreeMap<String, Ms>,
    /// The published list.
    pub(crate) list: Option<Vec<String>>,
    /// The head as it was last written.
    pub(crate) head: Option<Value>,
    /// When the published list was written.
    pub(crate) listed_at: Ms,
    /// Days on which a run was held against the present head.
    pub(crate) held_on: BTreeSet<String>,
}

impl World {
    /// The world of a story, before its first day.
    ///
    /// # Errors
    /// The story cannot be: the simulator or the registry refuses it.
    pub fn new(story: Arc<Story>, tells: Option<u8>) -> Result<World, String> {
        let began = Timestamp::from_millisecond(BEGAN).map_err(|e| e.to_string())?;
        let clock = Arc::new(SetClock::at(began));
        let shared: Arc<dyn Clock> = clock.clone();
        let specs = story.mlss.iter().map(|mls| mls.spec.clone()).collect();
        let town = Town::new(specs, &shared).map_err(|e| e.to_string())?;
        let mut world = World {
            store: Store::default(),
            tally: Tally::default(),
            sealed: Vec::new(),
            executions: BTreeSet::new(),
            mlss: Vec::new(),
            feeds: Vec::new(),
            clock,
            pool: BTreeMap::new(),
            skews: Vec::new(),
            day: 0,
            log: story.seed,
            now: BEGAN,
            tale: tells.map(|level| (level, Vec::new())),
            struck_numbers: Vec::new(),
            violations: Vec::new(),
            town,
            story: Arc::clone(&story),
        };
        let mut documents = Vec::new();
        for plan in &story.mlss {
            let name = &plan.spec.mls;
            let control = world.town.control(name).ok_or("an MLS is missing")?;
            documents.push(world.register(plan)?);
            world.mlss.push(MlsState {
                plan: plan.clone(),
                version: control.version(),
                secrets: control.secrets(),
                control,
                pending: Vec::new(),
                requests: 0,
                answers: 0,
                pages: BTreeMap::new(),
                asks: Default::default(),
                sold: Vec::new(),
                changes: Vec::new(),
                strikes: Vec::new(),
                today: BTreeSet::new(),
                is_revoked: false,
            });
        }
        let mut clients = [Vec::new(), Vec::new()];
        for feed in story.feeds.iter().filter(|feed| !feed.is_cut) {
            let pair = Pair {
                mls: documents[feed.mls].mls.clone(),
                resource: "Property".parse().map_err(|_| "no resource")?,
                filter: feed.filter.clone(),
                enabled: true,
            };
            world.feeds.push(FeedState {
                spec: FeedSpec::resolve(&documents[feed.mls], &pair),
                mls: feed.mls,
                filter: feed.filter.clone(),
                live: BTreeMap::new(),
                list: None,
                head: None,
                listed_at: BEGAN,
                held_on: BTreeSet::new(),
            });
            if feed.shared {
                clients[1].push(pair.clone());
            }
            clients[0].push(pair);
        }
        for (client, pairs) in ["acme", "zeta"].into_iter().zip(clients) {
            let text = json!({ "client": client, "pairs": pairs }).to_string();
            let key = format!("registry/clients/{client}.json");
            world.store.put(&key, text.into(), Retention::Keep, BEGAN);
        }
        for mls in 0..world.mlss.len() {
            world.observe(BEGAN, mls);
        }
        Ok(world)
    }

    /// Writes the registry document of an MLS.
    fn register(&mut self, plan: &MlsPlan) -> Result<livelist_model::registry::Mls, String> {
        let spec = &plan.spec;
        let origin = format!("https://{}", plan.host);
        let place = self.town.endpoint(&spec.mls, &origin);
        let place = place.ok_or("an MLS has no endpoint")?;
        let mut document = json!({
            "mls": spec.mls,
            "provider": spec.provider,
            "base_url": place.base_url,
            "credential": format!("ssm:/{}", spec.mls),
        });
        if let Some(url) = place.token_url {
            document["token_url"] = url.into();
        }
        for (name, value) in place.settings {
            document[name] = value;
        }
        if plan.names_system {
            document["originating_system"] = spec.system().into();
        }
        if let Some((fraction, floor)) = plan.guards {
            document["guards"] = json!({"removed_fraction": fraction, "removed_floor": floor});
        }
        if let Some(size) = plan.page_size {
            document["page_size"] = size.into();
        }
        let text = document.to_string();
        let key = format!("registry/mls/{}.json", spec.mls);
        let parsed = parse_mls(
            &format!("mls/{}.json", spec.mls),
            text.as_bytes(),
            &Dialects,
        );
        self.store.put(&key, text.into(), Retention::Keep, BEGAN);
        parsed.map_err(|findings| format!("{findings:?}"))
    }

    /// The secret behind a reference.
    pub(crate) fn secret(&self, reference: &str) -> Option<String> {
        let name = reference.strip_prefix("ssm:/")?;
        let mls = self.mlss.iter().find(|mls| mls.plan.spec.mls == name)?;
        Some(mls.plan.spec.credential.members().to_string())
    }

    // --- The story ----------------------------------------------------------------------------------

    /// Whether the days in which something happens are over.
    pub(crate) fn is_quiet(&self) -> bool {
        self.day >= self.story.days.len()
    }

    fn today(&self) -> Option<&crate::story::DayPlan> {
        self.story.days.get(self.day)
    }

    /// How often an operation goes wrong today.
    pub(crate) fn strikes(&self) -> f64 {
        self.today().map_or(0.0, |day| day.strikes)
    }

    /// Whether things come twice today.
    pub(crate) fn is_twice(&self) -> bool {
        self.today().is_some_and(|day| day.twice)
    }

    /// A day begins: what changes over night, and what is in force.
    pub(crate) fn begin_day(&mut self, day: usize, now: Ms) {
        self.day = day;
        self.now = now;
        self.tally.days += 1;
        self.set_clock(now);
        self.store.expire(now);
        // Over night wrong clocks are set right.
        let skew = self.today().map_or(0, |day| day.skew) as Ms * 1_000;
        for free in self.pool.values_mut() {
            free.retain(|container| container.place.skew.abs() <= skew);
        }
        let story = Arc::clone(&self.story);
        for at in 0..self.mlss.len() {
            let plan = story.days.get(day).and_then(|day| day.mlss.get(at));
            let plan: MlsDay = plan.cloned().unwrap_or_default();
            let mut dice = Dice::new(dice::pair(story.seed, (day * 64 + at) as u64 ^ 0xD));
            if self.mlss[at].is_revoked && (self.is_quiet() || dice.chance(0.5)) {
                self.change(now, at, &Change::Revoke(false));
            }
            let rules = plan.rules.iter().filter(|rule| rule.times != Some(0));
            let rules: Vec<FaultRule> = rules.cloned().collect();
            let name = self.mlss[at].plan.spec.mls.clone();
            for rule in &rules {
                self.tell(1, || {
                    let on = rule
                        .on
                        .map_or(String::new(), |on| format!(" on {on:?} requests"));
                    let skip = match rule.skip {
                        0 => String::new(),
                        n => format!(" after {n}"),
                    };
                    let times = rule.times.map_or(String::new(), |n| format!(", {n} times"));
                    format!("{name} will show {:?}{on}{skip}{times}", rule.fault)
                });
            }
            let mls = &mut self.mlss[at];
            mls.control.set_faults(rules);
            mls.control.clear_log();
            mls.requests = 0;
            mls.answers = 0;
            mls.pages.clear();
            mls.today.clear();
            mls.pending.clear();
            mls.secrets = mls.control.secrets();
            for event in &plan.events {
                match event.request {
                    Some(request) => self.mlss[at].pending.push((request, event.change.clone())),
                    None => self.change(now, at, &event.change),
                }
            }
        }
    }

    /// New listings at all MLSs in the middle of a day.
    pub(crate) fn list_new(&mut self, now: Ms) {
        self.set_clock(now);
        for at in 0..self.mlss.len() {
            self.change(now, at, &Change::Add(2));
        }
    }

    /// How long an invocation of `compare` takes to begin: the nth of an execution.
    pub(crate) fn compare_begins_after(&self, nth: u64, owner: &str) -> Ms {
        let slow = self.today().and_then(|day| day.slow_compare);
        if slow == Some(nth) && !owner.contains("-r2") {
            30 * 60_000
        } else {
            0
        }
    }

    /// Changes a book or a credential.
    fn change(&mut self, now: Ms, at: usize, change: &Change) {
        let mls = &mut self.mlss[at];
        let control = &mls.control;
        let text = match change {
            Change::Sell(n) => format!("sells {}", control.sell(*n).len()),
            Change::Expire(percent) => {
                let n = (control.live_count() * percent).div_ceil(100);
                format!("loses {} at once", control.sell(n).len())
            }
            Change::Add(n) => format!("lists {} new", control.add(*n).len()),
            Change::Relist(n) => {
                let from = mls.sold.len().saturating_sub(*n as usize);
                let keys = mls.sold.split_off(from);
                format!(
                    "lists {} again under their old keys",
                    control.relist(&keys).len()
                )
            }
            Change::Touch(n) => format!("modifies {}", control.touch(*n).len()),
            Change::TouchAll => {
                control.touch_all_same_timestamp();
                "modifies all at one instant".to_owned()
            }
            Change::Rekey => {
                control.rekey_all();
                "gives every listing a new key".to_owned()
            }
            Change::Revoke(on) => {
                control.revoke(*on);
                mls.is_revoked = *on;
                if *on {
                    "refuses the credential"
                } else {
                    "accepts the credential again"
                }
                .to_owned()
            }
            Change::ExpireTokens => {
                control.expire_tokens();
                "ends all tokens".to_owned()
            }
        };
        let kind = match change {
            Change::Sell(_) => "sold",
            Change::Expire(_) => "mass removal",
            Change::Add(_) => "new listings",
            Change::Relist(_) => "listed again under old keys",
            Change::Touch(_) => "modified",
            Change::TouchAll => "all modified at one instant",
            Change::Rekey => "every key changed",
            Change::Revoke(true) => "access lost",
            Change::Revoke(false) => "access regained",
            Change::ExpireTokens => "tokens ended",
        };
        count(&mut self.tally.changes, kind);
        let name = self.mlss[at].plan.spec.mls.clone();
        self.tell(1, || format!("{name} {text}"));
        self.observe(now, at);
    }

    /// What changes just before the request that arrives.
    pub(crate) fn changes_before_request(&mut self, now: Ms, at: usize) {
        let mls = &mut self.mlss[at];
        let nth = mls.requests;
        mls.requests += 1;
        let mut due = Vec::new();
        mls.pending.retain(|(request, change)| {
            let is_due = *request <= nth;
            if is_due {
                due.push(change.clone());
            }
            !is_due
        });
        for change in due {
            count(&mut self.tally.changes, "… of these in mid-scan");
            self.change(now, at, &change);
        }
    }

    /// Notes what an MLS answered.
    pub(crate) fn answered(
        &mut self,
        now: Ms,
        at: usize,
        place: &Place,
        target: String,
        delivery: &Delivery,
    ) {
        self.now = now;
        let mls = &mut self.mlss[at];
        let (kind, struck) = mls
            .control
            .last_request()
            .unwrap_or((RequestKind::Other, Vec::new()));
        if kind == RequestKind::Token {
            mls.secrets = mls.control.secrets();
        }
        for rule in &struck {
            let name = rule.fault.name();
            count(&mut self.tally.faults, name);
            mls.today.insert(name);
            mls.is_revoked |= rule.fault == Fault::Revoke;
            mls.strikes.push(Strike {
                at: now,
                kind,
                fault: rule.fault.clone(),
            });
        }
        self.log = dice::pair(
            self.log,
            dice::name(&target) ^ u64::from(delivery.status.as_u16()),
        );
        let name = mls.plan.spec.mls.clone();
        mls.answers += u64::from(delivery.status.is_success());
        if mls.answers == MOST_ANSWERS {
            self.wrong(format!(
                "{name} answered {MOST_ANSWERS} requests in one day"
            ));
        }
        // One that is waited for in vain may be asked for again all day.
        let is_slow = struck
            .iter()
            .any(|rule| matches!(rule.fault, Fault::Slow { .. }));
        if kind == RequestKind::Page && delivery.status.is_success() && !is_slow {
            let shown = self.mlss[at].pages.entry(dice::name(&target)).or_default();
            *shown += 1;
            if *shown == MOST_ALIKE {
                self.wrong(format!(
                    "{name} showed one page {MOST_ALIKE} times in one day"
                ));
            }
        }
        self.check_turns(at, &place.work().owner);
        self.tell(3, || {
            let work = place.work();
            let struck: Vec<&str> = struck.iter().map(|rule| rule.fault.name()).collect();
            format!(
                "{} ({}) asks {name} for a {kind:?}: {} {} {target}",
                work.owner,
                work.step,
                delivery.status,
                struck.join("+")
            )
        });
        self.observe(now, at);
    }

    pub(crate) fn set_clock(&self, now: Ms) {
        if let Ok(now) = Timestamp::from_millisecond(now) {
            self.clock.set(now);
        }
    }

    /// Brings what is live up to date, if the book changed.
    fn observe(&mut self, now: Ms, at: usize) {
        self.now = now;
        let mls = &mut self.mlss[at];
        let version = mls.control.version();
        if version == mls.version && now != BEGAN {
            return;
        }
        mls.version = version;
        mls.changes.push(now);
        let all = mls.control.live_keys();
        for feed in self.feeds.iter_mut().filter(|feed| feed.mls == at) {
            let live = match &feed.filter {
                None => all.clone(),
                Some(filter) => mls.control.live_keys_matching(filter).unwrap_or_default(),
            };
            let former = std::mem::take(&mut feed.live);
            for key in live {
                let since = former.get(&key).copied().unwrap_or(now);
                feed.live.insert(key, since);
            }
            if feed.filter.is_none() {
                let gone = former.keys().filter(|key| !feed.live.contains_key(*key));
                mls.sold.extend(gone.cloned());
            }
        }
    }

    // --- What happens to our own machines -----------------------------------------------------------

    /// A container that is free, or the number and the clock of a new one.
    pub(crate) fn container(
        &mut self,
        step: &'static str,
        dice: &mut Dice,
    ) -> Result<Arc<Container>, (u64, Ms)> {
        let skew = self.today().map_or(0, |day| day.skew) as Ms * 1_000;
        if dice.chance(0.8)
            && let Some(free) = self.pool.get_mut(step).and_then(Vec::pop)
        {
            return Ok(free);
        }
        let skew = dice.within(0, 2 * skew as u64) as Ms - skew;
        self.skews.push(skew);
        Err((self.skews.len() as u64 - 1, skew))
    }

    /// A container is free again.
    pub(crate) fn give_back(&mut self, container: Arc<Container>) {
        let step = container.place.work().step;
        self.pool.entry(step).or_default().push(container);
    }

    /// Lets go of the containers, which hold the room that holds this world.
    pub(crate) fn close(&mut self) {
        self.pool.clear();
    }

    pub(crate) fn note(&mut self, place: u64, what: u64) {
        self.log = dice::pair(self.log, place ^ what);
    }

    pub(crate) fn note_strike(&mut self, what: &str) {
        count(&mut self.tally.strikes, what);
    }

    pub(crate) fn struck(&mut self, number: u64, work: &Work, fate: &str, what: &str) {
        count(&mut self.tally.strikes, &format!("{}: {fate}", work.step));
        self.struck_numbers.push(number);
        self.tell(1, || {
            format!(
                "{} of {}: {fate} ({what}) [s{number:x}]",
                work.step, work.owner
            )
        });
    }

    pub(crate) fn ended(&mut self, owner: &str, what: &str) {
        count(&mut self.tally.runs, what);
        self.log = dice::pair(self.log, dice::name(owner) ^ dice::name(what));
        self.tell(1, || format!("the run {owner} ends: {what}"));
    }

    pub(crate) fn tell(&mut self, level: u8, line: impl FnOnce() -> String) {
        if let Some((most, lines)) = &mut self.tale
            && level <= *most
        {
            let since = self.now - BEGAN;
            let (hour, minute) = (since / 3_600_000 % 24, since / 60_000 % 60);
            lines.push(format!(
                "day {} {hour:02}:{minute:02}  {}",
                since / DAY + 1,
                line()
            ));
        }
    }

    pub(crate) fn take_tale(&mut self) -> Vec<String> {
        self.tale.take().map(|(_, lines)| lines).unwrap_or_default()
    }

    pub(crate) fn wrong(&mut self, what: String) {
        self.tell(0, || format!("WRONG: {what}"));
        let day = (self.now - BEGAN) / DAY + 1;
        self.violations.push(format!("day {day}: {what}"));
    }

    // --- Storage ------------------------------------------------------------------------------------

    pub(crate) fn put(
        &mut self,
        now: Ms,
        place: &Place,
        key: &str,
        bytes: Bytes,
        condition: &Condition,
        retention: Retention,
    ) -> Result<String, StoreError> {
        self.now = now;
        if !self.store.allows(key, condition) {
            return Err(StoreError::ConditionFailed {
                key: key.to_owned(),
            });
        }
        if key.ends_with(".json")
            && let Ok(text) = std::str::from_utf8(&bytes)
        {
            self.look_for_secrets(key, text);
        }
        let is_published = key.contains("/snapshots/") || key.contains("/deltas/");
        if is_published && self.store.get(key).is_some_and(|old| old.bytes != bytes) {
            self.wrong(format!("{key} was published and is written anew"));
        }
        let etag = self.store.put(key, bytes, retention, now);
        if key.ends_with("/head.json") {
            self.check_head(now, place, key);
        } else if key.ends_with("/held.json") {
            self.note_held(key);
        }
        Ok(etag.to_string())
    }

    pub(crate) fn delete(&mut self, key: &str, condition: &Condition) -> Result<(), StoreError> {
        if self.store.get(key).is_none() {
            return Ok(());
        }
        if !self.store.allows(key, condition) {
            return Err(StoreError::ConditionFailed {
                key: key.to_owned(),
            });
        }
        if key.ends_with("/head.json") || key.contains("/snapshots/") || key.contains("/deltas/") {
            self.wrong(format!("{key} was deleted"));
        }
        self.store.delete(key);
        Ok(())
    }

    pub(crate) fn look_for_secrets(&mut self, place: &str, text: &str) {
        let found = self
            .mlss
            .iter()
            .flat_map(|mls| {
                // The secret itself, and the newest tokens: those that are in use.
                let tail = mls.secrets.len().saturating_sub(3).max(1);
                mls.secrets
                    .iter()
                    .take(1)
                    .chain(&mls.secrets[tail.min(mls.secrets.len())..])
            })
            .any(|secret| text.contains(secret.as_str()));
        if found {
            self.wrong(format!("a secret stands in {place}"));
        }
    }

    // --- People -------------------------------------------------------------------------------------

    /// The runs of a day.
    pub(crate) fn runs_of(&self, at: Ms) -> Vec<RunSpec> {
        let Ok(at) = Timestamp::from_millisecond(at) else {
            return Vec::new();
        };
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        let feeds = self.feeds.iter();
        feeds
            .map(|feed| RunSpec::of(date, feed.spec.clone()))
            .collect()
    }

    /// What waits for a person, and whether all that it would remove is gone indeed.
    pub(crate) fn waiting(&self) -> Vec<(String, RunRecord, bool)> {
        let of = |feed: &FeedState| {
            let id = &feed.spec.feed;
            let held = self.store.get(&layout::held(id))?;
            let held: livelist_model::head::Held = serde_json::from_slice(&held.bytes).ok()?;
            let record = self.store.get(&layout::run_record(id, &held.run))?;
            let record: RunRecord = serde_json::from_slice(&record.bytes).ok()?;
            let reason = record.held_reason?;
            if record.state != RunState::Held || !reason.can_be_approved() {
                return None;
            }
            let removed = self.removals(&record)?;
            let sees_none = record.comparison.as_ref().is_some_and(|c| c.live == 0);
            let is_true = removed.iter().all(|key| !feed.live.contains_key(key))
                && (!sees_none || feed.live.is_empty());
            Some((id.to_string(), record, is_true))
        };
        self.feeds.iter().filter_map(of).collect()
    }

    /// The keys that a held run would remove.
    fn removals(&self, record: &RunRecord) -> Option<Vec<String>> {
        let read = |key: &str| {
            let stored = self.store.get(key)?;
            serde_json::from_slice::<Value>(&stored.bytes).ok()
        };
        let resume = record.resume.as_ref()?;
        let compared = read(&resume.comparison)?;
        let absent =
            crate::oracle::lines(&self.store, compared["absent"]["object"].as_str()?).ok()?;
        let told = resume.confirmation.as_deref().and_then(read);
        let restored: BTreeSet<&str> = told
            .as_ref()
            .and_then(|told| told["restored"].as_array())
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let gone = absent.into_iter();
        Some(
            gone.filter(|key| !restored.contains(key.as_str()))
                .collect(),
        )
    }

    /// A person rejects a held run, as `livelist reject` does.
    pub(crate) fn reject(&mut self, record: &RunRecord) {
        count(&mut self.tally.people, "rejected a held run");
        let run = &record.spec.run;
        self.tell(1, || format!("a person rejects {run}"));
        let feed = &record.spec.feed.feed;
        let rejected = RunRecord {
            state: RunState::Rejected,
            resume: None,
            ..record.clone()
        };
        let text = serde_json::to_vec(&rejected).unwrap_or_default();
        let key = layout::run_record(feed, run);
        self.store
            .put(&key, text.into(), Retention::Scratch, self.now);
        self.store.delete(&layout::held(feed));
    }

    // --- Evenings -----------------------------------------------------------------------------------

    /// Counts which faults met on this day.
    pub(crate) fn count_pairs(&mut self) {
        for mls in &self.mlss {
            for (at, a) in mls.today.iter().enumerate() {
                for b in mls.today.iter().skip(at + 1) {
                    count(&mut self.tally.pairs, &format!("{a} + {b}"));
                }
            }
        }
    }

    pub(crate) fn is_revoked(&self, mls: usize) -> bool {
        self.mlss[mls].is_revoked
    }
}
