//! Which column has which field. A column is never moved, dropped or given another type: a field whose kind
//! changes gets another column, and the former one keeps its values.

use std::collections::BTreeMap;

use crate::names::{Names, fold, unlike};
use crate::schema::Kind;

/// A column of a resource's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The field that it holds, as the provider spells it.
    pub field: String,
    /// Its name in the database.
    pub name: String,
    /// The kind of its values.
    pub kind: Kind,
    /// In which of the resource's tables it is, from 1.
    pub table: u16,
}

/// The limit of a table's row in bytes, and the share of a column. A row of InnoDB has at most 8,126 bytes,
/// a row of PostgreSQL 8,160; long texts leave 20 to 40 bytes in it.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Bytes a table.
    pub bytes: u32,
    /// Columns a table.
    pub columns: u32,
}

impl Budget {
    /// For databases whose rows are bounded by a page.
    pub const PAGE: Budget = Budget {
        bytes: 7_300,
        columns: 900,
    };
    /// For SQLite, whose rows have no bound but the number of columns (2,000).
    pub const WIDE: Budget = Budget {
        bytes: u32::MAX,
        columns: 1_900,
    };
}

/// A column's share of a row, in bytes.
pub fn width(kind: Kind) -> u32 {
    match kind {
        Kind::Text | Kind::Json => 41,
        Kind::Decimal => 13,
        Kind::Integer | Kind::Time | Kind::Instant => 9,
        Kind::Date => 4,
        Kind::Boolean => 2,
    }
}

/// The columns of one resource.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    all: Vec<Column>,
    by_field: BTreeMap<String, Vec<usize>>,
}

impl Columns {
    /// The columns that a destination has written down.
    pub fn of(all: Vec<Column>) -> Columns {
        let mut columns = Columns::default();
        for column in all {
            columns.push(column);
        }
        columns
    }

    /// All columns, in the order in which they were made.
    pub fn all(&self) -> &[Column] {
        &self.all
    }

    /// The column of a field of this kind.
    pub fn get(&self, field: &str, kind: Kind) -> Option<&Column> {
        self.all.get(self.position(field, kind)?)
    }

    /// Its place among all columns.
    pub fn position(&self, field: &str, kind: Kind) -> Option<usize> {
        let places = self.by_field.get(field)?;
        let mut places = places.iter().copied();
        places.find(|at| self.all.get(*at).is_some_and(|column| column.kind == kind))
    }

    /// Makes the column of a field of this kind, if there is none. Gives its place.
    pub fn wanted(&mut self, field: &str, kind: Kind, names: Names, budget: Budget) -> usize {
        if let Some(at) = self.position(field, kind) {
            return at;
        }
        let name = unlike(&names.of(field), |folded| {
            self.all.iter().any(|column| fold(&column.name) == folded)
        });
        let table = self.room(kind, budget);
        self.push(Column {
            field: field.to_owned(),
            name,
            kind,
            table,
        });
        self.all.len() - 1
    }

    /// The last table, or one more if it has no room.
    fn room(&self, kind: Kind, budget: Budget) -> u16 {
        let last = self
            .all
            .iter()
            .map(|column| column.table)
            .max()
            .unwrap_or(1);
        let on_last = self.all.iter().filter(|column| column.table == last);
        let (count, bytes) = on_last.fold((0_u32, 0_u32), |(count, bytes), column| {
            (count + 1, bytes.saturating_add(width(column.kind)))
        });
        let is_full = count >= budget.columns || bytes.saturating_add(width(kind)) > budget.bytes;
        if is_full { last + 1 } else { last }
    }

    fn push(&mut self, column: Column) {
        let places = self.by_field.entry(column.field.clone()).or_default();
        places.push(self.all.len());
        self.all.push(column);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_another_kind_gets_another_column() {
        let mut columns = Columns::default();
        let mut wanted = |field: &str, kind| {
            let at = columns.wanted(field, kind, Names::AsIs, Budget::PAGE);
            (at, columns.all()[at].name.clone())
        };
        assert_eq!(wanted("Beds", Kind::Integer), (0, "Beds".to_owned()));
        assert_eq!(wanted("beds", Kind::Integer), (1, "beds__2".to_owned()));
        assert_eq!(wanted("Beds", Kind::Decimal), (2, "Beds__3".to_owned()));
        assert_eq!(wanted("Beds", Kind::Integer), (0, "Beds".to_owned()));
        let again = Columns::of(columns.all().to_vec());
        assert_eq!(again.get("Beds", Kind::Decimal).unwrap().name, "Beds__3");
        assert_eq!(again.get("Beds", Kind::Date), None);
    }

    /// DD 2.0's Property has 652 fields, of which 632 are no navigations.
    #[test]
    fn a_full_property_takes_three_tables_and_no_column_moves() {
        let kinds = [
            (Kind::Text, 254 + 97),
            (Kind::Json, 81),
            (Kind::Decimal, 62),
            (Kind::Integer, 64),
            (Kind::Boolean, 44),
            (Kind::Date, 16),
            (Kind::Instant, 14),
        ];
        let mut columns = Columns::default();
        for (kind, count) in kinds {
            for n in 0..count {
                let field = format!("{}{n}", kind.as_str());
                columns.wanted(&field, kind, Names::AsIs, Budget::PAGE);
            }
        }
        assert_eq!(columns.all().len(), 632);
        let tables = columns.all().iter().map(|c| c.table).max();
        assert_eq!(tables, Some(3));
        for table in 1..=3 {
            let on = columns.all().iter().filter(|c| c.table == table);
            assert!(on.map(|c| width(c.kind)).sum::<u32>() <= Budget::PAGE.bytes);
        }
    }
}
