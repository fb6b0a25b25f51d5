//! The tables of a resource. A server limits the size of a row to a page, so a wide record is split over
//! several tables (`Property__1`, `Property__2`, …), and one view has the resource's name.

use livelist_records::columns::{Budget, Column, Columns};
use livelist_records::{Kind, Schema};

use crate::options::{Options, Wanted, first_columns};
use crate::sql::{CHILD, PARENT, PARENT_FIELD};

/// The longest name of a resource's tables without what stands behind it, in bytes.
const MAX_BASE: usize = 50;

/// Fields that need a column, with what they hold.
pub(crate) type Missing = Vec<(String, Kind)>;

/// Whose tables: a resource's, or those of an expansion of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whose {
    /// The resource.
    pub(crate) resource: String,
    /// The expansion.
    pub(crate) child: Option<String>,
}

impl Whose {
    /// A resource's.
    pub(crate) fn of(resource: &str) -> Whose {
        Whose {
            resource: resource.to_owned(),
            child: None,
        }
    }

    /// Those of an expansion of the resource.
    pub(crate) fn child(&self, name: &str) -> Whose {
        Whose {
            child: Some(name.to_owned()),
            ..self.clone()
        }
    }

    /// The name for people.
    pub(crate) fn shown(&self) -> String {
        match &self.child {
            Some(child) => format!("{} of {}", child, self.resource),
            None => self.resource.clone(),
        }
    }

    /// The name of the view; nothing where it is too long for a database.
    pub(crate) fn base(&self, options: &Options) -> Option<String> {
        let mut base = format!("{}{}", options.prefix, options.names.of(&self.resource));
        if let Some(child) = &self.child {
            base = format!("{base}_{}", options.names.of(child));
        }
        (!self.resource.is_empty() && base.len() <= MAX_BASE).then_some(base)
    }
}

/// The tables of one resource, or of an expansion of it.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The name of the view.
    pub(crate) base: String,
    /// The columns of the fields; the first is the key's, which every table has.
    pub(crate) columns: Columns,
}

impl Table {
    /// The tables of an expansion that has none yet. Its rows are known by their parent and by what tells
    /// those of one parent apart.
    pub(crate) fn new_child(base: String) -> Table {
        let parent = Column {
            field: PARENT_FIELD.to_owned(),
            name: PARENT.to_owned(),
            kind: Kind::Text,
            table: 1,
        };
        Table {
            base,
            columns: Columns::of(vec![parent]),
        }
    }

    /// Whether it holds the records of an expansion.
    pub(crate) fn is_child(&self) -> bool {
        self.key() == PARENT
    }

    /// The tables of a resource that has none yet.
    pub(crate) fn new(base: String, schema: &Schema, options: &Options) -> Table {
        Table {
            base,
            columns: first_columns(schema, options, Budget::PAGE),
        }
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

    /// The columns of the primary key.
    pub(crate) fn primary(&self) -> impl Iterator<Item = &str> {
        let child = self.is_child().then_some(CHILD);
        [self.key()].into_iter().chain(child)
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
