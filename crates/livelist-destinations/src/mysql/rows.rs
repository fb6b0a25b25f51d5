//! Writes rows: the values of each table as text, and the statements that write them, limited by bytes.

use std::collections::HashSet;
use std::ops::Range;

use livelist_records::{Cell, Change};
use mysql_async::Error;

use super::connect::Session;
use super::values::{key, literal, name, string, text};
use crate::row::Row;
use crate::sql::Table;

/// The own columns of the first table, in the order of the values.
const OWN: [&str; 6] = ["_key", "_version", "_hash", "_stamp", "_synced_at", "_rest"];

/// A stamp cut to the length of its column, which is only informational.
pub(super) fn cut(stamp: &str) -> &str {
    &stamp[..stamp.floor_char_boundary(255)]
}

/// The rows of one resource.
pub(super) struct Rows<'a> {
    table: &'a Table,
    keys: Vec<&'a str>,
    /// By table, then by row: `(…)`.
    values: Vec<Vec<Vec<u8>>>,
    /// By table: which of them it has.
    existing: Vec<HashSet<String>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(table: &'a Table) -> Rows<'a> {
        let parts = usize::from(table.parts());
        Rows {
            table,
            keys: Vec::new(),
            values: vec![Vec::new(); parts],
            existing: vec![HashSet::new(); parts],
        }
    }

    /// Adds a row. Gives how many bytes its longest statement has at least.
    pub(super) fn push(&mut self, change: &'a Change, row: &Row<'_>, now: &str) -> usize {
        let mut cells = row.cells.iter().collect::<Vec<_>>();
        cells.sort_unstable_by_key(|(at, _)| *at);
        self.keys.push(&change.place.key);
        let mut longest = 0;
        for nth in 1..=self.table.parts() {
            let mut out = format!("({}", key(&change.place.key)).into_bytes();
            if nth == 1 {
                out.push(b',');
                string(&change.place.key, &mut out);
                let hash = change.hash().unwrap_or_default().cast_signed();
                let stamp = text(change.stamp().map(cut));
                let own = format!(",{},{hash},{stamp},'{now}',", change.number);
                out.extend_from_slice(own.as_bytes());
                match &row.rest {
                    Some(rest) => string(rest, &mut out),
                    None => out.extend_from_slice(b"NULL"),
                }
            }
            for (at, _) in self.table.on(nth) {
                out.push(b',');
                match cells.binary_search_by_key(&at, |(at, _)| *at) {
                    Ok(found) => literal(&cells[found].1, &mut out),
                    Err(_) => literal(&Cell::Null, &mut out),
                }
            }
            out.push(b')');
            longest = longest.max(out.len());
            self.values[usize::from(nth - 1)].push(out);
        }
        longest
    }

    /// The keys.
    pub(super) fn keys(&self) -> &[&'a str] {
        &self.keys
    }

    /// Says which keys the `nth` table has.
    pub(super) fn exist(&mut self, nth: u16, keys: HashSet<String>) {
        self.existing[usize::from(nth - 1)] = keys;
    }

    /// Writes those rows. An existing row is updated by its primary key, whose conflict is checked first. A
    /// new row is inserted without an update clause, so another unique index of the owner refuses it, and
    /// no other row is overwritten.
    pub(super) async fn write(&self, on: &mut Session, range: Range<usize>) -> Result<(), Error> {
        for nth in 1..=self.table.parts() {
            let part = usize::from(nth - 1);
            let key_name = name(self.table.key());
            let own = OWN.iter().filter(|_| nth == 1).map(|own| name(own));
            let fields = self.table.on(nth).map(|(_, column)| name(&column.name));
            let columns: Vec<String> = own.chain(fields).collect();
            let names = [std::slice::from_ref(&key_name), &columns].concat();
            let insert = format!(
                "INSERT INTO {} ({}) VALUES ",
                name(&self.table.part(nth)),
                names.join(", ")
            );
            let mut sets: Vec<String> = columns
                .iter()
                .map(|column| format!("{column} = VALUES({column})"))
                .collect();
            sets.push(match nth {
                1 => "_deleted_at = NULL".to_owned(),
                _ => format!("{key_name} = VALUES({key_name})"),
            });
            let update = format!(" ON DUPLICATE KEY UPDATE {}", sets.join(", "));
            let (there, fresh): (Vec<usize>, Vec<usize>) = range
                .clone()
                .partition(|at| self.existing[part].contains(self.keys[*at]));
            self.statements(on, part, &insert, "", &fresh).await?;
            self.statements(on, part, &insert, &update, &there).await?;
        }
        Ok(())
    }

    async fn statements(
        &self,
        on: &mut Session,
        part: usize,
        insert: &str,
        behind: &str,
        rows: &[usize],
    ) -> Result<(), Error> {
        let cut = on.cut();
        let mut sql = Vec::new();
        for (nth, at) in rows.iter().enumerate() {
            let values = &self.values[part][*at];
            match sql.is_empty() {
                true => sql.extend_from_slice(insert.as_bytes()),
                false => sql.push(b','),
            }
            sql.extend_from_slice(values);
            let next = rows.get(nth + 1).map(|at| self.values[part][*at].len());
            if next.is_none_or(|next| sql.len() + next + behind.len() + 1 > cut) {
                sql.extend_from_slice(behind.as_bytes());
                on.run(&sql).await?;
                sql.clear();
            }
        }
        Ok(())
    }
}
