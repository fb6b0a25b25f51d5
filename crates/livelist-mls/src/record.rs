//! Records: the fields that a Property can have, which of them an MLS serves, and the values in them.
//! Knows the book's rows, and nothing of HTTP or of dialects.

pub(crate) mod edmx;
mod lookups;
pub(crate) mod media;
pub(crate) mod odd;
pub(crate) mod people;
pub(crate) mod tables;
mod texts;
pub(crate) mod values;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::spec::MOST_FIELDS;

/// A field that a record can have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub name: &'static str,
    pub kind: Kind,
}

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A short text.
    Text,
    /// A text of many words.
    Remarks,
    /// One value of a lookup.
    Lookup,
    /// Several values of a lookup.
    Lookups,
    /// A decimal of 14 or 12 digits, this many of them after the point.
    Decimal(u8),
    Int,
    Bool,
    Date,
    Moment,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "s" => Self::Text,
            "t" => Self::Remarks,
            "e" => Self::Lookup,
            "c" => Self::Lookups,
            "d2" => Self::Decimal(2),
            "d4" => Self::Decimal(4),
            "d8" => Self::Decimal(8),
            "i" => Self::Int,
            "b" => Self::Bool,
            "D" => Self::Date,
            "T" => Self::Moment,
            _ => return None,
        })
    }
}

/// All fields, the usual ones first, those of the vendor's own last.
static CATALOGUE: LazyLock<Vec<Field>> = LazyLock::new(|| {
    let lines = include_str!("record/fields.txt").lines();
    lines
        .chain(include_str!("record/vendor.txt").lines())
        .flat_map(read)
        .collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, u16>> = LazyLock::new(|| {
    let named = CATALOGUE.iter().zip(0..);
    named.map(|(field, index)| (field.name, index)).collect()
});

/// The fields of one line: a kind and names.
fn read(line: &'static str) -> Vec<Field> {
    let mut words = line.split_whitespace();
    let Some(kind) = words.next().and_then(Kind::named) else {
        return Vec::new();
    };
    let names = words.flat_map(|word| match word.strip_prefix('*') {
        Some(rest) => ["List", "CoList", "Buyer", "CoBuyer"]
            .iter()
            // Once a process, and kept for its life.
            .map(|side| &*format!("{side}{rest}").leak())
            .collect(),
        None => vec![word],
    });
    names.map(|name| Field { name, kind }).collect()
}

/// A field by its place in the catalogue.
pub(crate) fn field(index: u16) -> Option<Field> {
    CATALOGUE.get(usize::from(index)).copied()
}

/// Fields whose type changes from a number to a text when a schema grows, one after another.
const RETYPED: [&str; 3] = ["TaxYear", "Stories", "YearBuilt"];

/// Which fields an MLS serves. It grows over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    /// The first fields of the catalogue, this many.
    fields: u16,
    /// How often it has grown.
    grown: u16,
}

impl Schema {
    pub fn new(fields: u16) -> Self {
        Self {
            fields: fields.min(MOST_FIELDS),
            grown: 0,
        }
    }

    /// The places of its fields in the catalogue.
    pub fn places(self) -> std::ops::Range<u16> {
        0..self.len()
    }

    /// Adds a field, and turns a number into a text; returns the names. A schema that has all fields adds
    /// none.
    pub fn grow(&mut self) -> (Option<&'static str>, Option<&'static str>) {
        let before = self.len();
        if before == 0 {
            return (None, None);
        }
        self.grown += 1;
        let added = (self.len() > before).then(|| field(before)).flatten();
        let retyped = RETYPED.get(usize::from(self.grown) - 1).copied();
        let served = retyped.filter(|name| self.named(name).is_some());
        (added.map(|field| field.name), served)
    }

    fn len(self) -> u16 {
        let most = u16::try_from(CATALOGUE.len()).unwrap_or(u16::MAX);
        (self.fields + self.grown).min(most)
    }

    /// The place of a field that it has.
    pub fn named(self, name: &str) -> Option<u16> {
        let place = *BY_NAME.get(name)?;
        self.places().contains(&place).then_some(place)
    }

    /// A field as metadata describes it, also one that only some providers have.
    pub fn described(self, name: &'static str) -> Option<Field> {
        let kind = match name {
            "ListingKeyNumeric" => Kind::Int,
            "BridgeModificationTimestamp" | "RFModificationTimestamp" => Kind::Moment,
            "MlgCanView" => Kind::Bool,
            _ => return self.field(*BY_NAME.get(name)?),
        };
        Some(Field { name, kind })
    }

    /// A field of it, with the type it has by now.
    pub fn field(self, place: u16) -> Option<Field> {
        let mut field = field(place)?;
        let retyped = RETYPED.iter().take(usize::from(self.grown));
        if retyped.into_iter().any(|name| *name == field.name) {
            field.kind = Kind::Text;
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_catalogue_is_as_wide_as_the_dictionary() {
        let dictionary = include_str!("record/fields.txt").lines().flat_map(read);
        assert_eq!(dictionary.count(), usize::from(MOST_FIELDS));
        let names: BTreeSet<_> = CATALOGUE.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), CATALOGUE.len());
        let longest = names.iter().map(|name| name.len()).max();
        assert!(longest.is_some_and(|longest| longest > 64));
        assert_eq!(Schema::new(632).places().len(), 632);
        assert_eq!(Schema::new(150).named("CoBuyerAgentURL"), None);
        let of_kind = |kind| CATALOGUE.iter().filter(|field| field.kind == kind).count();
        assert!(of_kind(Kind::Lookups) > 70 && of_kind(Kind::Text) > 230);
    }
}
