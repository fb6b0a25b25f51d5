//! The controls over HTTP, for the command: `/_control/mlss` and `/_control/{mls}/…`. They need
//! no credential, and the server listens to this machine only.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Control;
use crate::answer::Answer;
use crate::book::Change;
use crate::fault::FaultRule;
use crate::incoming::Incoming;

/// The default delay of a late change.
const LATE_SECONDS: u32 = 3_600;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Rows {
    n: Option<u64>,
    at: Option<u64>,
    at_once: bool,
    seconds: Option<u32>,
    resource: Option<String>,
    keys: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    on: bool,
}

impl Control {
    /// Answers `/_control/{mls}/{verb}`.
    pub(crate) fn answer(&self, verb: &str, incoming: &Incoming) -> Answer {
        match self.act(verb, incoming) {
            Ok(answer) => answer,
            Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
        }
    }

    fn act(&self, verb: &str, incoming: &Incoming) -> serde_json::Result<Answer> {
        let body = &incoming.body[..];
        let rows = || match body {
            [] => Ok(Rows::default()),
            body => serde_json::from_slice::<Rows>(body),
        };
        let done = match (incoming.method.clone(), verb) {
            (Method::GET, "state") => self.state(),
            (Method::GET, "live") => {
                let mut text = self.live_keys().join("\n");
                if !text.is_empty() {
                    text.push('\n');
                }
                return Ok(Answer::text(
                    StatusCode::OK,
                    "text/plain; charset=utf-8",
                    text,
                ));
            }
            (Method::POST, "sell") => {
                let rows = rows()?;
                let mut keys = self.sell_keys(&rows.keys.unwrap_or_default());
                keys.extend(self.sell(rows.n.unwrap_or(0)));
                json!({ "keys": keys })
            }
            (Method::POST, "add") => {
                let rows = rows()?;
                let n = rows.n.unwrap_or(1);
                json!({ "keys": match rows.at {
                    Some(at) => self.add_at(n, at),
                    None => self.add(n),
                }})
            }
            (Method::POST, "leave") => json!({ "keys": self.leave(rows()?.n.unwrap_or(1)) }),
            (Method::POST, "renumber") => {
                json!({ "keys": self.renumber(rows()?.n.unwrap_or(1)) })
            }
            (Method::POST, "relist") => {
                json!({ "keys": self.relist(&rows()?.keys.unwrap_or_default()) })
            }
            (Method::POST, "touch") => match rows()? {
                Rows {
                    n,
                    resource: Some(resource),
                    ..
                } => json!({ "keys": self.touch_people(&resource, n.unwrap_or(1)) }),
                Rows {
                    n: Some(n),
                    at_once: true,
                    ..
                } => json!({ "keys": self.touch_at_once(n) }),
                Rows { n: Some(n), .. } => json!({ "keys": self.touch(n) }),
                Rows { n: None, .. } => {
                    self.touch_all_same_timestamp();
                    self.state()
                }
            },
            (Method::POST, "reprice") => self.changed(Change::Reprice, &rows()?),
            (Method::POST, "status") => self.changed(Change::Status, &rows()?),
            (Method::POST, "sneak") => self.changed(Change::Sneak, &rows()?),
            (Method::POST, "late") => {
                let rows = rows()?;
                let change = Change::Late(rows.seconds.unwrap_or(LATE_SECONDS));
                self.changed(change, &rows)
            }
            (Method::POST, "photos") => self.changed(Change::Photos, &rows()?),
            (Method::POST, "grow") => {
                let (added, retyped) = self.grow();
                json!({ "added": added, "retyped": retyped })
            }
            (Method::POST, "record") => {
                let keys = rows()?.keys.unwrap_or_default();
                let records = keys.iter().filter_map(|key| self.record(key));
                let lines: String = records.map(|record| record + "\n").collect();
                return Ok(Answer::text(StatusCode::OK, "application/x-ndjson", lines));
            }
            (Method::POST, "ahead") => {
                self.ahead(rows()?.seconds.unwrap_or(0));
                self.state()
            }
            (Method::POST, "rekey") => match rows()?.n {
                Some(n) => json!({ "keys": self.rekey(n) }),
                None => {
                    self.rekey_all();
                    self.state()
                }
            },
            (Method::POST, "faults") => {
                let rules: Vec<FaultRule> = serde_json::from_slice(body)?;
                let posted = rules.len();
                self.set_faults(rules);
                json!({ "rules": posted })
            }
            (Method::DELETE, "faults") => {
                self.clear_faults();
                json!({ "rules": 0 })
            }
            (Method::GET, "log") => serde_json::to_value(self.log())?,
            (Method::DELETE, "log") => {
                self.clear_log();
                json!([])
            }
            (Method::GET, "struck") => serde_json::to_value(self.struck())?,
            (Method::POST, "expire-tokens") => {
                self.expire_tokens();
                self.state()
            }
            (Method::POST, "revoke") => {
                self.revoke(serde_json::from_slice::<Revoke>(body)?.on);
                self.state()
            }
            _ => return Ok(refused(StatusCode::NOT_FOUND, "no such control")),
        };
        Ok(Answer::json(StatusCode::OK, &done))
    }

    /// Changes the named listings, or this many, and returns their keys.
    fn changed(&self, change: Change, rows: &Rows) -> Value {
        let keys = match &rows.keys {
            Some(keys) => self.change_keys(change, keys),
            None => self.change(change, rows.n.unwrap_or(1)),
        };
        json!({ "keys": keys })
    }

    fn state(&self) -> Value {
        let mls = self.mls();
        json!({
            "mls": mls.spec.mls,
            "provider": mls.spec.provider,
            "live": mls.book.live_count(),
            "rows_ever": mls.book.rows(),
            "requests": mls.log.len(),
            "revoked": mls.tokens.revoked,
        })
    }
}

/// The controls' answer to a request that fails.
pub(crate) fn refused(status: StatusCode, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message }))
}
