//! The resource of deleted listings, at the providers that have one. It is a hint and no proof: it omits
//! some deleted listings, and keeps some that are live again.

use hyper::StatusCode;
use serde_json::json;

use super::Mls;
use crate::answer::Answer;
use crate::dialect::Ask;
use crate::incoming::Incoming;

impl Mls {
    pub(super) fn tell_deleted(&self, incoming: &Incoming, ask: &Ask) -> Answer {
        let skip = usize::try_from(ask.skip()).unwrap_or(usize::MAX);
        let told = self.book.deleted().skip(skip).take(ask.size);
        let rows: Vec<_> = told
            .map(|(key, at_ms)| self.dialect.deleted(&key, at_ms))
            .collect();
        let base = format!("{}{}", incoming.origin(), self.base_path());
        let context = self.dialect.context(&base, ask);
        let mut answer = Answer::json(
            StatusCode::OK,
            &json!({"@odata.context": context, "value": rows}),
        );
        answer.rows = rows.len() as u64;
        answer
    }
}
