//! Links to the next page, and the meaning of opaque ids in them.

use std::collections::HashMap;

use super::{Ask, Refusal, bad};
use crate::book::keys::{KeyMaker, KeyStyle};
use crate::book::select::{By, Start};
use crate::incoming::Incoming;
use crate::query::Escape;
use crate::spec::MlsSpec;

/// The parts of a link to the next page.
pub(crate) struct NextPage<'a> {
    /// Base URL with scheme and authority.
    pub base: &'a str,
    pub spec: &'a MlsSpec,
    pub ask: &'a Ask,
    pub incoming: &'a Incoming,
    /// Rows of this page, before any fault.
    pub served: u64,
    /// The last of them, and its key.
    pub last: (u32, &'a str),
    pub cursors: &'a mut Cursors,
}

impl NextPage<'_> {
    pub fn skip(&self) -> u64 {
        self.ask.skip() + self.served
    }

    /// A cursor that continues after the last row: in the order of listing after that very row, in others
    /// after as many rows as were served.
    pub fn cursor(&mut self) -> String {
        let mut ask = self.ask.clone();
        ask.start = match self.ask.order == By::Listed.up() {
            true => Start::AfterRow(self.last.0),
            false => Start::Skip(self.skip()),
        };
        ask.owed = self.ask.owed.map(|owed| owed.saturating_sub(self.served));
        self.cursors.keep(self.spec.seed, ask)
    }

    /// The same options with `$skip` moved on.
    pub fn by_skip(&self, escape: Escape) -> String {
        let options = self.ask.query.rewritten(&["$skip"], escape);
        format!("{}/Property?{options}$skip={}", self.base, self.skip())
    }

    /// The same options with `$skiptoken`, the last key.
    pub fn by_last_key(&self, options: &str) -> String {
        let mut token = String::new();
        Escape::Strict.write(self.last.1, &mut token);
        format!("{}/Property?{options}$skiptoken={token}", self.base)
    }
}

/// The meaning of opaque next ids.
#[derive(Default)]
pub(crate) struct Cursors {
    kept: HashMap<String, Ask>,
    serial: u64,
}

impl Cursors {
    fn keep(&mut self, seed: u64, ask: Ask) -> String {
        self.serial += 1;
        let mut id = String::new();
        KeyMaker::new(KeyStyle::Hex, !seed).write(self.serial, &mut id);
        self.kept.insert(id.clone(), ask);
        id
    }

    pub fn find(&self, id: &str) -> Result<Ask, Refusal> {
        let found = self.kept.get(id).cloned();
        found.ok_or_else(|| bad("the next id is not known"))
    }
}
