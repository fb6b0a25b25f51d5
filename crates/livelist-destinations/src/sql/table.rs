//! The tables of a resource. A server limits the size of a row to a page, so a wide record is split over
//! several tables (`Property__1`, `Property__2`, …), and one view has the resource's name.

use livelist_records::columns::{Budget, Column, Columns};
use livelist_records::{Kind, Schema};

use crate::options::{Options, Wanted};

/// The longest name of a resource's tables without what stands behind it, in bytes.
const MAX_BASE: usize = 50;

/// The tables of one resource.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The name of the view.
    pub(crate) base: String,
    /// The columns of the fields; the first is the key's, which every table has.
    pub(crate) columns: Columns,
}

impl Table {
    /// The name of a resource's view; nothing where it is too long for a database.
    pub(crate) fn base(options: &Options, resource: &str) -> Option<String> {
        let base = format!("{}{}", options.prefix, options.names.of(resource));
        (!resource.is_empty() && base.len() <= MAX_BASE).then_some(base)
    }

    /// The tables of a resource that has none yet.
    pub(crate) fn new(base: String, schema: &Schema, options: &Options) -> Table {
        let key = schema.key.first().map_or("Key", String::as_str);
        let mut columns = Columns::default();
        columns.wanted(key, Kind::Text, options.names, Budget::PAGE);
        Table { base, columns }
    }

    /// How many tables there are.
    pub(crate) fn parts(&self) -> u16 {
        let tables = self.columns.all().iter().map(|column| column.table);
        tables.max().unwrap_or(1)
    }

    /// The name of the `nth` table, from 1.
    pub(crate) fn part(&self, nth: u16) -> String {
        format!("{}__{nth}", self.base)
    }

    /// The names of all tables.
    pub(crate) fn all_parts(&self) -> Vec<String> {
        (1..=self.parts()).map(|nth| self.part(nth)).collect()
    }

    /// The name of a table or view beside the view.
    pub(crate) fn beside(&self, what: &str) -> String {
        format!("{}_{what}", self.base)
    }

    /// The key's column.
    pub(crate) fn key(&self) -> &str {
        let key = self.columns.all().first();
        key.map_or("", |column| column.name.as_str())
    }

    /// The fields' columns without the key's, with their places.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.all().iter().enumerate().skip(1)
    }

    /// The fields' columns of the `nth` table, with their places.
    pub(crate) fn on(&self, nth: u16) -> impl Iterator<Item = (usize, &Column)> {
        self.fields().filter(move |(_, column)| column.table == nth)
    }

    /// Fields of the schema that get a column before a value arrives, and have none yet.
    pub(crate) fn configured(&self, schema: &Schema, options: &Options) -> Vec<(String, Kind)> {
        let fields = schema.fields.iter().filter(|field| {
            let is_wanted = match &options.columns {
                Wanted::Seen => false,
                Wanted::All => true,
                Wanted::Only(fields) => fields.contains(&field.name),
            };
            is_wanted && self.columns.get(&field.name, field.kind).is_none()
        });
        fields
            .map(|field| (field.name.clone(), field.kind))
            .collect()
    }
}
