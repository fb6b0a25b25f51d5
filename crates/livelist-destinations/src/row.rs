//! A record as a row: each value in its column, and what does not fit in `_rest`. The same for every
//! database but for what its types hold.

use std::collections::{HashMap, HashSet};

use livelist_records::columns::{Budget, Columns};
use livelist_records::fields::quoted;
use livelist_records::{Cell, Children, Fields, Fit, Kind, Schema, cell};

use crate::json::is_small_json;
use crate::options::{Options, Wanted};

/// Whether a database's column of this kind holds the value exactly.
pub type Holds = fn(&Cell<'_>) -> bool;

/// A record as a row.
#[derive(Debug, Default)]
pub struct Row<'a> {
    /// The values by the column's place in the resource's columns, in order.
    pub cells: Vec<(usize, Cell<'a>)>,
    /// The values that did not fit: a JSON object of exact values by field; `None` if all did.
    pub rest: Option<String>,
    /// How many values that are.
    pub overflow: u64,
}

/// How records of one resource become rows.
pub struct Mapping<'s> {
    options: &'s Options,
    columns: &'s Wanted,
    holds: Holds,
    budget: Budget,
    /// The kinds of the schema's fields.
    kinds: HashMap<&'s str, Kind>,
    /// Members whose records have tables of their own.
    children: HashSet<&'s str>,
    /// Whether fields that the schema does not name get a column: a program has made them.
    derives: bool,
}

impl<'s> Mapping<'s> {
    /// For the records of a schema, in a copy that is kept like this, whose columns hold what `holds` says
    /// and whose tables take what `budget` says.
    pub fn new(
        schema: &'s Schema,
        options: &'s Options,
        holds: Holds,
        budget: Budget,
    ) -> Mapping<'s> {
        let fields = schema.fields.iter();
        Mapping {
            options,
            columns: &options.columns,
            holds,
            budget,
            kinds: fields
                .map(|field| (field.name.as_str(), field.kind))
                .collect(),
            children: schema
                .children
                .iter()
                .map(|c| c.resource.as_str())
                .collect(),
            derives: false,
        }
    }

    /// The same for records that a program has changed: a field that the schema does not name has the type of
    /// its first value.
    pub fn deriving(self, derives: bool) -> Mapping<'s> {
        Mapping { derives, ..self }
    }

    /// What a field's values are.
    fn kind(&self, columns: &Columns, name: &str, value: &str) -> Option<Kind> {
        let declared = self.kinds.get(name).copied();
        if declared.is_some() || !self.derives {
            return declared;
        }
        let known = columns.all().iter().find(|column| column.field == name);
        Some(known.map_or_else(|| kind_of(value), |column| column.kind))
    }

    /// The same for the records of an expansion: all of their fields are stored.
    pub fn of_child(self) -> Mapping<'s> {
        Mapping {
            columns: &Wanted::Seen,
            ..self
        }
    }

    /// Whether a member is left out of the row: null, not stored, or records with a table of their own.
    fn skips(&self, name: &str, value: &str) -> bool {
        let is_of_child = || self.children.contains(name) && Children::read(value, None).is_some();
        value == "null" || !self.columns.stores(name) || is_of_child()
    }

    /// Which columns the records need that are not there: they are added to `columns`, and given.
    pub fn wanted(&self, columns: &mut Columns, records: &[Fields<'_>]) -> Vec<usize> {
        let before = columns.all().len();
        for fields in records {
            for (name, value) in fields.iter() {
                if self.skips(name, value) {
                    continue;
                }
                if let Some(kind) = self.kind(columns, name, value) {
                    columns.wanted(name, kind, self.options.names, self.budget);
                }
            }
        }
        (before..columns.all().len()).collect()
    }

    /// The row of a record. A field that the schema does not name is in `_rest`.
    pub fn row<'a>(&self, columns: &Columns, fields: &Fields<'a>) -> Row<'a> {
        let mut row = Row::default();
        let mut rest = String::new();
        for (name, value) in fields.iter() {
            if self.skips(name, value) {
                continue;
            }
            let kind = self.kind(columns, name, value);
            let column = kind.and_then(|kind| columns.position(name, kind));
            let (Some(kind), Some(column)) = (kind, column) else {
                row.keep(&mut rest, name, value);
                continue;
            };
            let (fitted, is_whole) = match cell(kind, value) {
                Fit::Whole(cell) if (self.holds)(&cell) => (cell, true),
                Fit::Whole(_) => (Cell::Null, false),
                Fit::Part(cell) => (cell, false),
            };
            if fitted != Cell::Null {
                row.cells.push((column, fitted));
            }
            if !is_whole {
                row.keep(&mut rest, name, value);
            }
        }
        if !rest.is_empty() {
            rest.push('}');
            row.rest = Some(rest);
        }
        row
    }
}

/// What a value is that nobody has declared.
fn kind_of(value: &str) -> Kind {
    match value.as_bytes().first() {
        Some(b'"') => Kind::Text,
        Some(b't' | b'f') => Kind::Boolean,
        Some(b'-' | b'0'..=b'9') => Kind::Decimal,
        _ => Kind::Json,
    }
}

impl Row<'_> {
    /// Keeps an exact value. A value that databases refuse even in JSON is kept as the text of its JSON.
    fn keep(&mut self, rest: &mut String, name: &str, value: &str) {
        self.overflow += 1;
        rest.push(if rest.is_empty() { '{' } else { ',' });
        let (name, _) = clean(&quoted(name));
        rest.push_str(&name);
        rest.push(':');
        match cell(Kind::Json, value) {
            Fit::Whole(Cell::Json(json)) if is_small_json(&json) => rest.push_str(&json),
            _ => rest.push_str(&quoted(value)),
        }
    }
}

/// The JSON of a name without characters that databases refuse.
fn clean(json: &str) -> (String, bool) {
    match cell(Kind::Json, json) {
        Fit::Whole(Cell::Json(json)) => (json.into_owned(), true),
        Fit::Part(Cell::Json(json)) => (json.into_owned(), false),
        _ => (json.to_owned(), true),
    }
}

#[cfg(test)]
mod tests {
    use livelist_records::Field;

    use super::*;

    #[test]
    fn every_value_is_in_its_column_or_in_rest() {
        let schema = Schema {
            resource: "Property".to_owned(),
            key: vec!["K".to_owned()],
            fields: [
                ("K", Kind::Text),
                ("Price", Kind::Decimal),
                ("Beds", Kind::Integer),
            ]
            .map(|(name, kind)| Field {
                name: name.to_owned(),
                kind,
            })
            .to_vec(),
            ..Schema::default()
        };
        let options = Options::default();
        let holds: Holds = |cell| !matches!(cell, Cell::Decimal(text) if text.len() > 5);
        let mapping = Mapping::new(&schema, &options, holds, Budget::WIDE);
        let json = r#"{"K":"a","Price":123456.5,"Beds":"many","New":{"x":"\u0000"},"Null":null,"Lat":1.50}"#;
        let fields = Fields::read(json).unwrap();
        let mut columns = Columns::default();
        assert_eq!(
            mapping.wanted(&mut columns, std::slice::from_ref(&fields)),
            [0, 1, 2]
        );
        let row = mapping.row(&columns, &fields);
        assert_eq!(row.cells, [(0, Cell::Text("a".into()))]);
        assert_eq!(row.overflow, 4);
        assert_eq!(
            row.rest.as_deref(),
            Some(r#"{"Price":123456.5,"Beds":"many","New":"{\"x\":\"\\u0000\"}","Lat":1.50}"#)
        );
    }
}
