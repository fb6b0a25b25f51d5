//! The listings of a simulated MLS: which rows exist, which are live, and when each was last changed.
//! Compact: a few integers per row; keys and bodies are generated on request.
//!
//! Knows nothing of HTTP or of dialects.

pub(crate) mod bits;
mod contrary;
pub(crate) mod dice;
mod edits;
pub(crate) mod keys;
pub(crate) mod select;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use bits::Bits;
use dice::{Dice, mix};
pub use edits::Change;
pub(crate) use edits::{Edit, Which, photos_us};
use keys::{KeyMaker, KeyStyle};
use select::Hidden;

use crate::clock::Clock;
use crate::spec::{Contrary, KeyType, PhotosMove, Shown};

/// The first modification of a book: 2024-01-01T00:00:00Z in milliseconds.
const OPENED_MS: i64 = 1_704_067_200_000;
/// Between the modifications of two rows of a new book.
const STEP_MS: i64 = 1_017;
/// Between a book's last modification and the next round of them.
const PAUSE_MS: i64 = 60_000;

/// More than this is not added at once.
const MOST_ADDED: usize = 10_000_000;

/// The rows of one MLS.
pub(crate) struct Book {
    keys: KeyMaker,
    seed: u64,
    /// Id of row 0; ids of later rows follow. Moves on when every key changes.
    first_id: u64,
    live: Bits,
    /// Row → its slot in `changes`.
    slot: Vec<u32>,
    /// Slot → row, in the order of modification; a slot that its row has left stays behind.
    changes: Vec<u32>,
    /// When the slots were written.
    rounds: Vec<Round>,
    /// The order of listing, if it is not that of the rows.
    listed: Option<Vec<u32>>,
    /// Rows by the bytes of their keys.
    by_key: Vec<u32>,
    /// Rows by their keys as numbers, once that order was asked for.
    by_number: Option<Vec<u32>>,
    /// Whether removed rows stay visible as such, and which do.
    tombstones: bool,
    gone: Bits,
    /// Rows that left this reader's list, and live on elsewhere.
    away: Bits,
    /// Listing ids that were changed, in both directions.
    ids: HashMap<u32, u64>,
    rows_of_ids: HashMap<u64, u32>,
    /// How the server compares keys and shows timestamps.
    blind: bool,
    numeric: bool,
    fine: bool,
    /// Changes of rows, for rows that have any.
    edits: HashMap<u32, Edit>,
    /// How many rows have a timestamp before their change.
    late: usize,
    /// Which timestamps a change of photos affects, if rows are whole records.
    photos: Option<PhotosMove>,
    /// The clock for timestamps of changes, if it is not the book itself.
    clock: Option<Arc<dyn Clock>>,
    /// Removed rows, in the order of time.
    departures: Vec<Departure>,
    /// The state that stale readers see.
    snapshot: Option<Bits>,
    /// Changes with every change.
    version: u64,
    dice: Dice,
    seen: select::Seen,
}

/// A row that was deleted; it may be live again.
struct Departure {
    id: u64,
    row: u32,
    at_ms: i64,
}

struct Round {
    first_slot: u32,
    at_ms: i64,
    step_ms: i64,
}

/// A row as it was at the instant of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub index: u32,
    pub live: bool,
    pub id: u64,
    /// The number in its listing id.
    pub listing: u64,
    /// When it was last modified, in microseconds.
    pub changed_us: i64,
    /// Its place among all modifications.
    pub slot: u32,
}

impl Book {
    pub fn open(
        style: KeyStyle,
        seed: u64,
        listings: u32,
        tombstones: bool,
        ways: &Contrary,
    ) -> Self {
        let mut book = Self {
            keys: KeyMaker::new(style, seed),
            seed,
            first_id: 0,
            live: Bits::all(listings as usize),
            slot: (0..listings).collect(),
            changes: (0..listings).collect(),
            rounds: vec![Round {
                first_slot: 0,
                at_ms: OPENED_MS,
                step_ms: STEP_MS,
            }],
            listed: None,
            by_key: Vec::new(),
            by_number: None,
            tombstones,
            gone: Bits::default(),
            away: Bits::default(),
            ids: HashMap::new(),
            rows_of_ids: HashMap::new(),
            blind: ways.blind,
            numeric: ways.keys == KeyType::Int64,
            fine: ways.shown != Shown::AsStored,
            edits: HashMap::new(),
            late: 0,
            photos: None,
            clock: None,
            departures: Vec::new(),
            snapshot: None,
            version: 0,
            dice: Dice::new(seed),
            seen: select::Seen::default(),
        };
        book.by_key = book.sorted(0..listings);
        book
    }

    pub fn keys(&self) -> &KeyMaker {
        &self.keys
    }

    pub fn version(&self) -> u64 {
        self.version
    }

    /// The live keys that are hidden from a reader without access to these rows.
    pub fn hidden_keys(&self, hidden: Hidden) -> Vec<String> {
        let denied = self.live.ones().filter(|&row| self.hides(row, hidden));
        denied.map(|row| self.key(row)).collect()
    }

    fn hides(&self, row: u32, hidden: Hidden) -> bool {
        let Hidden { percent, salt } = hidden;
        percent > 0 && lot(self.seed ^ mix_salt(salt), row, 2) % 100 < u64::from(percent)
    }

    pub fn live_count(&self) -> usize {
        self.live.count()
    }

    /// Rows ever listed.
    pub fn rows(&self) -> usize {
        self.slot.len()
    }

    /// The live keys in the order of their bytes.
    pub fn live_keys(&self) -> Vec<String> {
        let live = |row: &&u32| self.live.get(**row);
        self.by_key
            .iter()
            .filter(live)
            .map(|&row| self.key(row))
            .collect()
    }

    pub fn key(&self, row: u32) -> String {
        let mut key = String::new();
        self.keys.write(self.id(row), &mut key);
        key
    }

    pub fn row_of(&self, key: &str) -> Option<u32> {
        let at = self.before(key, false);
        let row = *self.by_key.get(at)?;
        (self.key(row) == key).then_some(row)
    }

    /// How many rows have a key below `key`, or with `inclusive` not above it.
    fn before(&self, key: &str, inclusive: bool) -> usize {
        let mut other = String::new();
        self.by_key.partition_point(|&row| {
            other.clear();
            self.keys.write(self.id(row), &mut other);
            match other.as_str().cmp(key) {
                Ordering::Less => true,
                Ordering::Equal => inclusive,
                Ordering::Greater => false,
            }
        })
    }

    fn id(&self, row: u32) -> u64 {
        self.first_id + u64::from(row)
    }

    fn visible(&self, row: u32) -> bool {
        self.live.get(row) || self.gone.get(row)
    }

    fn at(&self, row: u32) -> Row {
        Row {
            index: row,
            live: self.live.get(row),
            id: self.id(row),
            listing: self.listing(row),
            changed_us: self.told_us(row),
            slot: self.slot[row as usize],
        }
    }

    /// When a slot was written, in microseconds; below the millisecond only if that is hidden.
    fn changed_us(&self, slot: u32) -> i64 {
        let ms = self.changed_ms(slot);
        let below = if self.fine {
            (mix(self.seed ^ ms as u64) % 1_000) as i64
        } else {
            0
        };
        ms * 1_000 + below
    }

    fn changed_ms(&self, slot: u32) -> i64 {
        let after = self.rounds.partition_point(|r| r.first_slot <= slot);
        match self.rounds.get(after.wrapping_sub(1)) {
            Some(round) => round.at_ms + i64::from(slot - round.first_slot) * round.step_ms,
            None => OPENED_MS,
        }
    }

    /// Rows by key; the first 16 bytes decide nearly always.
    fn sorted(&self, rows: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut key = String::new();
        let mut heads: Vec<(u64, u64, u32)> = rows
            .map(|row| {
                key.clear();
                self.keys.write(self.id(row), &mut key);
                let word = |from: usize| {
                    (from..from + 8).fold(0, |word, at| {
                        word << 8 | key.as_bytes().get(at).map_or(0, |&byte| u64::from(byte))
                    })
                };
                (word(0), word(8), row)
            })
            .collect();
        heads.sort_unstable_by(|a, b| {
            (a.0, a.1)
                .cmp(&(b.0, b.1))
                .then_with(|| self.key(a.2).cmp(&self.key(b.2)))
        });
        heads.into_iter().map(|(_, _, row)| row).collect()
    }

    /// Deletes `n` live rows.
    pub fn sell(&mut self, n: usize) -> Vec<String> {
        let live = self.live.ones().collect();
        self.sell_some(live, n)
    }

    /// Deletes `n` of these rows.
    pub fn sell_some(&mut self, mut rows: Vec<u32>, n: usize) -> Vec<String> {
        rows.retain(|&row| self.live.get(row));
        self.dice.pick(&mut rows, n);
        self.put(&rows, false)
    }

    pub fn sell_keys(&mut self, keys: &[String]) -> Vec<String> {
        let rows: Vec<u32> = keys.iter().filter_map(|key| self.row_of(key)).collect();
        self.put(&rows, false)
    }

    pub fn relist(&mut self, keys: &[String]) -> Vec<String> {
        let rows: Vec<u32> = keys.iter().filter_map(|key| self.row_of(key)).collect();
        self.put(&rows, true)
    }

    fn put(&mut self, rows: &[u32], live: bool) -> Vec<String> {
        let mut changed = Vec::new();
        for &row in rows {
            if self.live.put(row, live) {
                self.away.put(row, false);
                self.gone.put(row, self.tombstones && !live);
                changed.push(row);
            }
        }
        self.stamp(&changed, STEP_MS);
        if !live {
            let left = changed.iter().map(|&row| Departure {
                id: self.id(row),
                row,
                at_ms: self.changed_ms(self.slot[row as usize]),
            });
            let left: Vec<_> = left.collect();
            self.departures.extend(left);
        }
        changed.into_iter().map(|row| self.key(row)).collect()
    }

    /// Keys and times of deleted rows, oldest first. A quarter is left out, like rows lost by status or
    /// permission at UtahRealEstate; rows that were listed again are included.
    pub fn deleted(&self) -> impl Iterator<Item = (String, i64)> + '_ {
        let told = |left: &&Departure| !lot(self.seed, left.row, 8).is_multiple_of(4);
        self.departures.iter().filter(told).map(|left| {
            let mut key = String::new();
            self.keys.write(left.id, &mut key);
            (key, left.at_ms)
        })
    }

    /// From now on, stale readers see the current state.
    pub fn take_snapshot(&mut self) {
        self.snapshot = Some(self.live.clone());
        self.seen = select::Seen::default();
    }

    /// Whether stale readings differ from others at all.
    pub fn has_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Lists `n` new rows.
    pub fn add(&mut self, n: usize) -> Vec<String> {
        let first = self.slot.len() as u32;
        let n = n.min(MOST_ADDED);
        let new: Vec<u32> = (first..first + n as u32).collect();
        for &row in &new {
            self.live.put(row, true);
            self.slot.push(0);
        }
        if let Some(order) = &mut self.listed {
            order.extend(&new);
        }
        self.stamp(&new, STEP_MS);
        self.merge(&new);
        new.into_iter().map(|row| self.key(row)).collect()
    }

    fn merge(&mut self, new: &[u32]) {
        let new = self.sorted(new.iter().copied());
        let mut merged = Vec::with_capacity(self.by_key.len() + new.len());
        let mut old = 0;
        for row in new {
            let upto = self.before(&self.key(row), false);
            merged.extend_from_slice(&self.by_key[old..upto]);
            merged.push(row);
            old = upto;
        }
        merged.extend_from_slice(&self.by_key[old..]);
        self.by_key = merged;
        self.by_number = None;
    }

    /// Modifies `n` live rows, each at its own timestamp.
    pub fn touch(&mut self, n: usize) -> Vec<String> {
        let mut rows: Vec<u32> = self.live.ones().collect();
        self.dice.pick(&mut rows, n);
        self.stamp(&rows, STEP_MS);
        rows.into_iter().map(|row| self.key(row)).collect()
    }

    /// Modifies every live row at one instant. Among them the order of modification is that of
    /// their keys, so that order by (timestamp, key) is one order for the whole book.
    pub fn touch_all(&mut self) {
        let rows = self.live.ones().collect();
        self.touch_at_once(rows);
    }

    fn touch_at_once(&mut self, rows: Vec<u32>) {
        let mut rows = match rows.len() == self.live.count() {
            true => {
                let live = |row: &u32| self.live.get(*row);
                self.by_key.iter().copied().filter(live).collect()
            }
            false => self.sorted(rows.into_iter()),
        };
        if self.numeric {
            rows.sort_by_cached_key(|&row| self.number(row));
        }
        self.stamp(&rows, 0);
    }

    /// Gives every row a key that no row ever had.
    pub fn rekey(&mut self) {
        self.first_id += self.slot.len() as u64;
        self.gone = Bits::default();
        self.away = Bits::default();
        // No cache outlives its keys.
        self.snapshot = None;
        self.by_number = None;
        let live = |row: &u32| self.live.get(*row);
        let rows: Vec<u32> = (0..self.slot.len() as u32).filter(live).collect();
        self.by_key = self.sorted(0..self.slot.len() as u32);
        self.stamp(&rows, STEP_MS);
    }

    fn stamp(&mut self, rows: &[u32], step_ms: i64) {
        self.version += 1;
        if rows.is_empty() {
            return;
        }
        let first_slot = self.changes.len() as u32;
        let last_ms = self.changed_ms(first_slot.saturating_sub(1));
        let (at_ms, step_ms) = self.round(rows.len(), step_ms, last_ms);
        self.rounds.push(Round {
            first_slot,
            at_ms,
            step_ms,
        });
        self.tell_in_time(rows);
        for &row in rows {
            self.slot[row as usize] = self.changes.len() as u32;
            self.changes.push(row);
        }
    }
}

/// The StandardStatus of a row: about 80 of 100 Active, 15 Pending, 5 Closed.
pub(crate) fn status(seed: u64, row: u32) -> &'static str {
    match lot(seed, row, 1) % 100 {
        0..80 => "Active",
        80..95 => "Pending",
        _ => "Closed",
    }
}

/// The list price of a row.
pub(crate) fn price(seed: u64, row: u32) -> u64 {
    50_000 + lot(seed, row, 4) % 2_000 * 1_000
}

/// An office of some twenty, drawn as a listing's.
pub(crate) fn office(seed: u64, row: u32) -> String {
    format!("OFF{}", lot(seed, row, 9) % 20)
}

/// Which PropertyType a row has.
pub(crate) fn property_type(seed: u64, row: u32) -> &'static str {
    match lot(seed, row, 10) % 100 {
        0..80 => "Residential",
        80..90 => "Residential Lease",
        _ => "Land",
    }
}

/// Mixes a salt for a seed; no salt changes nothing.
fn mix_salt(salt: u64) -> u64 {
    if salt == 0 { 0 } else { mix(salt) }
}

/// A draw that belongs to a row.
pub(crate) fn lot(seed: u64, row: u32, what: u64) -> u64 {
    mix(mix(seed ^ what << 40) ^ u64::from(row))
}
