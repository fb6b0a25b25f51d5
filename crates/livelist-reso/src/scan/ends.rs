//! Proves the end of a list by a request for rows after the last one. It is used if the provider gives no
//! other sign of the end.

use livelist_model::asking::can_be_bare;
use livelist_model::evidence::EndSign;
use livelist_model::keys::KeyBuffer;

use super::{ScanState, overlap};
use crate::allow;
use crate::client::Client;
use crate::error::ClientError;
use crate::filter::filter;
use crate::query::{Query, literal_as};

/// A row at the end may be sold meanwhile. Then the one before it is used, up to this many times.
const TRIES: u64 = 3;
/// This many rows in the order of their keys are no coincidence.
const IN_ORDER: u64 = 10;
/// A proof is started at most this often in one scan.
const PROOFS: u32 = 12;
/// Some servers count no further than a multiple of this.
const CAP: u64 = 10_000;

/// What follows the last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nothing: the answer is empty, and one that begins a row earlier shows the last row alone.
    Nothing,
    /// Other rows.
    Rows,
    /// Unknown: the server did not understand the question.
    Unknown,
}

impl ScanState {
    /// The count, if it is credible. A round number may be an upper bound of the server, and a number below
    /// the rows that were read may be the count of one page.
    pub(super) fn trusted_count(&self) -> Option<u64> {
        let counted = self.evidence.count_before;
        counted.filter(|n| n % CAP != 0 && *n >= self.evidence.rows)
    }

    /// Ends the scan, with a proof or without one.
    pub(super) async fn prove(&mut self, client: &mut Client<'_>) -> Result<(), ClientError> {
        self.proofs = self.proofs.saturating_add(1);
        if self.is_proof_too_long() {
            self.ended(EndSign::Unproved);
            return Ok(());
        }
        self.ended(match self.behind_last(client).await? {
            Behind::Nothing => EndSign::Asked,
            Behind::Rows | Behind::Unknown => EndSign::Unproved,
        });
        Ok(())
    }

    /// Whether a proof was started too often. Its requests belong together; if the token expires between
    /// them, it never finishes.
    pub(super) fn is_proof_too_long(&self) -> bool {
        self.proofs > PROOFS
    }

    /// Asks for rows after the last one: by `$skip`; if the server does not support that, by key, or for
    /// all rows but one. Keys are written as before, and then in the other way.
    pub(super) async fn behind_last(&self, client: &mut Client<'_>) -> Result<Behind, ClientError> {
        let told = self.behind_by_skip(client).await?;
        if told != Behind::Unknown {
            return Ok(told);
        }
        let former = client.literal();
        let can_be_bare = self.first.as_deref().is_some_and(can_be_bare);
        let other = can_be_bare.then(|| former.other());
        for literal in [former].into_iter().chain(other) {
            client.write_keys(literal);
            let mut told = self.behind_by_key(client).await?;
            if told == Behind::Unknown {
                told = self.behind_without_first(client).await?;
            }
            if told != Behind::Unknown {
                return Ok(told);
            }
        }
        client.write_keys(former);
        Ok(Behind::Unknown)
    }

    /// Used if nothing may be requested after the end. All rows except the first are one fewer. So a
    /// request for two rows, starting at the last one, would show an unread row together with the last one.
    /// To rule out a server that never shows more than a fixed number of rows of a list, the server also
    /// has to show two rows where there are two.
    async fn behind_without_first(&self, client: &mut Client<'_>) -> Result<Behind, ClientError> {
        let rows = self.evidence.rows;
        let Some(first) = self
            .first
            .clone()
            .filter(|_| rows == 1 || (rows > 1 && self.fullest > 1))
        else {
            return Ok(Behind::Unknown);
        };
        let key_field = client.feed().key_field.clone();
        let literal = literal_as(client.literal(), &first);
        // No `$skip` if there is nothing to skip.
        let behind = |skip: u64| Some(skip).filter(|n| *n > 0).map(|n| n.to_string());
        let asked = |op: &str, skip: u64| {
            [
                ("$filter", format!("{key_field} {op} {literal}")),
                ("$top", "2".to_owned()),
                ("$skip", behind(skip).unwrap_or_default()),
            ]
        };
        let is_known = |shown: &[u64]| shown.iter().all(|row| self.tail.contains(row));
        let control = match rows {
            1 => Some((asked("ge", 0), 1)),
            // The page itself has shown two.
            2 => None,
            _ => Some((asked("ne", rows - 3), 2)),
        };
        if let Some((control, most)) = control {
            match self.rows_of(client, &control).await? {
                Some(shown) if is_known(&shown) && shown.len() == most => {}
                Some(_) | None => return Ok(Behind::Unknown),
            }
        }
        let last = asked("ne", rows.saturating_sub(2));
        Ok(match self.rows_of(client, &last).await? {
            Some(shown) if !is_known(&shown) => Behind::Rows,
            Some(shown) if shown.len() as u64 == (rows - 1).min(1) => Behind::Nothing,
            Some(_) | None => Behind::Unknown,
        })
    }

    /// If the rows were in the order of their keys: a request for keys from the last one on has to show
    /// only that row, and a request for keys after it nothing.
    async fn behind_by_key(&self, client: &mut Client<'_>) -> Result<Behind, ClientError> {
        let in_order = self
            .ascending
            .last()
            .filter(|_| self.evidence.rows >= IN_ORDER);
        let Some(last) = in_order else {
            return Ok(Behind::Unknown);
        };
        let key_field = client.feed().key_field.clone();
        let literal = literal_as(client.literal(), last);
        let asked = |op: &str| {
            [
                ("$filter", format!("{key_field} {op} {literal}")),
                ("$orderby", key_field.clone()),
                ("$top", "2".to_owned()),
            ]
        };
        let own = overlap::hash_of_key(last.as_bytes());
        match self.rows_of(client, &asked("ge")).await? {
            Some(from) if from == [own] => {}
            Some(from) if from.contains(&own) => return Ok(Behind::Rows),
            Some(_) | None => return Ok(Behind::Unknown),
        }
        Ok(match self.rows_of(client, &asked("gt")).await? {
            Some(behind) if behind.is_empty() => Behind::Nothing,
            Some(_) | None => Behind::Unknown,
        })
    }

    /// `$skip` to the last row has to show only that row, and `$skip` past it nothing. A server that
    /// ignores `$skip` shows other rows.
    async fn behind_by_skip(&self, client: &mut Client<'_>) -> Result<Behind, ClientError> {
        let rows = self.evidence.rows;
        for back in 1..=TRIES.min(rows) {
            let Some(shown) = self.at(client, rows - back, back + 1).await? else {
                return Ok(Behind::Unknown);
            };
            if shown.is_empty() {
                continue;
            }
            let known = shown.iter().filter(|row| self.tail.contains(row)).count();
            if known == 0 {
                return Ok(Behind::Unknown);
            }
            if known < shown.len() {
                return Ok(Behind::Rows);
            }
            if shown.len() as u64 > back {
                return Ok(Behind::Unknown);
            }
            return Ok(match self.at(client, rows, 1).await? {
                Some(behind) if behind.is_empty() => Behind::Nothing,
                Some(behind) if behind.iter().any(|row| !self.tail.contains(row)) => Behind::Rows,
                Some(_) | None => Behind::Unknown,
            });
        }
        Ok(Behind::Unknown)
    }

    /// The rows after the first `skip` rows.
    async fn at(
        &self,
        client: &mut Client<'_>,
        skip: u64,
        top: u64,
    ) -> Result<Option<Vec<u64>>, ClientError> {
        let asked = [("$top", top.to_string()), ("$skip", skip.to_string())];
        self.rows_of(client, &asked).await
    }

    /// The rows in the answer to a question, as hashes; `None` if it is not answered.
    async fn rows_of(
        &self,
        client: &mut Client<'_>,
        asked: &[(&str, String)],
    ) -> Result<Option<Vec<u64>>, ClientError> {
        let feed = client.feed();
        let (conditions, options): (Vec<_>, Vec<_>) =
            asked.iter().partition(|(name, _)| *name == "$filter");
        let conditions: Vec<&str> = conditions.iter().map(|(_, text)| text.as_str()).collect();
        let url = Query::of(&client.dialect().base(feed), feed.resource.as_str())
            .option("$select", &feed.key_field)
            .option("$filter", &filter(client, &conditions));
        let add = |url: Query, (name, value): &&(&str, String)| url.option(name, value);
        let url = options.iter().fold(url, add);
        let url = url.options(&feed.parameters).url();
        let uri = allow::parse(&url).map_err(ClientError::Link)?;
        let mut keys = KeyBuffer::default();
        match client.question(&uri, &mut keys).await {
            Ok(_) => Ok(Some(overlap::keys_at_end(0, &keys))),
            Err(
                ClientError::Rejected { .. }
                | ClientError::Denied { .. }
                | ClientError::Unavailable { .. }
                | ClientError::Page(_),
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
