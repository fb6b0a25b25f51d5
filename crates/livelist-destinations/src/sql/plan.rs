//! Plans the effect of a batch on the rows of one resource, given their current state.

use std::collections::HashMap;

use livelist_records::{Change, Fields, Removal, What};

/// The state of a row before a change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before {
    /// The number of its change.
    pub(crate) version: u64,
    /// The hash of its record.
    pub(crate) hash: u64,
    /// Whether it is removed, and kept with a flag.
    pub(crate) is_deleted: bool,
}

/// The effect of a batch on the rows of one resource.
#[derive(Default)]
pub(crate) struct Plan<'a> {
    /// The content is the same: only the number moves.
    pub(crate) touched: Vec<&'a Change>,
    /// Rows to remove.
    pub(crate) removed: Vec<(&'a Change, &'a Removal)>,
    /// Removals of records without a row.
    pub(crate) absent: Vec<&'a Change>,
    /// Rows that are written.
    pub(crate) written: Vec<(&'a Change, Fields<'a>)>,
    /// Keys of written records that had no row.
    pub(crate) fresh: Vec<&'a str>,
    /// Records that cannot be read, with the reason.
    pub(crate) rejected: Vec<(&'a Change, String)>,
    /// Changes that the rows have already.
    pub(crate) unchanged: u64,
}

impl<'a> Plan<'a> {
    /// Compares the changes with the rows.
    pub(crate) fn of(changes: &[&'a Change], before: &HashMap<String, Before>) -> Plan<'a> {
        let mut plan = Plan::default();
        for change in changes.iter().copied() {
            let is = before.get(&change.place.key);
            if is.is_some_and(|is| is.version >= change.number) {
                plan.unchanged += 1;
                continue;
            }
            let live = is.filter(|is| !is.is_deleted);
            match &change.what {
                What::Removal(removal) if live.is_some() => plan.removed.push((change, removal)),
                What::Removal(_) => {
                    plan.absent.push(change);
                    plan.unchanged += 1;
                }
                What::Upsert { hash, .. } if live.is_some_and(|is| is.hash == *hash) => {
                    plan.touched.push(change);
                    plan.unchanged += 1;
                }
                What::Upsert { record: None, .. } => {}
                What::Upsert {
                    record: Some(record),
                    ..
                } => match Fields::read(record.get()) {
                    Ok(fields) => {
                        if is.is_none() {
                            plan.fresh.push(&change.place.key);
                        }
                        plan.written.push((change, fields));
                    }
                    Err(error) => plan.rejected.push((change, error.to_string())),
                },
            }
        }
        plan
    }

    /// Rejects the changes for which `is_refused` holds.
    pub(crate) fn reject(&mut self, reason: &str, is_refused: impl Fn(&Change) -> bool) {
        let (refused, written) = std::mem::take(&mut self.written)
            .into_iter()
            .partition(|(change, _)| is_refused(change));
        self.written = written;
        let refused: Vec<(&Change, Fields<'_>)> = refused;
        for (change, _) in refused {
            self.fresh.retain(|key| *key != change.place.key);
            self.rejected.push((change, reason.to_owned()));
        }
    }

    /// Keys of records that are as the log has them once the plan is carried out.
    pub(crate) fn settled(&self) -> impl Iterator<Item = &'a str> {
        let written = self.written.iter().map(|(change, _)| *change);
        let removed = self.removed.iter().map(|(change, _)| *change);
        let absent = self.absent.iter().copied();
        let changes = written.chain(removed).chain(absent);
        let keys: Vec<&str> = changes.map(|change| change.place.key.as_str()).collect();
        keys.into_iter()
    }
}
