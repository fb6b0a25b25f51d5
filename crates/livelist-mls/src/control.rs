//! Controls of a simulated MLS: how a test changes the book and the credential, and inspects them.
//! `control::remote` offers the same over HTTP.

pub(crate) mod remote;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::book::select::{By, Hidden, Reading, Sight, Start};
use crate::book::{Change, Which};
use crate::fault::FaultRule;
use crate::filter;
use crate::incoming::RequestKind;
use crate::log::LoggedRequest;
use crate::mls::Mls;

/// The controls of one simulated MLS; cheap to clone, for use from any thread.
#[derive(Clone)]
pub struct Control {
    mls: Arc<Mutex<Mls>>,
}

impl Control {
    pub(crate) fn new(mls: Mls) -> Self {
        Self {
            mls: Arc::new(Mutex::new(mls)),
        }
    }

    /// No invariant of an MLS spans a panic, so a poisoned lock is as good as any.
    pub(crate) fn mls(&self) -> MutexGuard<'_, Mls> {
        self.mls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys of all live listings, sorted by bytes.
    pub fn live_keys(&self) -> Vec<String> {
        self.mls().book.live_keys()
    }

    /// The keys of the live listings that match an OData filter, sorted by bytes.
    ///
    /// # Errors
    /// The error in the filter.
    pub fn live_keys_matching(&self, filter: &str) -> Result<Vec<String>, String> {
        let mut mls = self.mls();
        let filter = filter::parse_typed(filter, mls.spec.options.contrary.keys)?;
        let system = mls.spec.system().to_owned();
        let found = mls.book.read(&Reading {
            filter: &filter,
            system: &system,
            order: By::Key.up(),
            start: Start::Skip(0),
            limit: usize::MAX,
            sight: Sight::default(),
        });
        let live = found.rows.iter().filter(|row| row.live);
        Ok(live.map(|row| mls.book.key(row.index)).collect())
    }

    /// How many listings are live.
    pub fn live_count(&self) -> u64 {
        self.mls().book.live_count() as u64
    }

    /// Takes `n` live listings out of this account's list, and names them: at CREA they show when
    /// they are asked for by key.
    pub fn leave(&self, n: u64) -> Vec<String> {
        self.mls().book.leave(size(n))
    }

    /// Deletes `n` live listings drawn by the seed, and names them.
    pub fn sell(&self, n: u64) -> Vec<String> {
        self.mls().book.sell(size(n))
    }

    /// Deletes these listings, and names those that were live.
    pub fn sell_keys(&self, keys: &[String]) -> Vec<String> {
        self.mls().book.sell_keys(keys)
    }

    /// Lists `n` new listings, and names them.
    pub fn add(&self, n: u64) -> Vec<String> {
        self.mls().book.add(size(n))
    }

    /// Lists `n` new listings after the first `at` rows in the order of listing.
    pub fn add_at(&self, n: u64, at: u64) -> Vec<String> {
        self.mls().book.add_at(size(n), size(at))
    }

    /// Gives `n` live listings another `ListingId` under their old keys, and names the keys.
    pub fn renumber(&self, n: u64) -> Vec<String> {
        self.mls().book.renumber(size(n))
    }

    /// Gives `n` live listings another key under their old `ListingId`, and names the former and the new keys.
    pub fn rekey(&self, n: u64) -> Vec<(String, String)> {
        self.mls().book.rekey_some(size(n))
    }

    /// The `ListingId` of a key that was ever listed.
    pub fn listing_id(&self, key: &str) -> Option<String> {
        self.mls().book.listing_id(key)
    }

    /// Lists deleted listings again under their old keys; returns those that were not live.
    pub fn relist(&self, keys: &[String]) -> Vec<String> {
        self.mls().book.relist(keys)
    }

    /// Modifies `n` live listings drawn by the seed, each at its own timestamp.
    pub fn touch(&self, n: u64) -> Vec<String> {
        self.mls().book.touch(size(n))
    }

    /// Modifies `n` live listings drawn by the seed, all at one instant.
    pub fn touch_at_once(&self, n: u64) -> Vec<String> {
        self.mls().book.touch_some_at_once(size(n))
    }

    /// Modifies every live listing at one instant.
    pub fn touch_all_same_timestamp(&self) {
        self.mls().book.touch_all();
    }

    /// Changes `n` live listings drawn by the seed, and returns their keys.
    pub fn change(&self, change: Change, n: u64) -> Vec<String> {
        let which = Which::Some(size(n));
        self.mls().book.change(change, &which)
    }

    /// Changes these listings, and returns the keys of those that it changed.
    pub fn change_keys(&self, change: Change, keys: &[String]) -> Vec<String> {
        self.mls().book.change(change, &Which::These(keys))
    }

    /// The current record of a listed key, for a client that selects nothing.
    pub fn record(&self, key: &str) -> Option<String> {
        self.mls().record(key)
    }

    /// Modifies `n` rows of Member or Office, and names them.
    pub fn touch_people(&self, resource: &str, n: u64) -> Vec<String> {
        self.mls().touch_people(resource, size(n))
    }

    /// Changes the schema: a field is added, a number becomes a text. Returns their names.
    pub fn grow(&self) -> (Option<&'static str>, Option<&'static str>) {
        self.mls().schema.grow()
    }

    /// Sets the MLS's clock further ahead by this many seconds: `Date`, and the timestamps of later
    /// changes.
    pub fn ahead(&self, seconds: u32) {
        self.mls().ahead.more(seconds);
    }

    /// Gives every listing a new key.
    pub fn rekey_all(&self) {
        self.mls().book.rekey();
    }

    /// Replaces all rules, and restarts the count of requests.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.mls().board.post(rules);
    }

    /// Removes all rules. Their effects remain, also in [`Self::struck`].
    pub fn clear_faults(&self) {
        self.set_faults(Vec::new());
    }

    /// Changes whenever the book does.
    pub fn version(&self) -> u64 {
        self.mls().book.version()
    }

    /// The keys of the live listings that [`Fault::DenyPartial`] hides at `percent`.
    ///
    /// [`Fault::DenyPartial`]: crate::Fault::DenyPartial
    pub fn denied_keys(&self, percent: u8) -> Vec<String> {
        self.hidden_keys(percent, 0)
    }

    /// The keys of the live listings that [`Fault::Rebuilding`] hides.
    ///
    /// [`Fault::Rebuilding`]: crate::Fault::Rebuilding
    pub fn hidden_keys(&self, percent: u8, salt: u64) -> Vec<String> {
        self.mls().book.hidden_keys(Hidden { percent, salt })
    }

    /// The last request, and the rules that struck it.
    pub fn last_request(&self) -> Option<(RequestKind, Vec<FaultRule>)> {
        let mls = self.mls();
        let last = mls.log.last()?;
        Some((last.kind, last.struck.clone()))
    }

    /// Every request so far.
    pub fn log(&self) -> Vec<LoggedRequest> {
        self.mls().log.clone()
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        self.mls().log.clear();
    }

    /// How often each fault really changed an answer or the book, over all rules ever set.
    pub fn struck(&self) -> BTreeMap<String, u64> {
        self.mls().board.struck()
    }

    /// Expires every issued token.
    pub fn expire_tokens(&self) {
        self.mls().tokens.end_all();
    }

    /// Answers every request, also for tokens, as unauthorized; or no longer does.
    pub fn revoke(&self, revoked: bool) {
        self.mls().tokens.revoked = revoked;
    }

    /// The client's secret or static token, and every issued token: none may appear in logs, errors or
    /// stored objects.
    pub fn secrets(&self) -> Vec<String> {
        self.mls().tokens.secrets()
    }
}

fn size(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
