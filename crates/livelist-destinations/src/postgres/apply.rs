//! Applying a batch in a transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use livelist_records::columns::{Budget, Columns};
use livelist_records::{Change, Removal, Schema};
use tokio_postgres::Transaction;
use tokio_postgres::types::{ToSql, Type};

use super::children::{self, Brood};
use super::connect::quote;
use super::error::{Fault, is_of_a_row, text};
use super::layout::Place;
use super::stage::Stage;
use super::values::{holds, instant};
use super::{catalog, read, state, views};
use crate::children::sets;
use crate::destination::{Batch, LogId, Position, Written};
use crate::options::Removed;
use crate::row::Mapping;
use crate::sql::{Halves, Missing, Plan, Table, Whose};

/// Parameters of a statement.
pub(super) type Params<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

/// The result of a batch.
pub(super) enum Outcome {
    /// It is applied; the transaction can be committed.
    Done(Written),
    /// Tables need columns first. Nothing was written.
    Columns(Whose, Missing),
}

/// A batch on its way.
pub(super) struct Applying<'a> {
    /// The transaction.
    pub(super) on: &'a Transaction<'a>,
    /// The place of the tables.
    pub(super) place: Place<'a>,
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
        let config = self.place.options.print();
        state::lock(self.on, self.place.schema, self.log).await?;
        let is = state::position(self.on, self.place.schema, self.log, &config, true).await?;
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
                catalog::wait(self.on, self.place, table, &wanted).await?;
            }
            works.push(work);
        }
        if is.is_none() {
            state::forget(self.on, self.place, self.log).await?;
        }
        for work in &works {
            self.note_log(&work.table).await?;
            self.resource(work).await?;
        }
        for (change, reason) in &batch.refused {
            let place = &change.place;
            self.reject(&place.resource, &place.key, change.number, reason)
                .await?;
            self.written.rejected += 1;
        }
        state::advance(self.on, self.place.schema, self.log, batch, &config).await?;
        Ok(Outcome::Done(self.written))
    }

    async fn plan(
        &self,
        resource: &'a str,
        changes: &[&'a Change],
        is_anew: bool,
    ) -> Result<Work<'a>, Fault> {
        let whose = Whose::of(resource);
        let lost = |whose: &Whose| Fault::Altered(format!("it has no table for {}", whose.shown()));
        let found = self.place.find(self.on, &whose).await?;
        let (Some(table), Some(schema)) = (found, self.schemas.get(resource)) else {
            return Err(lost(&whose));
        };
        let mut children = Vec::with_capacity(schema.children.len());
        for child in &schema.children {
            let whose = whose.child(&child.resource);
            let found = self.place.find(self.on, &whose).await?;
            children.push(found.ok_or_else(|| lost(&whose))?);
        }
        let keys = changes.iter().map(|change| change.place.key.as_str());
        let keys: Vec<&str> = keys.filter(|key| !key.contains('\0')).collect();
        let mut before = read::before(self.on, self.place, &table, &keys).await?;
        if is_anew {
            // As they will be once they are forgotten.
            for before in before.values_mut() {
                (before.version, before.hash) = (0, 0);
            }
        }
        let mut plan = Plan::of(changes, &before);
        plan.reject("its key holds U+0000", |change| {
            change.place.key.contains('\0')
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
        let derives = self.place.options.derives(work.resource);
        Mapping::new(work.schema, self.place.options, holds, Budget::PAGE).deriving(derives)
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
        let options = self.place.options;
        let mut grown: Vec<Columns> = work.children.iter().map(|t| t.columns.clone()).collect();
        for (_, fields) in &work.plan.written {
            for set in sets(work.schema, fields, |name| options.columns.stores(name)) {
                let mapping = children::mapping(self.place, work.schema, set.nth);
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

    /// Says which log a table belongs to.
    async fn note_log(&self, table: &Table) -> Result<(), Fault> {
        let sql = format!(
            "UPDATE {} SET log = $1 WHERE name = $2 AND log IS DISTINCT FROM $1",
            self.place.own("tables")
        );
        let params: Params<'_> = &[
            (&self.log.replication, Type::TEXT),
            (&self.place.options.noted(&table.base), Type::TEXT),
        ];
        self.on.execute_typed(&sql, params).await?;
        Ok(())
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
    async fn touch(&self, work: &Work<'_>) -> Result<(), Fault> {
        let touched = &work.plan.touched;
        if touched.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = touched.iter().map(|c| c.place.key.as_str()).collect();
        let numbers: Vec<i64> = touched.iter().map(|c| c.number.cast_signed()).collect();
        let stamps: Vec<Option<String>> = touched.iter().map(|c| c.stamp().map(plain)).collect();
        let sql = format!(
            "UPDATE {} t SET _version = n.version, _stamp = n.stamp
             FROM unnest($1, $2, $3) n (key, version, stamp) WHERE t.{} = n.key",
            self.place.of(&work.table.part(1)),
            quote(work.table.key())
        );
        let params: Params<'_> = &[
            (&keys, Type::TEXT_ARRAY),
            (&numbers, Type::INT8_ARRAY),
            (&stamps, Type::TEXT_ARRAY),
        ];
        // An owner's trigger that refuses this does no harm: only the number is missing.
        self.on.batch_execute("SAVEPOINT livelist").await?;
        match self.on.execute_typed(&sql, params).await {
            Err(error) if is_of_a_row(&error) => {
                self.on
                    .batch_execute("ROLLBACK TO SAVEPOINT livelist")
                    .await?;
            }
            done => {
                done?;
            }
        }
        self.on.batch_execute("RELEASE SAVEPOINT livelist").await?;
        Ok(())
    }

    /// Removes rows; gives those whose removal the owner's rules refuse.
    async fn remove<'w>(&mut self, work: &Work<'w>) -> Result<Vec<(&'w Change, String)>, Fault> {
        let removed = &work.plan.removed;
        let mut refused = Vec::new();
        let mut halves = Halves::of(removed.len());
        while let Some(range) = halves.next() {
            self.on.batch_execute("SAVEPOINT livelist").await?;
            match self.remove_all(work, &removed[range.clone()]).await {
                Ok(()) => self.written.removals += range.len() as u64,
                Err(error) if is_of_a_row(&error) => {
                    let sql = "ROLLBACK TO SAVEPOINT livelist";
                    self.on.batch_execute(sql).await?;
                    let one = halves.split(range);
                    refused.extend(one.map(|at| (removed[at].0, text(&error))));
                }
                Err(error) => return Err(error.into()),
            }
            self.on.batch_execute("RELEASE SAVEPOINT livelist").await?;
        }
        Ok(refused)
    }

    async fn remove_all(
        &self,
        work: &Work<'_>,
        removed: &[(&Change, &Removal)],
    ) -> Result<(), tokio_postgres::Error> {
        let key = quote(work.table.key());
        let keys: Vec<&str> = removed.iter().map(|(c, _)| c.place.key.as_str()).collect();
        let numbers: Vec<i64> = removed
            .iter()
            .map(|(c, _)| c.number.cast_signed())
            .collect();
        let ats: Vec<String> = removed.iter().map(|(_, r)| instant(r.at)).collect();
        let reasons: Vec<&str> = removed.iter().map(|(_, r)| r.reason.as_str()).collect();
        let proofs: Vec<String> = removed.iter().map(|(_, r)| plain(&r.proof)).collect();
        match self.place.options.removed {
            Removed::Delete => {}
            Removed::Flag => {
                let sql = format!(
                    "UPDATE {} t SET _deleted_at = n.at::timestamptz, _version = n.number,
                         _synced_at = $4::timestamptz
                     FROM unnest($1, $2, $3) n (key, number, at) WHERE t.{key} = n.key",
                    self.place.of(&work.table.part(1))
                );
                let params: Params<'_> = &[
                    (&keys, Type::TEXT_ARRAY),
                    (&numbers, Type::INT8_ARRAY),
                    (&ats, Type::TEXT_ARRAY),
                    (&self.now, Type::TEXT),
                ];
                self.on.execute_typed(&sql, params).await?;
                return Ok(());
            }
            Removed::Table => {
                let mut columns = vec![format!("t1.{key}"), "t1._rest".to_owned()];
                columns.extend(views::fields(&work.table));
                let sql = format!(
                    "INSERT INTO {} (key, number, at, reason, proof, record)
                     SELECT n.key, n.number, n.at::timestamptz, n.reason, n.proof,
                         (SELECT jsonb_strip_nulls(to_jsonb(r)) FROM
                             (SELECT {} FROM {} WHERE t1.{key} = n.key) r){}
                     FROM unnest($1, $2, $3, $4, $5) n (key, number, at, reason, proof)
                     ON CONFLICT (key, number) DO UPDATE SET at = excluded.at,
                         reason = excluded.reason, proof = excluded.proof,
                         record = excluded.record, returned_at = NULL",
                    self.place.of(&work.table.beside("removed")),
                    columns.join(", "),
                    views::joined(self.place, &work.table),
                    children::as_json(self.place, work.schema, &work.children, "n.key")
                );
                let params: Params<'_> = &[
                    (&keys, Type::TEXT_ARRAY),
                    (&numbers, Type::INT8_ARRAY),
                    (&ats, Type::TEXT_ARRAY),
                    (&reasons, Type::TEXT_ARRAY),
                    (&proofs, Type::TEXT_ARRAY),
                ];
                self.on.execute_typed(&sql, params).await?;
            }
        }
        children::clear(self.on, self.place, &work.children, &keys).await?;
        for part in work.table.all_parts() {
            let sql = format!("DELETE FROM {} WHERE {key} = ANY($1)", self.place.of(&part));
            self.on
                .execute_typed(&sql, &[(&keys, Type::TEXT_ARRAY)])
                .await?;
        }
        Ok(())
    }

    /// Writes rows; gives those that the owner's rules refuse.
    async fn upsert<'w>(&mut self, work: &Work<'w>) -> Result<Vec<(&'w Change, String)>, Fault> {
        let mut refused = Vec::new();
        if work.plan.written.is_empty() {
            return Ok(refused);
        }
        let mapping = self.mapping(work);
        let mut stage = Stage::new(self.place, &work.table, work.schema);
        let mut brood = Brood::new(self.place, work.schema, &work.children);
        let mut overflow = Vec::with_capacity(work.plan.written.len());
        let mut repeated = Vec::with_capacity(work.plan.written.len());
        for (change, fields) in &work.plan.written {
            let row = mapping.row(&work.table.columns, fields);
            stage.push(change, &row, &self.now);
            let (more, again) = brood.push(&change.place.key, fields);
            overflow.push(row.overflow + more);
            repeated.push(again);
        }
        stage.create(self.on).await?;
        let mut halves = Halves::of(overflow.len());
        while let Some(range) = halves.next() {
            self.on.batch_execute("SAVEPOINT livelist").await?;
            let tried = async {
                stage.merge(self.on, range.clone(), &self.now).await?;
                brood.replace(self.on, range.clone()).await
            };
            match tried.await {
                Ok(()) => {
                    self.written.upserts += range.len() as u64;
                    self.written.repeated += repeated[range.clone()].iter().sum::<u64>();
                    self.written.overflow += overflow[range].iter().sum::<u64>();
                    if halves.is_under_way() {
                        stage.clear(self.on).await?;
                    }
                }
                Err(error) if is_of_a_row(&error) => {
                    let sql = "ROLLBACK TO SAVEPOINT livelist";
                    self.on.batch_execute(sql).await?;
                    let one = halves.split(range);
                    refused.extend(one.map(|at| (work.plan.written[at].0, text(&error))));
                }
                Err(error) => return Err(error.into()),
            }
            self.on.batch_execute("RELEASE SAVEPOINT livelist").await?;
        }
        stage.drop(self.on).await?;
        if self.place.options.removed == Removed::Table && !work.plan.fresh.is_empty() {
            let sql = format!(
                "UPDATE {} SET returned_at = $2::timestamptz
                 WHERE key = ANY($1) AND returned_at IS NULL
                   AND EXISTS (SELECT 1 FROM {} t WHERE t.{} = key)",
                self.place.of(&work.table.beside("removed")),
                self.place.of(&work.table.part(1)),
                quote(work.table.key())
            );
            let fresh = &work.plan.fresh;
            self.on
                .execute_typed(&sql, &[(fresh, Type::TEXT_ARRAY), (&self.now, Type::TEXT)])
                .await?;
        }
        Ok(refused)
    }
}

/// The columns that a table has not.
fn new(columns: &Columns, table: &Table) -> Missing {
    let new = columns.all().iter().skip(table.columns.all().len());
    new.map(|column| (column.field.clone(), column.kind))
        .collect()
}

/// A text that PostgreSQL takes: without U+0000.
pub(super) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
