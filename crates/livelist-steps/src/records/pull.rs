//! `pull`: reads what changed of one resource, and appends it to the log. It goes on where it was, and ends
//! when all is known up to a moment ago, when the provider asks to wait, or when its time is over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use livelist_log::{Appended, Arrival, Log};
use livelist_model::asking::Manner;
use livelist_model::guard_switch::{Guard, is_off};
use livelist_model::keys::KeyBuffer;
use livelist_model::registry::Full;
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_records::{Hashing, Schema, Way};
use livelist_reso::dialect::Dialect;
use livelist_reso::fetch::fetch;
use livelist_reso::records::Wanted;
use livelist_reso::{Admission, Client, ClientError, ScanState, Session, Step, confirm};
use livelist_sources::poll::{Cursor, Page, Reading, Task};
use livelist_store::LeaseState;

use super::listed::listed;
use super::{RecordsError, ResourceSpec, unsure};
use crate::{Env, StepError, authorize, budget, endpoint, forms};

/// A batch is appended when its records take this many bytes. This bounds the memory of a pull.
const BATCH: usize = 8 * 1024 * 1024;
/// A second window follows the first of a pull where the server's clock turns out to be ahead by this. For less it is
/// not worth its requests and writes: the next pass reads it.
const AHEAD: SignedDuration = SignedDuration::from_secs(30);
/// The metadata is read again after this time.
const SCHEMA_AGE: Duration = Duration::from_secs(20 * 3_600);
/// Of the records that cannot be read so many are told one by one.
const TOLD: usize = 10;
/// Fields whose value differs in each answer and is no change (Trestle signs MediaURL anew each time).
const VOLATILE: [&str; 1] = ["MediaURL"];
/// The most pages of one expansion of one record.
const MOST_NESTED: usize = 1_000;

/// How a pull ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// All is known up to a moment ago.
    Done,
    /// There is more: the next pull continues.
    More,
    /// The provider asks to wait.
    Throttled(Duration),
    /// Another run uses the credential: nothing was asked.
    Busy,
}

/// The result of a pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// How it ended.
    pub outcome: Outcome,
    /// Rows that were read.
    pub rows: u64,
    /// What the log did with them.
    pub appended: Appended,
    /// Records that could not be read.
    pub rejected: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Up to when all changes are known, by the provider's clock.
    pub settled: Option<jiff::Timestamp>,
    /// The current task: rows read, and the total, if the provider counts.
    pub under_way: Option<(u64, Option<u64>)>,
}

impl Pulled {
    /// This pull and the next one, combined.
    #[must_use]
    pub fn and(mut self, next: Pulled) -> Pulled {
        self.appended.add(next.appended);
        Pulled {
            rows: self.rows + next.rows,
            appended: self.appended,
            rejected: self.rejected + next.rejected,
            requests: self.requests + next.requests,
            settled: next.settled.or(self.settled),
            ..next
        }
    }

    pub(super) fn nothing(outcome: Outcome) -> Pulled {
        Pulled {
            outcome,
            rows: 0,
            appended: Appended::default(),
            rejected: 0,
            requests: 0,
            settled: None,
            under_way: None,
        }
    }
}

/// Pulls one resource. `owner` holds the credential's lease.
///
/// # Errors
/// The provider or the store is unavailable, or refuses. Records read until then are in the log.
pub async fn pull(
    env: &Env,
    spec: &ResourceSpec,
    log: &mut Log<'_>,
    owner: &str,
) -> Result<Pulled, RecordsError> {
    let credential = &spec.feed.credential;
    let ttl = env.limits.lease_ttl;
    if let LeaseState::Busy(_) = env.leases.acquire(credential, owner, ttl).await? {
        return Ok(Pulled::nothing(Outcome::Busy));
    }
    let pulled = held(env, spec, log, owner, env.clock.now()).await;
    let released = env.leases.release(credential, owner).await;
    let pulled = pulled?;
    released?;
    Ok(pulled)
}

/// The same, for who holds the lease, and keeps it for the next resource.
async fn held(
    env: &Env,
    spec: &ResourceSpec,
    log: &mut Log<'_>,
    owner: &str,
    begun: jiff::Timestamp,
) -> Result<Pulled, RecordsError> {
    let run = spec.run(env.clock.now());
    admitted(env, spec, log, &run, owner, begun).await
}

/// How [`all`] goes on.
pub struct How<'a> {
    /// Whether `owner` holds the lease on the credential, and gives it back later. Else each pull takes it and gives
    /// it back.
    pub holds: bool,
    /// Where the provider asks to wait for longer, it ends.
    pub longest_wait: Duration,
    /// Whether it goes on, between two pulls.
    pub goes_on: &'a (dyn Fn() -> bool + Sync),
    /// Is told of all that was read until then, behind each pull.
    pub watch: &'a (dyn Fn(&Pulled) + Sync),
}

/// Pulls one resource until all is known. It ends before that where the provider asks to wait for too long, another
/// run has the credential, or it is not to go on.
///
/// # Errors
/// As [`pull`].
pub async fn all(
    env: &Env,
    spec: &ResourceSpec,
    log: &mut Log<'_>,
    owner: &str,
    how: &How<'_>,
) -> Result<Pulled, RecordsError> {
    let mut sum: Option<Pulled> = None;
    // Who holds the lease has the time of one task for all.
    let begun = env.clock.now();
    loop {
        let next = match how.holds {
            true => held(env, spec, log, owner, begun).await?,
            false => pull(env, spec, log, owner).await?,
        };
        let next = match sum {
            None => next,
            Some(before) => before.and(next),
        };
        (how.watch)(&next);
        match next.outcome {
            Outcome::Throttled(wait) if wait <= how.longest_wait => env.clock.sleep(wait).await,
            Outcome::More => {}
            Outcome::Done | Outcome::Busy | Outcome::Throttled(_) => return Ok(next),
        }
        if !(how.goes_on)() {
            return Ok(next);
        }
        sum = Some(next);
    }
}

/// Up to when all changes of a resource are in the log, by the provider's clock; nothing before its first
/// load has ended.
pub fn settled(log: &Log<'_>, resource: &str) -> Option<jiff::Timestamp> {
    known(log, resource).ok().flatten()?.settled
}

/// Notes in the log that all records of a resource, or those that match an OData filter, are to be read again:
/// the next pulls do it. Before the first load has ended that is so in any case. False where a window is under
/// way that has to be read first.
///
/// # Errors
/// The log cannot be read or written.
pub async fn again(
    log: &mut Log<'_>,
    resource: &str,
    filter: Option<&str>,
    now: jiff::Timestamp,
) -> Result<bool, RecordsError> {
    let cursor = known(log, resource)?.unwrap_or_default();
    let skew = SignedDuration::from_secs(cursor.skew);
    let server = now.checked_add(skew).unwrap_or(now);
    let Some(again) = cursor.again(filter, server) else {
        return Ok(false);
    };
    if again != cursor {
        let again = serde_json::to_value(again).map_err(|e| StepError::Internal(e.into()))?;
        let cursors = [(resource.to_owned(), again)];
        log.append(Vec::new(), &cursors, now).await?;
    }
    Ok(true)
}

/// The cursor of a resource. One of another version is none: the log keeps what it has.
fn known(log: &Log<'_>, resource: &str) -> Result<Option<Cursor>, RecordsError> {
    let read = log.cursor::<serde_json::Value>(resource)?;
    let read = read.filter(|cursor| cursor["version"] == Cursor::VERSION);
    let scan_is_known = |c: &Cursor| {
        c.scan
            .as_ref()
            .is_none_or(|scan| scan.version == ScanState::VERSION)
    };
    let read = read.and_then(|cursor| serde_json::from_value::<Cursor>(cursor).ok());
    Ok(read.map(|cursor| match scan_is_known(&cursor) {
        true => cursor,
        false => cursor.anew(),
    }))
}

/// Gets a token, and one more if the first is refused on the way.
async fn admitted(
    env: &Env,
    spec: &ResourceSpec,
    log: &mut Log<'_>,
    run: &RunSpec,
    owner: &str,
    begun: jiff::Timestamp,
) -> Result<Pulled, RecordsError> {
    let mut pulled = Pulled::nothing(Outcome::Done);
    for tries in 0.. {
        let input = authorize::Input {
            run: run.clone(),
            owner: owner.to_owned(),
        };
        let got = authorize::run(env, input).await?;
        let Some(sealed) = got.token else {
            let wait = Duration::from_secs(got.wait_seconds);
            return Ok(Pulled {
                outcome: Outcome::Throttled(wait),
                ..pulled
            });
        };
        let session = endpoint::open(env, run, &sealed).await?;
        let mut pulling = Pulling {
            env,
            spec,
            run,
            session: &session,
            admission: Admission::default(),
            begun,
            server_now: None,
            wanted: Wanted::default(),
            pulled,
        };
        match pulling.resource(log).await {
            Err(error) if error.is_unauthorized() && tries < 2 => pulled = pulling.pulled,
            Err(error) if error.is_unauthorized() => return Err(StepError::TokenRefused.into()),
            Err(error) => return Err(error),
            Ok(()) => return Ok(pulling.pulled),
        }
    }
    Ok(pulled)
}

struct Pulling<'a> {
    env: &'a Env,
    spec: &'a ResourceSpec,
    run: &'a RunSpec,
    session: &'a Session,
    admission: Admission,
    begun: jiff::Timestamp,
    /// What the server's clock showed at its last answer.
    server_now: Option<jiff::Timestamp>,
    /// Which records are asked for.
    wanted: Wanted,
    pulled: Pulled,
}

impl Pulling<'_> {
    async fn resource(&mut self, log: &mut Log<'_>) -> Result<(), RecordsError> {
        let resource = self.spec.resource().to_owned();
        let cursor = known(log, &resource)?.unwrap_or_default();
        let mut cursor = cursor.expanding(self.spec.expanded());
        if self.spec.full == Full::Weekly {
            let now = self.server_time(&cursor);
            cursor = cursor.weekly(now);
        }
        let mut feed = FeedSpec {
            stamps: false,
            ..self.spec.feed.clone()
        };
        let form = Dialect::for_feed(&feed)?.records;
        let Some(reading) = self.schema(log, &mut feed, &mut cursor).await? else {
            return Ok(());
        };
        loop {
            let (is_new, was_heard) = (cursor.task.is_none(), self.server_now.is_some());
            let now = self.server_time(&cursor);
            let Some(task) = cursor.task(form, now) else {
                self.pulled.outcome = Outcome::Done;
                self.pulled.settled = cursor.settled;
                return self.listed(log, &reading, &feed, cursor).await;
            };
            let of_task = task.feed(&feed, form, !self.spec.expand.is_empty());
            let (ended, next) = self.task(log, &reading, &of_task, &task, cursor).await?;
            cursor = next;
            self.pulled.settled = cursor.settled;
            if !ended {
                return Ok(());
            }
            // What changed while a window was read is left to the next pass. Else a provider whose answers take
            // longer than the shortest window would be asked without end. A window of this pull that began before
            // the server's clock was heard may be followed by one that reaches up to its time.
            let is_ahead = |server: jiff::Timestamp| server.duration_since(now) >= AHEAD;
            let is_first = is_new && !was_heard && self.server_now.is_some_and(is_ahead);
            if matches!(task, Task::Window(_)) && !is_first {
                self.pulled.outcome = Outcome::Done;
                return self.listed(log, &reading, &feed, cursor).await;
            }
        }
    }

    /// Reads the metadata if it is unknown or old. Returns how records are read; `None` if the provider
    /// asks to wait.
    async fn schema(
        &mut self,
        log: &mut Log<'_>,
        feed: &mut FeedSpec,
        cursor: &mut Cursor,
    ) -> Result<Option<Reading>, RecordsError> {
        let resource = self.spec.resource();
        let now = self.env.clock.now();
        let is_fresh = cursor.schema_at.is_some_and(|at| {
            Duration::try_from(now.duration_since(at)).is_ok_and(|age| age < SCHEMA_AGE)
        });
        let known = log.schema(resource).await?.filter(|_| is_fresh);
        let schema = match known {
            Some(schema) => schema,
            None => {
                let asked = self.document(feed, "$metadata").await;
                let xml = match asked {
                    Ok(xml) => xml,
                    Err(RecordsError::Step(StepError::Provider(ClientError::Throttled(wait)))) => {
                        self.pulled.outcome = Outcome::Throttled(wait);
                        return Ok(None);
                    }
                    Err(RecordsError::Step(error))
                        if !matches!(error, StepError::Provider(ClientError::Unauthorized)) =>
                    {
                        return Err(error.asked_for(|| "the metadata".to_owned()).into());
                    }
                    Err(error) => return Err(error),
                };
                let schema = self.spec.schema(&xml);
                let mut schema = schema.map_err(|error| RecordsError::Metadata {
                    mls: feed.mls.to_string(),
                    reason: error.to_string(),
                })?;
                // The lists of live keys use the registry's key, so the records of listings do as well.
                if resource == "Property" || schema.key.len() != 1 {
                    schema.key = vec![feed.key_field.clone()];
                }
                log.note_schema(&feed.resource, &schema).await?;
                cursor.schema_at = Some(now);
                schema
            }
        };
        if let Some(key) = schema.key.first() {
            feed.key_field.clone_from(key);
        }
        let form = Dialect::for_feed(feed)?.records;
        let reading = Reading {
            resource: resource.to_owned(),
            key: feed.key_field.clone(),
            stamp: form.clock.to_owned(),
            hashing: Arc::new(self.hashing(&schema)),
            never: form.never.iter().map(|name| (*name).to_owned()).collect(),
            way: Way::Listed,
        };
        self.wanted = Wanted {
            select: self.spec.select.clone(),
            expand: self.spec.asked_expansions(&schema),
        };
        Ok(Some(reading))
    }

    fn hashing(&self, schema: &Schema) -> Hashing {
        let expansions = self.spec.expand.iter().map(|expand| {
            let name = expand.name.to_string();
            let key = match schema.child(&name) {
                Some(child) => child.key.first().cloned(),
                None => Some(String::new()),
            };
            (name, key)
        });
        Hashing {
            volatile: VOLATILE.map(str::to_owned).to_vec(),
            expansions: expansions.collect(),
        }
    }

    async fn document(&mut self, feed: &FeedSpec, name: &str) -> Result<Vec<u8>, RecordsError> {
        let pace = self.env.pace();
        let limits = Dialect::for_feed(feed)?.limits_of(feed);
        let ledger = budget::ledger(self.env, self.run, &limits).await?;
        let client = Client::new(&*self.env.transport, &pace, feed, self.session, ledger)?;
        let mut client = client.until(self.env.limits.deadline(self.begun));
        let document = client.document(name).await;
        self.hear(&client);
        budget::keep(self.env, self.run, &mut client).await?;
        self.pulled.requests += client.traffic().requests;
        Ok(document?)
    }

    /// The time by the server's clock: from its last answer, or from its earlier difference to ours.
    fn server_time(&self, cursor: &Cursor) -> jiff::Timestamp {
        let ours = self.env.clock.now();
        let skew = SignedDuration::from_secs(cursor.skew);
        let by_skew = || ours.checked_add(skew).unwrap_or(ours);
        self.server_now.unwrap_or_else(by_skew)
    }

    fn hear(&mut self, client: &Client<'_>) {
        let heard = client.heard().filter(|heard| !heard.is_aged);
        if let Some(date) = heard.and_then(|heard| heard.date) {
            self.server_now = Some(date);
        }
    }

    /// Reads on in a task: whether it has ended, and the cursor then.
    async fn task(
        &mut self,
        log: &mut Log<'_>,
        reading: &Reading,
        feed: &FeedSpec,
        task: &Task,
        mut cursor: Cursor,
    ) -> Result<(bool, Cursor), RecordsError> {
        let env = self.env;
        let pace = env.pace();
        let limits = Dialect::for_feed(feed)?.limits_of(feed);
        let ledger = budget::ledger(env, self.run, &limits).await?;
        let client = Client::new(&*env.transport, &pace, feed, self.session, ledger)?;
        let client = client
            .admitted(self.admission.clone())
            .until(env.limits.deadline(self.begun));
        let client = client.reading_records(self.wanted.clone());
        // Between two pages those of their expansions are asked for.
        let mut client = match self.spec.expand.is_empty() {
            true => client.reading_ahead(),
            false => client,
        };
        let mut scan = match cursor.scan.take() {
            Some(scan) => scan,
            None => ScanState::begin(feed, env.clock.now())?,
        };
        let mut batch = Batch::default();
        let mut asked = 0;
        let ended = loop {
            let mut keys = KeyBuffer::default();
            let before = scan.clone();
            let mut stepped = scan.step(&mut client, &mut keys).await;
            self.hear(&client);
            let taken = self.take_all(&mut client, reading, &mut batch).await;
            if let Err(error) = taken {
                // The page is read again, with the expansions of its records.
                scan = before;
                stepped = Err(error);
            }
            asked += 1;
            let ended = match stepped {
                Ok(Step::More) if env.limits.is_spent(self.begun, env.clock.now(), asked) => {
                    Some(Ok(Outcome::More))
                }
                Ok(Step::More) => None,
                Ok(Step::Done) => Some(Ok(Outcome::Done)),
                Err(ClientError::Throttled(wait)) => Some(Ok(Outcome::Throttled(wait))),
                Err(ClientError::OutOfTime) if asked > 1 => Some(Ok(Outcome::More)),
                Err(error) => Some(Err(error)),
            };
            if budget::is_due(&client) {
                budget::keep(env, self.run, &mut client).await?;
            }
            if let Some(ended) = ended {
                break ended;
            }
            if batch.bytes >= BATCH {
                let now = cursor.clone().under_way(task, scan.clone());
                self.append(log, &mut batch, &now).await?;
            }
        };
        budget::keep(env, self.run, &mut client).await?;
        self.pulled.requests += client.traffic().requests;
        self.admission = client.admission();
        if let Some(server) = self.server_now {
            cursor.skew = server.duration_since(env.clock.now()).as_secs();
        }
        let is_proved = is_whole(&scan);
        let (rows, count) = (scan.evidence.rows, scan.evidence.count_before);
        let next = match &ended {
            Ok(Outcome::Done) if is_proved => {
                let heard = self.server_time(&cursor);
                cursor.done(task, heard)
            }
            // A window that is incomplete is read again, from its first page.
            Ok(Outcome::Done) => cursor.under_way(task, scan).anew(),
            // Where the pages lead nowhere, the next pass would end at the same one.
            Err(error) if is_of_the_paging(error) => cursor.under_way(task, scan).anew(),
            _ => cursor.under_way(task, scan),
        };
        self.append(log, &mut batch, &next).await?;
        self.pulled.under_way = next.task.is_some().then_some((rows, count));
        let outcome = ended.map_err(|error| self.expanding(error))?;
        if outcome == Outcome::Done && !is_proved {
            return Err(RecordsError::Incomplete {
                resource: self.spec.resource().to_owned(),
                rows,
            });
        }
        let has_ended = outcome == Outcome::Done;
        self.pulled.outcome = outcome;
        Ok((has_ended, next))
    }

    /// Transfers the results of the nightly run.
    async fn listed(
        &mut self,
        log: &mut Log<'_>,
        reading: &Reading,
        feed: &FeedSpec,
        mut cursor: Cursor,
    ) -> Result<(), RecordsError> {
        let Some(listed) = listed(self.env, self.spec, log, &cursor.listed).await? else {
            return Ok(());
        };
        unsure::note(self.env, self.spec, log, listed.unsure).await?;
        let mut batch = Batch {
            arrivals: listed.removals,
            bytes: 0,
        };
        if !batch.arrivals.is_empty() {
            // Whatever becomes of the questions.
            self.append(log, &mut batch, &cursor).await?;
        }
        let missing = self
            .fetch(reading, feed, &listed.missing, &mut batch)
            .await?;
        let stale = match missing {
            Asked::All => match self.fetch(reading, feed, &listed.stale, &mut batch).await {
                Err(error) if !error.is_unauthorized() => {
                    let error = livelist_model::with_causes(&error);
                    tracing::warn!(
                        replication = %self.spec.replication, resource = self.spec.resource(), error,
                        "records that may have missed a change could not be asked for"
                    );
                    Asked::Never
                }
                asked => asked?,
            },
            Asked::Some | Asked::Never => Asked::All,
        };
        if !listed.stale.is_empty() {
            tracing::info!(
                replication = %self.spec.replication, resource = self.spec.resource(),
                count = listed.stale.len(), asked = !matches!(stale, Asked::Never),
                "records were modified later than the log knew"
            );
        }
        if listed.is_cut && matches!((&missing, &stale), (Asked::All, Asked::All)) {
            // The next pull takes the next ones, unless nothing came of these.
            let before = self.pulled.appended.upserts;
            self.append(log, &mut batch, &cursor).await?;
            if self.pulled.appended.upserts > before {
                return Ok(());
            }
        }
        match (missing, stale) {
            (Asked::Some, _) | (_, Asked::Some) => {}
            // A stale record that cannot be asked for waits until it changes again, or all is read again.
            (Asked::All, _) => cursor.listed = listed.head,
            // The next pull finds them by reading all.
            (Asked::Never, _) => {
                cursor.listed = listed.head;
                let now = self.server_time(&cursor);
                cursor = cursor.again(None, now).unwrap_or(cursor);
            }
        }
        self.append(log, &mut batch, &cursor).await
    }

    /// Asks for records by their keys.
    async fn fetch(
        &mut self,
        reading: &Reading,
        feed: &FeedSpec,
        keys: &[Vec<u8>],
        batch: &mut Batch,
    ) -> Result<Asked, RecordsError> {
        if keys.is_empty() {
            return Ok(Asked::All);
        }
        let env = self.env;
        let pace = env.pace();
        let dialect = Dialect::for_feed(feed)?;
        let by_key = confirm::as_set(&dialect).filter(|_| dialect.id_field(feed).is_none());
        let Some(set) = by_key else {
            return Ok(Asked::Never);
        };
        let manner = forms::recall(env, self.run, set).await;
        let mut manner = manner.map_or(set, |asking| asking.manner());
        let mut others = other_forms(manner).into_iter();
        let ledger = budget::ledger(env, self.run, &dialect.limits_of(feed)).await?;
        let client = Client::new(&*env.transport, &pace, feed, self.session, ledger)?;
        let client = client
            .admitted(self.admission.clone())
            .until(env.limits.deadline(self.begun));
        let mut client = client.reading_records(self.wanted.clone());
        let by_key = Reading {
            way: Way::ByKey,
            ..reading.clone()
        };
        let mut rest = keys;
        let mut ended = Ok(Asked::All);
        while !rest.is_empty() {
            let asked = match fetch(&mut client, manner, rest).await {
                Ok(asked) => {
                    let taken = self.take_all(&mut client, &by_key, batch).await;
                    taken.map(|()| asked)
                }
                failed => failed,
            };
            match asked {
                Ok(asked) => rest = &rest[asked.min(rest.len())..],
                Err(error) if is_of_the_form(&error) => match others.next() {
                    Some(other) => manner = other,
                    None => {
                        ended = Err(self.expanding(error));
                        break;
                    }
                },
                Err(ClientError::Throttled(_) | ClientError::OutOfTime) => {
                    ended = Ok(Asked::Some);
                    break;
                }
                Err(error) => {
                    ended = Err(self.expanding(error));
                    break;
                }
            }
        }
        budget::keep(env, self.run, &mut client).await?;
        self.pulled.requests += client.traffic().requests;
        self.admission = client.admission();
        ended
    }

    /// Takes over the pages that were read, with all that their records are expanded with; all of them, or
    /// nothing.
    async fn take_all(
        &mut self,
        client: &mut Client<'_>,
        reading: &Reading,
        batch: &mut Batch,
    ) -> Result<(), ClientError> {
        let mut pages = Vec::new();
        for body in client.take_bodies() {
            let mut bytes = body.len();
            let mut page = Page::of(body).map_err(ClientError::Page)?;
            for mut nested in reading.nested(&page).map_err(ClientError::Page)? {
                let mut seen = BTreeSet::new();
                loop {
                    if seen.len() == MOST_NESTED || !seen.insert(nested.link.clone()) {
                        let pages = seen.len() as u64;
                        return Err(ClientError::Loop { pages });
                    }
                    let body = client.nested(&nested.link).await?;
                    bytes += body.len();
                    match page.add(&nested, body).map_err(ClientError::Page)? {
                        Some(next) => nested = next,
                        None => break,
                    }
                }
            }
            pages.push((bytes, page));
        }
        for (bytes, page) in pages {
            let (arrivals, rejected) = reading.arrivals(&page).map_err(ClientError::Page)?;
            batch.bytes += bytes;
            self.pulled.rows += (arrivals.len() + rejected.len()) as u64;
            for rejected in rejected.iter().take(TOLD) {
                tracing::warn!(
                    replication = %self.spec.replication, resource = reading.resource,
                    key = rejected.key, reason = %rejected.error,
                    "a record cannot be read, and is left out"
                );
            }
            self.pulled.rejected += rejected.len() as u64;
            batch.arrivals.extend(arrivals);
        }
        Ok(())
    }

    /// An error that may be due to `$expand` names it.
    fn expanding(&self, error: ClientError) -> RecordsError {
        let expand = &self.wanted.expand;
        match error {
            ClientError::Rejected { .. } if !expand.is_empty() => {
                let what = format!("{} with $expand={expand}", self.spec.resource());
                RecordsError::Step(StepError::from(error).asked_for(|| what))
            }
            error => error.into(),
        }
    }

    async fn append(
        &mut self,
        log: &mut Log<'_>,
        batch: &mut Batch,
        cursor: &Cursor,
    ) -> Result<(), RecordsError> {
        let now = self.env.clock.now();
        let cursor = serde_json::to_value(cursor).map_err(|e| StepError::Internal(e.into()))?;
        let cursors = [(self.spec.resource().to_owned(), cursor)];
        let batch = std::mem::take(batch);
        let appended = log.append(batch.arrivals, &cursors, now).await?;
        self.pulled.appended.add(appended);
        log.compact(now).await?;
        Ok(())
    }
}

/// Whether records were asked for by their keys.
enum Asked {
    /// All that were wanted.
    All,
    /// The provider asks to wait: the next pull asks again.
    Some,
    /// The provider cannot be asked in this way.
    Never,
}

/// The forms in which a refused question is asked again: keys as the other literal, then one key at a time.
fn other_forms(manner: Manner) -> [Manner; 3] {
    let literal = manner.literal.other();
    let other = Manner { literal, ..manner };
    [
        other,
        Manner { keys: 1, ..manner },
        Manner { keys: 1, ..other },
    ]
}

/// Whether an error may come from the form of a question about keys.
fn is_of_the_form(error: &ClientError) -> bool {
    use ClientError::{Denied, Page, Rejected};
    matches!(error, Denied { .. } | Page(_) | Rejected { .. })
}

/// Records that were read and not appended yet.
#[derive(Default)]
struct Batch {
    arrivals: Vec<Arrival>,
    bytes: usize,
}

/// Whether an error comes from how the pages follow each other: a circle, a link that leads astray, a page token
/// that died.
fn is_of_the_paging(error: &ClientError) -> bool {
    use ClientError::{Denied, Endless, Link, Loop, Rejected};
    matches!(
        error,
        Denied { .. } | Endless(_) | Link(_) | Loop { .. } | Rejected { .. }
    )
}

/// Whether a scan that has ended has read all that the provider says there is. Rows that are modified
/// meanwhile leave a window, so the lower of two counts is enough.
fn is_whole(scan: &ScanState) -> bool {
    use livelist_model::evidence::EndSign;
    let evidence = &scan.evidence;
    let counts = [evidence.count_before, evidence.count_after];
    let least = counts.into_iter().flatten().min();
    !matches!(evidence.end, None | Some(EndSign::Unproved))
        && (least.is_none_or(|least| evidence.rows >= least) || is_off(Guard::WholeWindow))
}
