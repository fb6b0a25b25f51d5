//! A first look at an MLS: few requests, each of the kind that a run makes, and plain words on what
//! works and what to change. Asking is here; what the answers mean is decided purely, in the files
//! of `probe/`: facts in, checks out.

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
use crate::confirm;
use crate::count::count;
use crate::dialect::{CountForm, Dialect, ScanForm};
use crate::error::ClientError;
use crate::heard::Heard;
use crate::policy;
use crate::scan::{ScanState, Stage};
use crate::secret::{Account, Login};
use crate::session::Session;
use crate::time::Pace;
use crate::token;
use crate::transport::Transport;

/// Rows of a page of the probe; a smaller page size is kept.
const SAMPLE: u32 = 200;
/// A probe shows how the provider answers: it asks for nothing twice, and waits once where that is
/// a matter of seconds.
const PATIENCE: Patience = Patience {
    attempts: 1,
    short_waits: 1,
};
/// Up to so long it waits for a budget to open.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Secrets that are shorter would be words of every text.
const SHORTEST_SECRET: usize = 4;

/// What a probe found.
#[derive(Debug)]
pub struct Probed {
    /// The checks from the token on, in order.
    pub checks: Vec<Check>,
    /// Requests sent, those for tokens included.
    pub requests: u64,
}

/// Asks the provider of `feed` with `account`: for a token where it issues them, two pages, the
/// count, and the key of a row of the first page (with `key` besides, if an operator wants to know
/// about one). At most a request each; budgets are kept.
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

/// What must not be shown, should a provider repeat it.
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

/// What the provider's answers showed.
#[derive(Debug, Default)]
struct Seen {
    page: Option<Result<PageSeen, ClientError>>,
    second: Option<Result<SecondSeen, ClientError>>,
    count: Option<CountSeen>,
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
        if client.dialect().confirm.is_by_key()
            && let Some(live) = keys.key(0)
        {
            let impossible = keys::impossible(&page.look, live);
            seen.question = Some(question(&mut client, pace, live, impossible, key).await);
        }
        seen.count = Some(counted(&mut client, pace).await);
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
    // Moving on may take the second field away again.
    let (answer, moved) = state.look(client, keys).await?;
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
    make_room(client, pace).await;
    let (answer, moved) = state.look(client, &mut keys).await?;
    let before: HashSet<&[u8]> = first.iter().map(|(key, _)| key).collect();
    Ok(SecondSeen {
        rows: answer.page.rows,
        repeated: keys.iter().filter(|(key, _)| before.contains(key)).count() as u64,
        way_on: moved.map(|()| state.stage == Stage::Pages),
    })
}

async fn question(
    client: &mut Client<'_>,
    pace: &dyn Pace,
    live: &[u8],
    impossible: Vec<u8>,
    wanted: Option<&str>,
) -> Question {
    let wanted = wanted.map(|key| key.as_bytes().to_vec());
    let mut asked = vec![live.to_vec(), impossible.clone()];
    asked.extend(wanted.clone().filter(|key| key != live));
    make_room(client, pace).await;
    let shown = confirm::look(client, &asked).await;
    Question {
        live: live.to_vec(),
        impossible,
        wanted,
        shown: shown.map(Option::unwrap_or_default),
    }
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
            read::count(feed, dialect, count, seen),
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
