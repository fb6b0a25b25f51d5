//! Where a copy has which field, and what comes next.

#![cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    allow(dead_code, reason = "databases use it, and there is none")
)]

use livelist_records::columns::{Budget, Column, Columns};
use livelist_records::{Kind, Schema};

use crate::options::{Options, Wanted};

/// The tables of a resource's copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What users query: a table in SQLite, a view elsewhere.
    pub name: String,
    /// The columns that there are, in the order in which they were made; the first is the key's.
    pub columns: Vec<ColumnPlace>,
    /// The columns that the next pass makes: those that are configured, and those that somebody dropped.
    pub next: Vec<ColumnPlace>,
    /// Fields of the metadata that get their columns with their first values. In which table that is is
    /// decided then.
    pub unseen: Vec<ColumnPlace>,
}

/// Where a field is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPlace {
    /// The field, as the provider spells it.
    pub field: String,
    /// The column.
    pub column: String,
    /// Its type, in the database's words.
    pub of: &'static str,
    /// The table that it is in.
    pub table: String,
}

/// How a database lays out.
pub(crate) struct Form<'a> {
    pub(crate) name: String,
    pub(crate) options: &'a Options,
    pub(crate) budget: Budget,
    pub(crate) table: &'a dyn Fn(u16) -> String,
    pub(crate) of: fn(Kind) -> &'static str,
    /// Whether a table has a column.
    pub(crate) has: &'a dyn Fn(&str, &str) -> bool,
}

impl Form<'_> {
    /// The layout of these columns, which are written down, or of a copy that is not there yet.
    pub(crate) fn layout(self, known: Columns, schema: &Schema) -> Layout {
        let place = |column: &Column| ColumnPlace {
            field: column.field.clone(),
            column: column.name.clone(),
            of: (self.of)(column.kind),
            table: (self.table)(column.table),
        };
        let (columns, mut next): (Vec<ColumnPlace>, Vec<ColumnPlace>) = known
            .all()
            .iter()
            .map(place)
            .partition(|of| (self.has)(&of.table, &of.column));
        let mut later = known;
        let before = later.all().len();
        let mut configured = Vec::new();
        for field in &schema.fields {
            if later.get(&field.name, field.kind).is_some() {
                continue;
            }
            let is_next = match &self.options.columns {
                Wanted::Seen => false,
                Wanted::All => true,
                Wanted::Only(fields) if fields.contains(&field.name) => true,
                Wanted::Only(_) => continue,
            };
            later.wanted(&field.name, field.kind, self.options.names, self.budget);
            configured.push(is_next);
        }
        let mut unseen = Vec::new();
        for (column, is_next) in later.all().iter().skip(before).zip(configured) {
            match is_next {
                true => next.push(place(column)),
                false => unseen.push(place(column)),
            }
        }
        Layout {
            name: self.name,
            columns,
            next,
            unseen,
        }
    }
}

/// What a database is, and what would keep it from being a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Which database, and its version.
    pub version: String,
    /// What is wrong, or good to know.
    pub findings: Vec<Finding>,
}

/// Something about a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether passes fail, or records are rejected, because of it.
    pub is_fault: bool,
    /// What is so.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Checked {
    /// A database in which nothing is wrong yet.
    pub(crate) fn of(version: String) -> Checked {
        Checked {
            version,
            findings: Vec::new(),
        }
    }

    /// Something that has to be mended.
    pub(crate) fn fault(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.findings.push(Finding {
            is_fault: true,
            what: what.into(),
            remedy: remedy.into(),
        });
    }

    /// Something that is good to know.
    pub(crate) fn note(&mut self, what: impl Into<String>, remedy: impl Into<String>) {
        self.findings.push(Finding {
            is_fault: false,
            what: what.into(),
            remedy: remedy.into(),
        });
    }
}
