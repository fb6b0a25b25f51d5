//! `$filter`, as far as scans and confirmations need it: comparisons, `in`, `and`, `or`,
//! parentheses (OData 4.01, part 2, 5.1.1). Depends on nothing else of this crate.

mod parse;

use std::cmp::Ordering;

#[cfg(test)]
pub(crate) use parse::parse;
pub(crate) use parse::{instants, parse_named, parse_typed};

/// A condition on rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    All,
    Compare(Field, Op, Literal),
    In(Field, Vec<String>),
    And(Vec<Filter>),
    Or(Vec<Filter>),
}

/// A field that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    ListingKey,
    ListingKeyNumeric,
    ListingId,
    StandardStatus,
    PropertyType,
    ListOfficeMlsId,
    ModificationTimestamp,
    BridgeModificationTimestamp,
    RFModificationTimestamp,
    PhotosChangeTimestamp,
    OriginatingSystemName,
    MlgCanView,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    Text(String),
    /// A whole number, and its digits as a key writes them.
    Number(i64, String),
    /// Microseconds since 1970.
    Moment(i64),
    Truth(bool),
}

/// The facts of a row for a filter.
pub(crate) trait Facts {
    fn compare_key(&self, other: &str) -> Ordering;
    fn is_listing(&self, id: &str) -> bool;
    fn listing_id(&self) -> String;
    /// The key as a number.
    fn number(&self) -> i64;
    fn status(&self) -> &str;
    fn property_type(&self) -> &str;
    fn office(&self) -> String;
    fn system(&self) -> &str;
    /// Microseconds since 1970.
    fn changed(&self) -> i64;
    /// When its photos changed, in microseconds since 1970.
    fn photos_changed(&self) -> i64;
    fn live(&self) -> bool;
}

/// One end of a range of keys, and whether the key itself is included.
pub(crate) type Bound<'a> = Option<(&'a str, bool)>;

impl Filter {
    pub fn matches(&self, row: &impl Facts) -> bool {
        match self {
            Self::All => true,
            Self::Compare(Field::ListingId, Op::Eq, Literal::Text(id)) => row.is_listing(id),
            Self::Compare(field, op, literal) => op.holds(order(row, *field, literal)),
            Self::In(Field::ListingKey | Field::ListingKeyNumeric, keys) => {
                keys.iter().any(|key| row.compare_key(key).is_eq())
            }
            Self::In(Field::ListingId, ids) => ids.iter().any(|id| row.is_listing(id)),
            Self::In(field, texts) => {
                let equals = |text: &String| order(row, *field, &Literal::Text(text.clone()));
                texts
                    .iter()
                    .any(|text| equals(text) == Some(Ordering::Equal))
            }
            Self::And(parts) => parts.iter().all(|part| part.matches(row)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(row)),
        }
    }

    /// The only keys that can match, if the filter names them.
    pub fn keys(&self) -> Option<Vec<&str>> {
        match self {
            Self::Compare(Field::ListingKey, Op::Eq, Literal::Text(key))
            | Self::Compare(Field::ListingKeyNumeric, Op::Eq, Literal::Number(_, key)) => {
                Some(vec![key])
            }
            Self::In(Field::ListingKey | Field::ListingKeyNumeric, keys) => {
                Some(keys.iter().map(String::as_str).collect())
            }
            Self::And(parts) => {
                let named = parts.iter().filter_map(Self::keys).min_by_key(Vec::len);
                named.or_else(|| match self.key_range() {
                    (Some((low, true)), Some((high, true))) if low == high => Some(vec![low]),
                    _ => None,
                })
            }
            Self::Or(parts) => {
                let named: Option<Vec<Vec<&str>>> = parts.iter().map(Self::keys).collect();
                named.map(|keys| keys.concat())
            }
            _ => None,
        }
    }

    /// The only listing ids that can match, if the filter names them.
    pub fn listing_ids(&self) -> Option<Vec<&str>> {
        match self {
            Self::Compare(Field::ListingId, Op::Eq, Literal::Text(id)) => Some(vec![id]),
            Self::In(Field::ListingId, ids) => Some(ids.iter().map(String::as_str).collect()),
            Self::And(parts) => parts
                .iter()
                .filter_map(Self::listing_ids)
                .min_by_key(Vec::len),
            Self::Or(parts) => {
                let named: Option<Vec<Vec<&str>>> = parts.iter().map(Self::listing_ids).collect();
                named.map(|ids| ids.concat())
            }
            _ => None,
        }
    }

    /// Whether the filter names the only rows that can match.
    pub fn names_rows(&self) -> bool {
        self.keys().is_some() || self.listing_ids().is_some()
    }

    /// How many values it compares with.
    pub fn values(&self) -> usize {
        let of = |part: &&Self| match part {
            Self::In(_, values) => values.len(),
            _ => 1,
        };
        self.conditions().0.iter().map(of).sum()
    }

    /// Whether it names rows by `in`.
    pub fn has_list_of_rows(&self) -> bool {
        let fields = [
            Field::ListingKey,
            Field::ListingKeyNumeric,
            Field::ListingId,
        ];
        let lists = |part: &&Self| matches!(part, Self::In(field, _) if fields.contains(field));
        self.conditions().0.iter().any(lists)
    }

    /// The range outside of which no key can match.
    pub fn key_range(&self) -> (Bound<'_>, Bound<'_>) {
        match self {
            Self::Compare(Field::ListingKey, op, Literal::Text(key)) => match op {
                Op::Gt => (Some((key, false)), None),
                Op::Ge => (Some((key, true)), None),
                Op::Lt => (None, Some((key, false))),
                Op::Le => (None, Some((key, true))),
                Op::Eq | Op::Ne => (None, None),
            },
            Self::And(parts) => {
                let mut low: Bound<'_> = None;
                let mut high: Bound<'_> = None;
                for part in parts {
                    let (part_low, part_high) = part.key_range();
                    if part_low.is_some_and(|new| low.is_none_or(|old| new.0 >= old.0)) {
                        low = part_low;
                    }
                    if part_high.is_some_and(|new| high.is_none_or(|old| new.0 <= old.0)) {
                        high = part_high;
                    }
                }
                (low, high)
            }
            _ => (None, None),
        }
    }

    /// The least and the greatest number outside of which no key can match.
    pub fn number_range(&self) -> (i64, i64) {
        match self {
            Self::Compare(Field::ListingKeyNumeric, op, Literal::Number(number, _)) => match op {
                Op::Eq => (*number, *number),
                Op::Ne => (i64::MIN, i64::MAX),
                Op::Gt => (number.saturating_add(1), i64::MAX),
                Op::Ge => (*number, i64::MAX),
                Op::Lt => (i64::MIN, number.saturating_sub(1)),
                Op::Le => (i64::MIN, *number),
            },
            Self::And(parts) => parts.iter().map(Self::number_range).fold(
                (i64::MIN, i64::MAX),
                |(low, high), (part_low, part_high)| (low.max(part_low), high.min(part_high)),
            ),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// Whether it begins after a key or a timestamp, like a later page of a keyset scan.
    pub fn goes_on(&self) -> bool {
        let behind = |part: &&Filter| match part {
            Self::Compare(Field::ListingKey, Op::Gt | Op::Ge, Literal::Text(key)) => {
                !key.is_empty()
            }
            // No book has a key of one or below.
            Self::Compare(_, Op::Gt | Op::Ge, Literal::Number(number, _)) => *number > 1,
            Self::Compare(_, Op::Gt | Op::Ge, Literal::Moment(_)) => true,
            _ => false,
        };
        self.conditions().0.iter().any(behind)
    }

    /// Every condition in it, and how often `or` joins them.
    pub fn conditions(&self) -> (Vec<&Filter>, usize) {
        match self {
            Self::All => (Vec::new(), 0),
            Self::Compare(..) | Self::In(..) => (vec![self], 0),
            Self::And(parts) | Self::Or(parts) => {
                let own = match self {
                    Self::Or(_) => parts.len() - 1,
                    _ => 0,
                };
                parts.iter().map(Self::conditions).fold(
                    (Vec::new(), own),
                    |(mut all, ors), (more, more_ors)| {
                        all.extend(more);
                        (all, ors + more_ors)
                    },
                )
            }
        }
    }

    /// The field of a single condition.
    pub fn field(&self) -> Option<Field> {
        match self {
            Self::Compare(field, ..) | Self::In(field, _) => Some(*field),
            _ => None,
        }
    }
}

fn order(row: &impl Facts, field: Field, literal: &Literal) -> Option<Ordering> {
    match (field, literal) {
        (Field::ListingKey, Literal::Text(key)) => Some(row.compare_key(key)),
        (Field::ListingKeyNumeric, Literal::Number(number, _)) => Some(row.number().cmp(number)),
        (Field::ListingId, Literal::Text(text)) => Some(row.listing_id().as_str().cmp(text)),
        (Field::StandardStatus, Literal::Text(text)) => Some(row.status().cmp(text)),
        (Field::PropertyType, Literal::Text(text)) => Some(row.property_type().cmp(text)),
        (Field::ListOfficeMlsId, Literal::Text(text)) => Some(row.office().cmp(text)),
        (Field::OriginatingSystemName, Literal::Text(text)) => Some(row.system().cmp(text)),
        (
            Field::ModificationTimestamp
            | Field::BridgeModificationTimestamp
            | Field::RFModificationTimestamp,
            Literal::Moment(moment),
        ) => Some(row.changed().cmp(moment)),
        (Field::PhotosChangeTimestamp, Literal::Moment(moment)) => {
            Some(row.photos_changed().cmp(moment))
        }
        (Field::MlgCanView, Literal::Truth(truth)) => Some(row.live().cmp(truth)),
        _ => None,
    }
}

impl Op {
    fn holds(self, order: Option<Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
        })
    }
}

impl Field {
    const ALL: [(&'static str, Self); 12] = [
        ("ListingKey", Self::ListingKey),
        ("ListingKeyNumeric", Self::ListingKeyNumeric),
        ("ListingId", Self::ListingId),
        ("StandardStatus", Self::StandardStatus),
        ("PropertyType", Self::PropertyType),
        ("ListOfficeMlsId", Self::ListOfficeMlsId),
        ("ModificationTimestamp", Self::ModificationTimestamp),
        (
            "BridgeModificationTimestamp",
            Self::BridgeModificationTimestamp,
        ),
        ("RFModificationTimestamp", Self::RFModificationTimestamp),
        ("PhotosChangeTimestamp", Self::PhotosChangeTimestamp),
        ("OriginatingSystemName", Self::OriginatingSystemName),
        ("MlgCanView", Self::MlgCanView),
    ];

    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, field)| *field)
    }

    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, field)| *field == self);
        found.map_or("", |(name, _)| name)
    }
}
