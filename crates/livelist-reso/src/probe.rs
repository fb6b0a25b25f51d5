//! Probes an MLS: sends a few requests of the kinds that a run sends, and says what works and what to
//! change. The requests are sent here. What the answers mean is decided in the files of `probe/`, as pure
//! functions from facts to checks.

mod account;
mod ask;
mod check;
mod keys;
mod pace;
mod read;
#[cfg(test)]
mod tests;
mod trouble;

use std::collections::HashSet;
use std::time::Duration;

use livelist_model::asking::{After, Asking, Manner, can_be_bare};
use livelist_model::budget::Ledger;
use livelist_model::keys::KeyBuffer;
use livelist_model::run::FeedSpec;
use secrecy::{ExposeSecret, SecretString};

pub use account::{SecretTrouble, filter, registry, secret};
pub use check::{Change, Check, Name, Verdict};

use account::{Door, TokenSeen};
use ask::Question;
use keys::KeyLook;
use pace::Amount;
use read::{CountSeen, NextSeen, PageSeen, SecondSeen};

use crate::client::{Client, Patience};
use crate::confirm::{self, Shown};
use crate::count::{count, count_where};
use crate::dialect::{CountForm, Dialect, ScanForm};
use crate::error::ClientError;
use crate::heard::Heard;
use crate::policy;
use crate::query::literal_as;
use crate::scan::{Cursor, ScanState, Stage};
use crate::secret::{Account, Login};
use crate::session::Session;
use crate::time::Pace;
use crate::token;
use crate::transport::Transport;

/// Rows of a page of the probe; a smaller page size is kept.
const SAMPLE: u32 = 200;
/// A probe shows how the provider answers, so it repeats nothing, and waits only once, for a few seconds.
const PATIENCE: Patience = Patience {
    attempts: 1,
    short_waits: 1,
};
/// It waits at most this long for a budget.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Secrets that are shorter would be words of every text.
const SHORTEST_SECRET: usize = 4;

/// The result of a probe.
#[derive(Debug)]
pub struct Probed {
    /// The checks from the token on, in order.
    pub checks: Vec<Check>,
    /// Requests sent, those for tokens included.
    pub requests: u64,
}

/// Asks the provider of `feed` with `account`: for a token if it issues them, two pages, the count of all
/// rows and of one, and the keys of the first page (and `key`, if an operator asks about one). That is one
/// request each. If questions about keys are not answered, further requests find out which are, as in a
/// run. Budgets are kept.
pub async fn probe(
    transport: &dyn Transport,
    pace: &dyn Pace,
    feed: &FeedSpec,
    account: &Account,
    key: Option<&str>,
) -> Result<Probed, ClientError> {
    let dialect = Dialect::for_feed(feed)?;
    let is_issued = !matches!(account.login, Login::ServerToken(_));
    let got = token::request_once(transport, pace, feed, account).await;
    let mut secrets = secrets(account);
    let (session, token) = match got {
        Ok(token) => {
            let now = pace.now();
            let lives = token
                .expires_at
                .map(|at| Duration::try_from(at.duration_since(now)).unwrap_or_default());
            let seen = match is_issued {
                true => TokenSeen::Issued {
                    lives,
                    refresh: token.refresh.is_some(),
                },
                false => TokenSeen::Given,
            };
            secrets.extend(token.refresh);
            secrets.push(token.session.token.clone());
            (Some(token.session), Ok(seen))
        }
        Err(error) => (None, Err(error)),
    };
    let seen = match &session {
        Some(session) => look(transport, pace, feed, session, key).await,
        None => Seen::default(),
    };
    let door = match &seen.page {
        Some(Ok(_)) => Door::Open,
        Some(Err(ClientError::Unauthorized)) => {
            let words = seen.heard.as_ref().and_then(|heard| heard.refusal.clone());
            Door::Shut(words.unwrap_or_default())
        }
        _ => Door::Unknown,
    };
    let mut checks = vec![account::token(feed, &token, door)];
    checks.extend(seen.checks(feed, &dialect));
    let secrets: Vec<&str> = secrets
        .iter()
        .map(|secret| secret.expose_secret())
        .filter(|secret| secret.len() >= SHORTEST_SECRET)
        .collect();
    let hide = |text: &str| policy::without(text, &secrets);
    Ok(Probed {
        checks: checks.into_iter().map(|c| c.reworded(hide)).collect(),
        requests: seen.requests + u64::from(is_issued),
    })
}

/// Secrets that must not be shown if a provider repeats them.
fn secrets(account: &Account) -> Vec<SecretString> {
    let mut secrets: Vec<SecretString> = account.api_key.iter().cloned().collect();
    match &account.login {
        Login::ServerToken(token) => secrets.push(token.clone()),
        Login::Client(client) => secrets.push(client.secret.clone()),
        Login::User {
            password, client, ..
        } => {
            secrets.push(password.clone());
            secrets.extend(client.iter().map(|client| client.secret.clone()));
        }
    }
    secrets
}

/// What the provider's answers contained.
#[derive(Debug, Default)]
struct Seen {
    page: Option<Result<PageSeen, ClientError>>,
    second: Option<Result<SecondSeen, ClientError>>,
    count: Option<CountSeen>,
    /// The server's count of rows with one row's key.
    of_one: Option<u64>,
    question: Option<Question>,
    /// The key that the operator wants to know about.
    wanted: Option<String>,
    heard: Option<Heard>,
    requests: u64,
    throttled: u64,
}

/// Asks for everything but the token.
async fn look(
    transport: &dyn Transport,
    pace: &dyn Pace,
    feed: &FeedSpec,
    session: &Session,
    key: Option<&str>,
) -> Seen {
    let mut seen = Seen {
        wanted: key.map(str::to_owned),
        ..Seen::default()
    };
    let begun = Client::new(transport, pace, feed, session, Ledger::default());
    let state = ScanState::begin(feed, pace.now());
    let (mut client, mut state) = match (begun, state) {
        (Ok(client), Ok(state)) => (client.with_patience(PATIENCE), state),
        (Err(error), _) | (_, Err(error)) => {
            seen.page = Some(Err(error));
            return seen;
        }
    };
    state.stage = Stage::Pages;
    state.page_size = state.page_size.min(SAMPLE);
    let mut keys = KeyBuffer::default();
    seen.page = Some(first_page(&mut client, pace, &mut state, &mut keys).await);
    seen.heard = client.heard().cloned();
    if let Some(Ok(page)) = &seen.page {
        if page.way_on.as_ref().is_ok_and(|more| *more) {
            seen.second = Some(second_page(&mut client, pace, &mut state, &keys).await);
        }
        let mut live: Vec<Vec<u8>> = keys.iter().map(|(key, _)| key.to_vec()).collect();
        let mut known = HashSet::new();
        live.retain(|key| known.insert(key.clone()));
        if let Some(first) = live.first() {
            let impossible = keys::impossible(&page.look, first);
            let shown = keys.ids().map(|(key, id)| (key.to_vec(), id.to_vec()));
            let none = (impossible.clone(), impossible.clone());
            client = client.asking_by(shown.chain([none]).collect());
            live.retain(|key| client.can_ask(key));
            // If the page does not show a key, its id is not known.
            let key = key.filter(|key| client.can_ask(key.as_bytes()));
            seen.question = match live.is_empty() {
                true => None,
                false => question(&mut client, pace, live, impossible, key).await,
            };
        }
        let counted = counted(&mut client, pace).await;
        if counted.rows().is_some_and(|rows| rows > 1) {
            seen.of_one = counted_one(&mut client, pace, seen.question.as_ref()).await;
        }
        seen.count = Some(counted);
    }
    seen.requests = client.traffic().requests;
    seen.throttled = client.traffic().throttled;
    seen
}

/// Waits for the budgets, unless that takes too long; then the request says so.
async fn make_room(client: &Client<'_>, pace: &dyn Pace) {
    let wait = client.due_in();
    if wait <= LONGEST_PAUSE {
        pace.sleep(wait).await;
    }
}

async fn first_page(
    client: &mut Client<'_>,
    pace: &dyn Pace,
    state: &mut ScanState,
    keys: &mut KeyBuffer,
) -> Result<PageSeen, ClientError> {
    let asked = (client.dialect().scan != ScanForm::List).then_some(state.page_size);
    make_room(client, pace).await;
    // Moving on may discard the second field.
    let (mut answer, mut moved) = state.look(client, keys).await?;
    if state.by_skip {
        // Its rows are not in the requested order; a run starts over, too.
        keys.clear();
        make_room(client, pace).await;
        (answer, moved) = state.look(client, keys).await?;
    }
    let page = &answer.page;
    let next = answer.next.as_deref();
    Ok(PageSeen {
        asked,
        rows: page.rows,
        look: KeyLook::of(keys.iter().map(|(key, _)| key)),
        numbers: page.number_keys,
        seconds: keys.iter().filter(|(_, stamp)| !stamp.is_empty()).count() as u64,
        next: next.map(|link| NextSeen::of(link, page.next_link.is_none())),
        way_on: moved.map(|()| state.stage == Stage::Pages),
        by_skip: state.by_skip,
        bytes: page.bytes,
        heard: client.heard().cloned().ok_or_else(no_answer)?,
    })
}

fn no_answer() -> ClientError {
    ClientError::Unavailable {
        what: "no answer came".to_owned(),
        source: None,
    }
}

async fn second_page(
    client: &mut Client<'_>,
    pace: &dyn Pace,
    state: &mut ScanState,
    first: &KeyBuffer,
) -> Result<SecondSeen, ClientError> {
    let mut keys = KeyBuffer::default();
    let was_by_skip = state.by_skip;
    let mut in_parts = false;
    let (answer, moved) = loop {
        make_room(client, pace).await;
        match state.look(client, &mut keys).await {
            // One timestamp has more rows than a page: then the requests for parts of it have to work as
            // well.
            Ok(_) if !in_parts && matches!(state.cursor, Cursor::Among { .. }) => in_parts = true,
            Ok(looked) => break looked,
            Err(error) if state.gives_up_time(client, &error) => {
                return Ok(SecondSeen {
                    rows: 0,
                    repeated: 0,
                    way_on: Ok(true),
                    in_parts,
                    gave_up: true,
                });
            }
            Err(error) => return Err(error),
        }
    };
    let before: HashSet<&[u8]> = first.iter().map(|(key, _)| key).collect();
    Ok(SecondSeen {
        rows: answer.page.rows,
        repeated: keys.iter().filter(|(key, _)| before.contains(key)).count() as u64,
        way_on: moved.map(|()| state.stage == Stage::Pages),
        in_parts,
        gave_up: state.by_skip && !was_by_skip,
    })
}

/// Asks about keys as a run does: the keys of the page as controls, and one that cannot exist. If that is
/// not answered, it finds out which form works, as a run does.
async fn question(
    client: &mut Client<'_>,
    pace: &dyn Pace,
    live: Vec<Vec<u8>>,
    impossible: Vec<u8>,
    wanted: Option<&str>,
) -> Option<Question> {
    let set = confirm::as_set(client.dialect())?;
    let wanted = wanted.map(|key| key.as_bytes().to_vec());
    let mut others = vec![impossible.clone()];
    others.extend(wanted.clone().filter(|key| !live.contains(key)));
    let mut asking = Asking::as_set(set);
    let mut turns = live.iter().cycle();
    let mut first = None;
    let mut asked = 0;
    let shown = loop {
        let manner = asking.manner();
        if asking.is_in_doubt() {
            let key = turns.next().cloned().unwrap_or_default();
            let can_be_bare = std::str::from_utf8(&key).is_ok_and(can_be_bare);
            let shown = match asking.trial(can_be_bare) {
                Some(manner) => {
                    make_room(client, pace).await;
                    let control = [key];
                    let shown = confirm::ask(client, manner, &control).await;
                    shown.is_ok_and(|shown| shown.is_answer(&control))
                }
                None => false,
            };
            if asking.tried(shown) == After::GiveUp {
                break first.unwrap_or_else(|| Err(no_answer()));
            }
            continue;
        }
        let most = (manner.keys as usize).saturating_sub(others.len()).max(1);
        let controls = &live[..most.min(live.len())];
        asked = match manner.keys as usize > others.len() {
            true => controls.len() + others.len(),
            false => 1,
        };
        let answer = ask_for(client, pace, manner, controls, &others).await;
        match answer {
            Ok(shown) if shown.is_answer(controls) => {
                asking.answered(asked as u32);
                let is_all = asked < manner.keys as usize;
                if is_all || !asking.is_attempt(asking.manner().keys) {
                    break Ok(shown);
                }
                continue;
            }
            Err(error) if !confirm::may_be_the_question(&error) => break Err(error),
            answer => {
                first = Some(first.unwrap_or(answer));
                if asking.refused(asked as u32) == After::GiveUp {
                    break first.unwrap_or_else(|| Err(no_answer()));
                }
            }
        }
    };
    Some(Question {
        live: live[..asked.saturating_sub(others.len()).clamp(1, live.len())].to_vec(),
        impossible,
        wanted,
        manner: asking.manner(),
        shown,
    })
}

/// One question about all keys, or one for each key if no more are answered.
async fn ask_for(
    client: &mut Client<'_>,
    pace: &dyn Pace,
    manner: Manner,
    controls: &[Vec<u8>],
    others: &[Vec<u8>],
) -> Result<Shown, ClientError> {
    let all = [controls, others].concat();
    let each = match manner.keys as usize > others.len() {
        true => all.len(),
        false => 1,
    };
    let mut shown = Shown::default();
    for keys in all.chunks(each) {
        make_room(client, pace).await;
        let answer = confirm::ask(client, manner, keys).await?;
        shown.keys.extend(answer.keys);
        shown.count = answer.count.or(shown.count);
        shown.is_full |= answer.is_full;
    }
    Ok(shown)
}

/// The server's count of the rows with one key.
async fn counted_one(
    client: &mut Client<'_>,
    pace: &dyn Pace,
    question: Option<&Question>,
) -> Option<u64> {
    let question = question.filter(|question| question.shown.is_ok())?;
    let key = String::from_utf8_lossy(question.live.first()?).into_owned();
    let asked_as = String::from_utf8_lossy(client.asked_as(key.as_bytes())).into_owned();
    let literal = literal_as(question.manner.literal, &asked_as);
    let condition = format!("{} eq {literal}", client.asked_field());
    make_room(client, pace).await;
    count_where(client, &condition).await.ok().flatten()
}

async fn counted(client: &mut Client<'_>, pace: &dyn Pace) -> CountSeen {
    if client.dialect().count == CountForm::Never {
        return CountSeen::NotAsked;
    }
    make_room(client, pace).await;
    match count(client, false).await {
        Ok(Some(rows)) => CountSeen::Counted(rows),
        Ok(None) => CountSeen::Silent(client.heard().map_or(0, |heard| heard.status)),
        Err(error) => CountSeen::Failed(error),
    }
}

impl Seen {
    /// The checks that follow the token's.
    fn checks(&self, feed: &FeedSpec, dialect: &Dialect) -> Vec<Check> {
        let page = match &self.page {
            None => Check::skipped(Name::Page, "there is no token"),
            Some(Err(ClientError::Unauthorized)) => {
                Check::skipped(Name::Page, "the first request was refused")
            }
            Some(seen) => read::page(feed, dialect, seen, self.heard.as_ref()),
        };
        let mut checks = vec![page];
        match &self.page {
            Some(Ok(first)) => checks.extend(self.behind(feed, dialect, first)),
            _ => {
                let skipped = [
                    Name::Continuation,
                    Name::Count,
                    Name::Confirmation,
                    Name::Budget,
                ];
                let why = "there is no page to go on from";
                checks.extend(skipped.map(|name| Check::skipped(name, why)));
            }
        }
        checks.push(pace::clock(self.heard.as_ref()));
        checks.sort_by_key(|check| check.name);
        checks
    }

    /// The checks that need a page.
    fn behind(&self, feed: &FeedSpec, dialect: &Dialect, first: &PageSeen) -> [Check; 4] {
        let second = self.second.as_ref().and_then(|second| second.as_ref().ok());
        let fresh = second.map_or(0, |second| second.rows - second.repeated);
        let seen = first.rows - first.look.repeated + fresh;
        let count = self.count.as_ref().unwrap_or(&CountSeen::NotAsked);
        let is_all = match (&self.second, &first.way_on) {
            (None, Ok(more)) => !more,
            (Some(Ok(second)), _) => second.rows == second.repeated && second.way_on.is_ok(),
            _ => false,
        };
        let page_size = match first.asked {
            Some(asked) if first.rows < u64::from(asked) && fresh > 0 => first.rows,
            _ => u64::from(dialect.page_size(feed)),
        };
        let amount = Amount {
            dialect,
            limits: &dialect.limits_of(feed),
            rows: count.rows().or(is_all.then_some(seen)),
            page_size,
            counts: match count {
                CountSeen::Counted(_) => 2,
                CountSeen::Silent(_) => 1,
                CountSeen::NotAsked | CountSeen::Failed(_) => 0,
            },
            sample: (first.bytes, first.rows),
            took: first.heard.took,
            quota: &first.heard.quota,
            throttled: self.throttled,
        };
        let second = self.second.as_ref();
        [
            read::continuation(feed, dialect, first, second, count.rows()),
            read::count(feed, dialect, count, seen, self.of_one),
            ask::confirmation(
                feed,
                dialect,
                self.question.as_ref(),
                self.wanted.as_deref(),
            ),
            pace::budget(&amount),
        ]
    }
}
