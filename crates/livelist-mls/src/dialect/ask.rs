//! A parsed request for rows: the parts that providers read alike.

use super::{Cursors, Refusal, bad, not_found};
use crate::book::select::{By, Order, Start};
use crate::filter::{self, Field, Filter, Op};
use crate::incoming::Incoming;
use crate::page::Column;
use crate::query::Query;
use crate::record::Schema;
use crate::record::tables::Resource;
use crate::spec::{KeyType, MlsSpec};

/// The data from which a dialect parses a request.
pub(crate) struct Asked<'a> {
    pub spec: &'a MlsSpec,
    pub incoming: &'a Incoming,
    pub cursors: &'a Cursors,
    /// Counts the requests of the MLS.
    pub serial: u64,
    /// The fields of [`PECULIAR`] that the provider has.
    pub peculiar: &'static [&'static str],
    /// The fields of records.
    pub schema: Schema,
    /// The requested resource. Dialects read it as if it were Property.
    pub resource: Resource,
}

/// Fields that only some providers have.
pub(crate) const PECULIAR: [&str; 4] = [
    "ListingKeyNumeric",
    "BridgeModificationTimestamp",
    "RFModificationTimestamp",
    "MlgCanView",
];

/// The fields with the time of the last modification.
const CLOCKS: [&str; 3] = [
    "ModificationTimestamp",
    "BridgeModificationTimestamp",
    "RFModificationTimestamp",
];

impl Asked<'_> {
    /// The name of the resource's key.
    pub fn key(&self) -> &'static str {
        self.resource.key(self.spec.provider)
    }

    fn filter(&self, text: &str) -> Result<Filter, String> {
        let keys = self.spec.options.contrary.keys;
        match self.resource {
            Resource::Property => filter::parse_typed(text, keys),
            resource => {
                let named = |name: &str| resource.filtered(name, self.key());
                filter::parse_named(text, KeyType::Text, &named)
            }
        }
    }

    fn knows(&self, field: &str) -> Result<(), Refusal> {
        if self.peculiar.contains(&field) || !PECULIAR.contains(&field) {
            return Ok(());
        }
        Err(bad(format!("could not find a property named '{field}'")))
    }
}

/// A request for rows, understood.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub shape: Shape,
    /// All fields if none were selected.
    pub columns: Option<Vec<Column>>,
    pub filter: Filter,
    pub order: Order,
    pub start: Start,
    /// How far the order has moved since the last request, in rows.
    pub drift: u64,
    /// Rows of this page.
    pub size: usize,
    /// Rows owed over this and all later pages, if the client's `$top` means that.
    pub owed: Option<u64>,
    pub count: bool,
    pub resource: Resource,
    /// Whether Media are expanded.
    pub expands: bool,
    /// The options as first asked, before any cursor.
    pub query: Query,
}

/// What is requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Page,
    /// A page of the replication endpoint.
    Replication,
    /// One row, by its own URL.
    One,
    /// A bare number.
    Number,
    /// Deleted listings, as far as the provider shows them.
    Deleted,
    /// The description of the resources.
    Metadata,
    /// Further photos of the listing with this key, behind so many.
    Photos(String, u32),
}

impl Ask {
    pub fn new(asked: &Asked<'_>, query: Query) -> Result<Self, Refusal> {
        let filter = match query.get("$filter") {
            Some(text) => asked.filter(text).map_err(bad)?,
            None => Filter::All,
        };
        let (conditions, _) = filter.conditions();
        for field in conditions.iter().filter_map(|part| part.field()) {
            // A key of type Int64 is compared as a number.
            let is_key = field == Field::ListingKeyNumeric
                && asked.spec.options.contrary.keys == KeyType::Int64;
            if !is_key {
                asked.knows(field.name())?;
            }
        }
        Ok(Self {
            shape: Shape::Page,
            columns: columns(asked, &query)?,
            filter,
            order: By::Listed.up(),
            start: Start::Skip(number(&query, "$skip")?.unwrap_or(0)),
            drift: 0,
            size: 0,
            owed: None,
            count: flag(&query, "$count")?,
            resource: asked.resource,
            expands: expands(asked, &query)?,
            query,
        })
    }

    /// `$metadata`.
    pub fn metadata(query: Query) -> Self {
        Self {
            shape: Shape::Metadata,
            columns: None,
            filter: Filter::All,
            order: By::Listed.up(),
            start: Start::Skip(0),
            drift: 0,
            size: 0,
            owed: None,
            count: false,
            resource: Resource::Property,
            expands: false,
            query,
        }
    }

    /// Further photos of a listing: `Property('1')/Media?$skip=8`.
    pub fn photos(path: &[&str], query: &Query) -> Option<Self> {
        let [listing, "Media"] = path else {
            return None;
        };
        let key = listing.strip_prefix("Property('")?.strip_suffix("')")?;
        let behind = query.get("$skip")?.parse().ok()?;
        Some(Self {
            shape: Shape::Photos(key.to_owned(), behind),
            ..Self::metadata(query.clone())
        })
    }

    /// The row of one key, by its own URL.
    pub fn one(asked: &Asked<'_>, query: Query, key: &str) -> Result<Self, Refusal> {
        let mut ask = Self::new(asked, query)?;
        ask.shape = Shape::One;
        ask.filter = Filter::In(Field::ListingKey, vec![key.to_owned()]);
        ask.start = Start::Skip(0);
        ask.count = false;
        ask.size = 1;
        Ok(ask)
    }

    /// A request to a server that follows OData and does little else.
    pub(super) fn plain(asked: &Asked<'_>, path: &[&str], rules: &Rules) -> Result<Self, Refusal> {
        let query = (rules.read)(asked.incoming);
        only_options(&query, rules.options)?;
        let shape = match path {
            ["Property", "$count"] => Shape::Number,
            [segment] => match resource(segment)? {
                Some(key) => return Self::one(asked, query, &key),
                None => Shape::Page,
            },
            _ => return Err(not_found()),
        };
        let mut ask = Self::new(asked, query)?;
        ask.shape = shape;
        ask.order = order(asked, &ask.query)?.unwrap_or(rules.order);
        let top = number(&ask.query, "$top")?.unwrap_or(rules.rows);
        ask.size = page_size(asked.spec, top, rules.most);
        Ok(ask)
    }

    /// Rows of the `Deleted` resource: `$top` and `$skip`, nothing else.
    pub(super) fn deleted(asked: &Asked<'_>, rules: &Rules) -> Result<Self, Refusal> {
        let query = asked.incoming.query.clone();
        only_options(&query, &["$top", "$skip"])?;
        let mut ask = Self::new(asked, query)?;
        ask.shape = Shape::Deleted;
        let top = number(&ask.query, "$top")?.unwrap_or(rules.rows);
        ask.size = page_size(asked.spec, top, rules.most);
        Ok(ask)
    }

    /// Refuses rows beyond the window that `$skip` can reach.
    pub fn within(self, window: u64) -> Result<Self, Refusal> {
        if self.skip().saturating_add(self.size as u64) > window {
            return Err(bad(format!("results are limited to {window} records")));
        }
        Ok(self)
    }

    /// Refuses all but exactly one `OriginatingSystemName eq`.
    pub fn of_one_system(self) -> Result<Self, Refusal> {
        let (conditions, _) = self.filter.conditions();
        let systems: Vec<_> = conditions
            .into_iter()
            .filter(|part| part.field() == Some(Field::OriginatingSystemName))
            .collect();
        match systems[..] {
            [Filter::Compare(_, Op::Eq, _)] => Ok(self),
            _ => Err(bad("exactly one 'OriginatingSystemName eq' is required")),
        }
    }

    pub fn skip(&self) -> u64 {
        match self.start {
            Start::Skip(skip) => skip,
            Start::AfterRow(_) | Start::AfterKey(_) => 0,
        }
    }
}

/// The properties of a server for [`Ask::plain`].
pub(super) struct Rules {
    /// The query options it takes.
    pub options: &'static [&'static str],
    /// Rows of a page when no `$top` is given.
    pub rows: u64,
    /// The largest page; larger ones are silently cut.
    pub most: u64,
    /// The order of rows when none is asked.
    pub order: Order,
    /// How it reads the query string.
    pub read: fn(&Incoming) -> Query,
}

impl Rules {
    /// A server that takes these options, and hands out its largest page when no size is asked.
    pub const fn new(options: &'static [&'static str], most: u64) -> Self {
        Self {
            options,
            rows: most,
            most,
            order: By::Listed.up(),
            read: |incoming| incoming.query.clone(),
        }
    }
}

/// The options of OData that scans need, as most servers take them.
pub(super) const COMMON: [&str; 7] = [
    "$select", "$filter", "$orderby", "$top", "$skip", "$count", "$expand",
];

/// The resource of a path, and the key if it names one row: `Property`, `Property('k')`,
/// `Property(1)`.
pub(super) fn resource(segment: &str) -> Result<Option<String>, Refusal> {
    if segment == "Property" {
        return Ok(None);
    }
    let inner = segment
        .strip_prefix("Property(")
        .and_then(|rest| rest.strip_suffix(')'));
    let digits = |key: &&str| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit());
    let quoted = |key: &str| {
        Some(
            key.strip_prefix('\'')?
                .strip_suffix('\'')?
                .replace("''", "'"),
        )
    };
    match inner.and_then(|key| quoted(key).or(Some(key).filter(digits).map(str::to_owned))) {
        Some(key) => Ok(Some(key)),
        None => Err(not_found()),
    }
}

pub(super) fn only_options(query: &Query, known: &[&str]) -> Result<(), Refusal> {
    match query
        .names()
        .find(|name| name.starts_with('$') && !known.contains(name))
    {
        Some(name) => Err(bad(format!("the query option {name} is not supported"))),
        None => Ok(()),
    }
}

pub(super) fn number(query: &Query, name: &str) -> Result<Option<u64>, Refusal> {
    let parsed = query.get(name).map(str::parse::<u64>).transpose();
    parsed.map_err(|_| bad(format!("{name} must be a whole number")))
}

pub(super) fn flag(query: &Query, name: &str) -> Result<bool, Refusal> {
    match query.get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(bad(format!("{name} must be true or false"))),
    }
}

/// Whether Media are to be expanded. Without whole records nothing is, whatever is asked.
fn expands(asked: &Asked<'_>, query: &Query) -> Result<bool, Refusal> {
    let photos = asked.spec.options.records.as_ref().map(|r| r.photos);
    match (query.get("$expand"), photos) {
        (None, _) | (Some(_), None) => Ok(false),
        (Some("Media"), Some(1..)) if asked.resource == Resource::Property => Ok(true),
        (Some(other), _) => Err(bad(format!("could not expand '{other}'"))),
    }
}

fn columns(asked: &Asked<'_>, query: &Query) -> Result<Option<Vec<Column>>, Refusal> {
    let Some(select) = query.get("$select").filter(|select| *select != "*") else {
        return Ok(None);
    };
    let named = select.split(',').map(|name| {
        let name = name.trim();
        if asked.resource != Resource::Property {
            let known = asked.resource.fields(asked.spec.provider);
            let known = known.iter().any(|field| field.name == name);
            // The key, or an unknown field: nothing else is checked.
            return match (known, name == asked.key()) {
                (true, true) => Ok(Column::ListingKey),
                (true, false) => Ok(Column::ListingId),
                (false, _) => Err(bad(format!("could not find a property named '{name}'"))),
            };
        }
        asked.knows(name)?;
        Column::named(name, asked.schema)
            .ok_or_else(|| bad(format!("could not find a property named '{name}'")))
    });
    named.collect::<Result<_, _>>().map(Some)
}

/// `$orderby` of a key, or of its number, or of a timestamp and then perhaps the key in the same direction.
pub(super) fn order(asked: &Asked<'_>, query: &Query) -> Result<Option<Order>, Refusal> {
    let Some(text) = query.get("$orderby") else {
        return Ok(None);
    };
    let mut directions = Vec::new();
    let mut fields = Vec::new();
    for part in text.split(',') {
        let mut words = part.split_whitespace();
        let field = words.next().unwrap_or("");
        asked.knows(field)?;
        let field = if field == asked.key() {
            "ListingKey"
        } else {
            field
        };
        fields.push(field);
        directions.push(words.next().unwrap_or("asc"));
    }
    let by = match fields[..] {
        ["ListingKey"] if asked.spec.options.contrary.keys == KeyType::Int64 => Some(By::Number),
        ["ListingKey"] => Some(By::Key),
        ["ListingKeyNumeric"] => Some(By::Number),
        [changed] | [changed, "ListingKey"] if CLOCKS.contains(&changed) => Some(By::Changed),
        _ => None,
    };
    let one_way = directions
        .iter()
        .all(|direction| *direction == directions[0]);
    match (by, directions[0]) {
        (Some(by), way @ ("asc" | "desc")) if one_way => {
            let order = if way == "asc" { by.up() } else { by.down() };
            Ok(Some(Order {
                tied: fields.len() > 1,
                ..order
            }))
        }
        _ => Err(bad(format!("cannot order by '{text}'"))),
    }
}

pub(super) fn page_size(spec: &MlsSpec, asked: u64, most: u64) -> usize {
    let most = spec.page_limit.map_or(most, |limit| limit.min(most));
    usize::try_from(asked.min(most)).unwrap_or(usize::MAX)
}
