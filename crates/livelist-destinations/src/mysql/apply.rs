//! Applying a batch in a transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use livelist_records::columns::{Budget, Columns};
use livelist_records::{Change, Removal, Schema};

use super::children::{self, Brood};
use super::connect::Session;
use super::error::{Fault, is_of_a_row, text};
use super::history::{self, Step};
use super::rows::{Rows, cut};
use super::values::{holds, instant, key as literal, name, text as quoted};
use super::{catalog, read, state};
use crate::children::sets;
use crate::destination::{Batch, LogId, Position, Written};
use crate::options::{Options, Removed};
use crate::row::Mapping;
use crate::sql::{Halves, Missing, Plan, Table, Whose};

/// The longest key, in bytes.
const MAX_KEY: usize = 512;

/// The result of a batch.
pub(super) enum Outcome {
    /// It is applied; the transaction can be committed.
    Done(Written),
    /// Tables need columns first. Nothing was written.
    Columns(Whose, Missing),
}

/// A batch on its way.
pub(super) struct Applying<'a> {
    /// The session, in a transaction.
    pub(super) on: &'a mut Session,
    /// How the destination keeps its copy.
    pub(super) options: &'a Options,
    /// The schemas that were prepared.
    pub(super) schemas: &'a BTreeMap<String, Schema>,
    /// The log.
    pub(super) log: &'a LogId,
    /// Tables that cannot be altered now: values without a column wait in `_rest`.
    pub(super) waiting: &'a BTreeSet<Whose>,
    /// The time of the write.
    pub(super) now: String,
    /// What was done.
    pub(super) written: Written,
}

/// The effect of a batch on one resource.
struct Work<'a> {
    resource: &'a str,
    schema: &'a Schema,
    table: Table,
    /// The tables of its expansions, in the order of the schema.
    children: Vec<Table>,
    plan: Plan<'a>,
}

impl<'a> Applying<'a> {
    /// Applies a batch and moves the position, if it is `from`.
    pub(super) async fn write(
        mut self,
        from: Option<&Position>,
        batch: &'a Batch,
    ) -> Result<Outcome, Fault> {
        let config = self.options.print();
        state::lock(self.on, self.log).await?;
        let is = state::position(self.on, self.log, &config, true).await?;
        if is.as_ref() != from {
            return Err(Fault::Moved);
        }
        let (of, older) = batch.by_resource();
        self.written.unchanged += older;
        let mut works = Vec::with_capacity(of.len());
        for (resource, changes) in of {
            let work = self.plan(resource, &changes, is.is_none()).await?;
            for (whose, table, wanted) in self.wanted(&work) {
                if wanted.is_empty() {
                    continue;
                }
                if !self.waiting.contains(&whose) {
                    return Ok(Outcome::Columns(whose, wanted));
                }
                catalog::wait(self.on, self.options, table, &wanted).await?;
            }
            works.push(work);
        }
        if is.is_none() {
            state::forget(self.on, self.options, self.log).await?;
        }
        for work in &works {
            catalog::note_log(self.on, self.options, &work.table, &self.log.replication).await?;
            self.resource(work).await?;
        }
        for (change, reason) in &batch.refused {
            let place = &change.place;
            self.reject(&place.resource, &place.key, change.number, reason)
                .await?;
            self.written.rejected += 1;
        }
        state::advance(self.on, self.log, batch, &config).await?;
        Ok(Outcome::Done(self.written))
    }

    async fn plan(
        &mut self,
        resource: &'a str,
        changes: &[&'a Change],
        is_anew: bool,
    ) -> Result<Work<'a>, Fault> {
        let whose = Whose::of(resource);
        let lost = |whose: &Whose| Fault::Altered(format!("it has no table for {}", whose.shown()));
        let found = catalog::find(self.on, self.options, &whose).await?;
        let (Some(table), Some(schema)) = (found, self.schemas.get(resource)) else {
            return Err(lost(&whose));
        };
        let mut children = Vec::with_capacity(schema.children.len());
        for child in &schema.children {
            let whose = whose.child(&child.resource);
            let found = catalog::find(self.on, self.options, &whose).await?;
            children.push(found.ok_or_else(|| lost(&whose))?);
        }
        let keys: Vec<&str> = changes.iter().map(|c| c.place.key.as_str()).collect();
        let mut before = read::before(self.on, &table, &keys).await?;
        if is_anew {
            // As they will be once they are forgotten.
            for before in before.values_mut() {
                (before.version, before.hash) = (0, 0);
            }
        }
        let mut plan = Plan::of(changes, &before);
        plan.reject("its key is longer than 512 bytes", |change| {
            change.place.key.len() > MAX_KEY
        });
        Ok(Work {
            resource,
            schema,
            table,
            children,
            plan,
        })
    }

    fn mapping<'s>(&self, work: &Work<'s>) -> Mapping<'s>
    where
        'a: 's,
    {
        let derives = self.options.derives(work.resource);
        Mapping::new(work.schema, self.options, holds, Budget::PAGE).deriving(derives)
    }

    /// Fields that need a column and have none.
    fn wanted<'w>(&self, work: &'w Work<'_>) -> Vec<(Whose, &'w Table, Missing)> {
        let mapping = self.mapping(work);
        let mut columns = work.table.columns.clone();
        for (_, fields) in &work.plan.written {
            mapping.wanted(&mut columns, std::slice::from_ref(fields));
        }
        let whose = Whose::of(work.resource);
        let mut wanted = vec![(whose.clone(), &work.table, new(&columns, &work.table))];
        let options = self.options;
        let mut grown: Vec<Columns> = work.children.iter().map(|t| t.columns.clone()).collect();
        for (_, fields) in &work.plan.written {
            for set in sets(work.schema, fields, |name| options.columns.stores(name)) {
                let mapping = children::mapping(options, work.schema, set.nth);
                for child in &set.children.rows {
                    mapping.wanted(&mut grown[set.nth], std::slice::from_ref(&child.fields));
                }
            }
        }
        for ((child, table), columns) in work.schema.children.iter().zip(&work.children).zip(&grown)
        {
            wanted.push((whose.child(&child.resource), table, new(columns, table)));
        }
        wanted
    }

    async fn resource(&mut self, work: &Work<'_>) -> Result<(), Fault> {
        self.written.unchanged += work.plan.unchanged;
        self.touch(work).await?;
        let mut rejected: HashMap<&str, (u64, String)> = HashMap::new();
        for (change, reason) in &work.plan.rejected {
            rejected.insert(&change.place.key, (change.number, reason.clone()));
        }
        for (change, reason) in self.remove(work).await? {
            rejected.insert(&change.place.key, (change.number, reason));
        }
        for (change, reason) in self.upsert(work).await? {
            rejected.insert(&change.place.key, (change.number, reason));
        }
        self.written.rejected += rejected.len() as u64;
        let done = work.plan.settled();
        let done: Vec<&str> = done.filter(|key| !rejected.contains_key(*key)).collect();
        self.accept(work.resource, &done).await?;
        for (key, (number, reason)) in rejected {
            self.reject(work.resource, key, number, &reason).await?;
        }
        Ok(())
    }

    /// The content is the same: only the number moves.
    async fn touch(&mut self, work: &Work<'_>) -> Result<(), Fault> {
        let key = name(work.table.key());
        for touched in work.plan.touched.chunks(200) {
            let news: Vec<String> = touched
                .iter()
                .map(|change| {
                    let key = literal(&change.place.key);
                    format!(
                        "SELECT {key} AS k, {} AS v, {} AS s",
                        change.number,
                        quoted(change.stamp().map(cut))
                    )
                })
                .collect();
            let sql = format!(
                "UPDATE {} t JOIN ({}) n ON t.{key} = n.k SET t._version = n.v, t._stamp = n.s",
                name(&work.table.part(1)),
                news.join(" UNION ALL ")
            );
            match self.on.run(sql).await {
                // An owner's trigger that refuses this does no harm: only the number is missing.
                Err(error) if is_of_a_row(&error) => {}
                done => {
                    done?;
                }
            }
        }
        Ok(())
    }

    /// Removes rows; gives those whose removal the owner's rules refuse.
    async fn remove<'w>(&mut self, work: &Work<'w>) -> Result<Vec<(&'w Change, String)>, Fault> {
        let removed = &work.plan.removed;
        let mut refused = Vec::new();
        if removed.is_empty() {
            return Ok(refused);
        }
        let keys: Vec<&str> = removed.iter().map(|(c, _)| c.place.key.as_str()).collect();
        let mut objects = HashMap::new();
        if self.options.removed == Removed::Table {
            objects = read::objects(self.on, &work.table, &keys).await?;
            for (child, table) in work.schema.children.iter().zip(&work.children) {
                children::add_to(&mut objects, self.on, child, table, &keys).await?;
            }
        }
        let mut halves = Halves::of(removed.len());
        while let Some(range) = halves.next() {
            self.on.run("SAVEPOINT livelist").await?;
            let rows = &removed[range.clone()];
            match self.remove_all(work, rows, &objects).await {
                Ok(()) => self.written.removals += range.len() as u64,
                Err(error) if is_of_a_row(&error) => {
                    self.on.run("ROLLBACK TO SAVEPOINT livelist").await?;
                    let one = halves.split(range);
                    refused.extend(one.map(|at| (removed[at].0, text(&error))));
                }
                Err(error) => return Err(error.into()),
            }
            self.on.run("RELEASE SAVEPOINT livelist").await?;
        }
        Ok(refused)
    }

    async fn remove_all(
        &mut self,
        work: &Work<'_>,
        removed: &[(&Change, &Removal)],
        objects: &HashMap<String, String>,
    ) -> Result<(), mysql_async::Error> {
        let key = name(work.table.key());
        match self.options.removed {
            Removed::Delete => {}
            Removed::Flag => {
                for (change, removal) in removed {
                    let sql = format!(
                        "UPDATE {} SET _deleted_at = '{}', _version = {}, _synced_at = '{}'
                         WHERE {key} = {}",
                        name(&work.table.part(1)),
                        instant(removal.at),
                        change.number,
                        self.now,
                        literal(&change.place.key)
                    );
                    self.on.run(sql).await?;
                }
                return Ok(());
            }
            Removed::Table => {
                for (change, removal) in removed {
                    let sql = format!(
                        "REPLACE INTO {} (`key`, number, at, reason, proof, record)
                         VALUES ({}, {}, '{}', '{}', {}, {})",
                        name(&work.table.beside("removed")),
                        quoted(Some(&change.place.key)),
                        change.number,
                        instant(removal.at),
                        removal.reason.as_str(),
                        quoted(Some(&removal.proof)),
                        quoted(objects.get(&change.place.key).map(String::as_str))
                    );
                    self.on.run(sql).await?;
                }
            }
        }
        let keys: Vec<&str> = removed.iter().map(|(c, _)| c.place.key.as_str()).collect();
        children::clear(self.on, &work.children, &keys).await?;
        for part in work.table.all_parts() {
            for keys in keys.chunks(read::KEYS) {
                let sql = format!(
                    "DELETE FROM {} WHERE {key} IN ({})",
                    name(&part),
                    read::list(keys)
                );
                self.on.run(sql).await?;
            }
        }
        Ok(())
    }

    /// Writes rows; gives those that the owner's rules refuse.
    async fn upsert<'w>(&mut self, work: &Work<'w>) -> Result<Vec<(&'w Change, String)>, Fault> {
        let mut refused = Vec::new();
        let mapping = self.mapping(work);
        let mut rows = Rows::new(&work.table);
        let mut brood = Brood::new(self.options, work.schema, &work.children);
        let (mut changes, mut overflow, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        let (mut steps, mut fits) = (Vec::new(), Vec::new());
        for (change, fields) in &work.plan.written {
            let row = mapping.row(&work.table.columns, fields);
            let own = brood.push(&change.place.key, fields);
            let bytes = rows.push(change, &row, &self.now).max(own.longest);
            steps.push(history::tracked(
                self.options,
                work.schema,
                &work.table,
                &row,
            ));
            overflow.push(row.overflow + own.overflow);
            repeated.push(own.repeated);
            changes.push(*change);
            // The names of 900 columns, twice, stand beside it.
            fits.push(bytes + 200_000 < self.on.packet);
            if !fits[fits.len() - 1] {
                let packet = self.on.packet;
                let reason = format!("it needs {bytes} bytes; max_allowed_packet is {packet}");
                refused.push((*change, reason));
            }
        }
        for nth in 1..=work.table.parts() {
            let keys = rows.keys().to_vec();
            rows.exist(nth, read::existing(self.on, &work.table, nth, &keys).await?);
        }
        let steps: Vec<Vec<Step>> = history::steps(
            self.on,
            self.options,
            work.schema,
            &work.table,
            &changes,
            steps,
        )
        .await?;
        let mut halves = Halves::of(changes.len());
        while let Some(range) = halves.next() {
            if !fits[range.clone()].iter().all(|fits| *fits) {
                halves.split(range);
                continue;
            }
            self.on.run("SAVEPOINT livelist").await?;
            let tried = async {
                history::note(self.on, &work.table, &steps[range.clone()], &self.now).await?;
                rows.write(self.on, range.clone()).await?;
                brood.replace(self.on, range.clone()).await
            };
            match tried.await {
                Ok(()) => {
                    self.written.upserts += range.len() as u64;
                    self.written.repeated += repeated[range.clone()].iter().sum::<u64>();
                    self.written.overflow += overflow[range].iter().sum::<u64>();
                }
                Err(error) if is_of_a_row(&error) => {
                    self.on.run("ROLLBACK TO SAVEPOINT livelist").await?;
                    let one = halves.split(range);
                    refused.extend(one.map(|at| (changes[at], text(&error))));
                }
                Err(error) => return Err(error.into()),
            }
            self.on.run("RELEASE SAVEPOINT livelist").await?;
        }
        self.returned(work, &refused).await?;
        Ok(refused)
    }

    /// Records that were removed are there again.
    async fn returned(
        &mut self,
        work: &Work<'_>,
        refused: &[(&Change, String)],
    ) -> Result<(), Fault> {
        let refused: HashSet<&str> = refused.iter().map(|(c, _)| c.place.key.as_str()).collect();
        let fresh = work.plan.fresh.iter().copied();
        let fresh: Vec<&str> = fresh.filter(|key| !refused.contains(key)).collect();
        if self.options.removed != Removed::Table {
            return Ok(());
        }
        for keys in fresh.chunks(read::KEYS) {
            let keys: Vec<String> = keys.iter().map(|key| quoted(Some(key))).collect();
            let sql = format!(
                "UPDATE {} SET returned_at = '{}' WHERE `key` IN ({}) AND returned_at IS NULL",
                name(&work.table.beside("removed")),
                self.now,
                keys.join(", ")
            );
            self.on.run(sql).await?;
        }
        Ok(())
    }

    /// Records that were rejected before are there now, or gone.
    async fn accept(&mut self, resource: &str, keys: &[&str]) -> Result<(), Fault> {
        for keys in keys.chunks(read::KEYS) {
            let sql = format!(
                "DELETE FROM _livelist_rejects WHERE log = {} AND resource = {} AND `key` IN ({})",
                quoted(Some(&self.log.replication)),
                quoted(Some(resource)),
                read::list(keys)
            );
            self.on.run(sql).await?;
        }
        Ok(())
    }

    async fn reject(
        &mut self,
        resource: &str,
        key: &str,
        number: u64,
        reason: &str,
    ) -> Result<(), Fault> {
        let key = &key[..key.floor_char_boundary(1_000)];
        let sql = format!(
            "INSERT INTO _livelist_rejects
                 (log, resource, `key`, number, reason, first_at, last_at, times)
             VALUES ({}, {}, {}, {number}, {}, '{now}', '{now}', 1)
             ON DUPLICATE KEY UPDATE number = VALUES(number), reason = VALUES(reason),
                 last_at = VALUES(last_at), times = times + 1",
            quoted(Some(&self.log.replication)),
            quoted(Some(resource)),
            literal(key),
            quoted(Some(reason)),
            now = self.now,
        );
        self.on.run(sql).await?;
        Ok(())
    }
}

/// The columns that a table has not.
fn new(columns: &Columns, table: &Table) -> Missing {
    let new = columns.all().iter().skip(table.columns.all().len());
    new.map(|column| (column.field.clone(), column.kind))
        .collect()
}
