//! The simulated state at one instant: MLSs, storage, executions, and the oracle's memory.

mod answers;
mod change;
mod people;
mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use livelist_mls::clock::{Clock, SetClock};
use livelist_mls::{Control, Fault, RequestKind, Town};
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::FeedSpec;
use livelist_reso::Dialects;
use livelist_store::Retention;
use serde_json::{Value, json};

use crate::dice::{self, Dice};
use crate::ports::{Container, Work};
use crate::records::Copy;
use crate::sim::Ms;
use crate::store::Store;
use crate::story::{Change, MlsPlan, Story};
use crate::tally::{Tally, count};

/// The first day of every world, at midnight: 2026-11-21.
pub const BEGAN: Ms = 1_795_219_200_000;
/// A day.
pub const DAY: Ms = 86_400_000;

/// Everything simulated.
pub struct World {
    /// The events.
    pub story: Arc<Story>,
    /// Storage.
    pub store: Store,
    /// The counts.
    pub tally: Tally,
    /// Encrypted texts: for which run, and their content.
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
    /// Broken rules.
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
    /// Questions about keys today.
    questions: u64,
    /// How often each page was shown today, by its address.
    pages: BTreeMap<u64, u64>,
    /// The execution that asks, and those that asked before.
    pub(crate) asks: (String, BTreeSet<String>),
    sold: Vec<String>,
    /// When the book changed, in order.
    pub(crate) changes: Vec<Ms>,
    /// The faults that struck it, in order.
    pub(crate) strikes: Vec<Strike>,
    today: BTreeSet<&'static str>,
    secrets: Vec<String>,
    is_revoked: bool,
    /// When listings got other listing ids last.
    pub(crate) renumbered: Option<Ms>,
    /// Days on which a question about keys was refused.
    pub(crate) refused_questions: BTreeSet<usize>,
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
    /// The instant that `as_of` of the current head promises, by the oracle's clock.
    pub(crate) as_of: Ms,
    /// Live keys that may be missing since then.
    pub(crate) excused: BTreeSet<String>,
    /// When its last good look began, by the oracle's clock.
    pub(crate) looked_at: Ms,
    /// Keys that were listed and are not now.
    pub(crate) removed: BTreeSet<String>,
    /// Days on which a run was held since the list last lost a key.
    pub(crate) held_on: BTreeSet<String>,
    /// Keys that left the feed before any list had them, and when: a site may have a copy.
    pub(crate) missed: BTreeMap<String, Ms>,
    /// When a site first asked about a key that looks like those of the list, and on which day.
    pub(crate) asked_about: BTreeMap<String, (Ms, usize)>,
    /// Quiet days whose runs looked, were not held, and found any listing; without a live key, no question
    /// can be asked.
    pub(crate) quiet_looks: Vec<usize>,
    /// The copy of its records, and as it was once: a backup.
    pub(crate) copy: Copy,
    /// Up to this number of its log all changes have entered a copy.
    pub(crate) judged: u64,
    pub(crate) backup: Copy,
    /// How many runs of quiet days were held.
    pub(crate) quiet_holds: u32,
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
                questions: 0,
                pages: BTreeMap::new(),
                asks: Default::default(),
                sold: Vec::new(),
                changes: Vec::new(),
                strikes: Vec::new(),
                today: BTreeSet::new(),
                is_revoked: false,
                renumbered: None,
                refused_questions: BTreeSet::new(),
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
                spec: FeedSpec {
                    stamps: story.replicates,
                    ..FeedSpec::resolve(&documents[feed.mls], &pair)
                },
                mls: feed.mls,
                filter: feed.filter.clone(),
                live: BTreeMap::new(),
                list: None,
                head: None,
                listed_at: BEGAN,
                as_of: Ms::MIN,
                excused: BTreeSet::new(),
                looked_at: Ms::MIN,
                removed: BTreeSet::new(),
                held_on: BTreeSet::new(),
                missed: BTreeMap::new(),
                asked_about: BTreeMap::new(),
                quiet_looks: Vec::new(),
                quiet_holds: 0,
                copy: Copy::default(),
                judged: 0,
                backup: Copy::default(),
            });
            if story.replicates {
                world.copy(&pair);
            }
            if feed.shared {
                clients[1].push(pair.clone());
            }
            clients[0].push(pair);
        }
        for (client, pairs) in ["acme", "zeta"].into_iter().zip(clients) {
            let mut document = json!({ "client": client, "pairs": pairs });
            if client == "acme" {
                let key = json!({ "id": "site", "sha256": crate::oracle::site_key_hash() });
                document["api_keys"] = json!([key]);
            }
            let text = document.to_string();
            let key = format!("registry/clients/{client}.json");
            world.store.put(&key, text.into(), Retention::Keep, BEGAN);
        }
        for mls in 0..world.mlss.len() {
            world.observe(BEGAN, mls);
        }
        Ok(world)
    }

    /// Writes the registry document that says that the records of a pair's feed are copied.
    fn copy(&mut self, pair: &Pair) {
        let name = format!("copy{}", self.feeds.len() - 1);
        let resource = json!({ "resource": pair.resource, "filter": pair.filter });
        let document = json!({ "replication": name, "mls": pair.mls, "resources": [resource] });
        let key = format!("registry/replications/{name}.json");
        let text = document.to_string().into();
        self.store.put(&key, text, Retention::Keep, BEGAN);
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

    /// The secret of a reference.
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

    /// How often an operation fails today.
    pub(crate) fn strikes(&self) -> f64 {
        self.today().map_or(0.0, |day| day.strikes)
    }

    /// Whether deliveries are repeated today.
    pub(crate) fn is_twice(&self) -> bool {
        self.today().is_some_and(|day| day.twice)
    }

    pub(crate) fn set_clock(&self, now: Ms) {
        if let Ok(now) = Timestamp::from_millisecond(now) {
            self.clock.set(now);
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

    /// Returns a container.
    pub(crate) fn give_back(&mut self, container: Arc<Container>) {
        let step = container.place.work().step;
        self.pool.entry(step).or_default().push(container);
    }

    /// When something last happened.
    pub(crate) fn now(&self) -> Ms {
        self.now
    }

    /// Drops the containers, which hold the scheduler that holds this world.
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
