//! What differs between providers: one file each. A dialect checks a request, reads it into an
//! [`Ask`], and knows how refusals, links and headers look; it holds no state of its own.

mod bridge;
mod mlsgrid;
mod reso;
mod trestle;

use std::collections::HashMap;

use hyper::StatusCode;

use crate::answer::Answer;
use crate::book::keys::KeyStyle;
use crate::book::select::{By, Order, Start};
use crate::filter::{self, Field, Filter};
use crate::incoming::Incoming;
use crate::limits::Limits;
use crate::page::{Column, Form};
use crate::query::Query;
use crate::spec::{MlsSpec, Provider};

/// A provider's ways.
pub(crate) trait Dialect: Send + Sync {
    /// The base URL's path behind the MLS's name.
    fn base(&self, spec: &MlsSpec) -> String;

    /// The token endpoint's path behind the MLS's name.
    fn token_path(&self, _spec: &MlsSpec) -> Option<&'static str> {
        None
    }

    fn key_style(&self, spec: &MlsSpec) -> KeyStyle;

    /// Whether deleted rows stay visible as `MlgCanView=false`.
    fn keeps_deleted(&self) -> bool {
        false
    }

    /// Seconds and requests of each documented rate limit, shortest window first.
    fn windows(&self) -> &'static [(u64, u64)] {
        &[]
    }

    /// What has to be right before the credential is looked at.
    fn precondition(&self, _incoming: &Incoming) -> Result<(), Answer> {
        Ok(())
    }

    /// The token a request shows.
    fn token_shown<'a>(&self, incoming: &'a Incoming) -> Option<&'a str> {
        incoming.bearer()
    }

    fn unauthorized(&self) -> Answer;

    fn refusal(&self, status: StatusCode, message: &str) -> Answer;

    /// The answer of the token endpoint to what is wrong with a request.
    fn no_token(&self) -> Answer {
        self.refusal(StatusCode::BAD_REQUEST, "invalid_client")
    }

    /// Reads a request for rows; `path` is what follows the base URL.
    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal>;

    /// The URL of the next page.
    fn link(&self, next: NextPage<'_>) -> String;

    fn form(&self, spec: &MlsSpec, ask: &Ask) -> Form;

    fn context(&self, base: &str) -> String {
        format!("{base}/$metadata#Property")
    }

    /// Headers that every answer for rows carries.
    fn headers(&self, _answer: &mut Answer, _limits: &Limits) {}
}

/// The dialect of a provider.
pub(crate) fn of(provider: Provider) -> &'static dyn Dialect {
    match provider {
        Provider::Reso => &reso::Reso,
        Provider::Trestle => &trestle::Trestle,
        Provider::MlsGrid => &mlsgrid::MlsGrid,
        Provider::Bridge => &bridge::Bridge,
    }
}

/// Status and message of a refusal.
pub(crate) type Refusal = (StatusCode, String);

fn bad(message: impl Into<String>) -> Refusal {
    (StatusCode::BAD_REQUEST, message.into())
}

fn not_found() -> Refusal {
    (StatusCode::NOT_FOUND, "Resource not found".into())
}

/// What a dialect may look at to read a request.
pub(crate) struct Asked<'a> {
    pub spec: &'a MlsSpec,
    pub incoming: &'a Incoming,
    pub cursors: &'a Cursors,
    /// Counts the requests of the MLS.
    pub serial: u64,
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
    /// Rows owed over this and all later pages, where the client's `$top` means that.
    pub owed: Option<u64>,
    pub count: bool,
    /// The options as first asked, before any cursor.
    pub query: Query,
}

/// What is to come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Page,
    /// A page of the replication endpoint.
    Replication,
    /// One row, by its own URL.
    One,
    /// A bare number.
    Number,
}

impl Ask {
    fn new(query: Query) -> Result<Self, Refusal> {
        Ok(Self {
            shape: Shape::Page,
            columns: columns(&query)?,
            filter: match query.get("$filter") {
                Some(text) => filter::parse(text).map_err(bad)?,
                None => Filter::All,
            },
            order: By::Listed.up(),
            start: Start::Skip(number(&query, "$skip")?.unwrap_or(0)),
            drift: 0,
            size: 0,
            owed: None,
            count: flag(&query, "$count")?,
            query,
        })
    }

    /// The row of one key, by its own URL.
    fn one(query: Query, key: &str) -> Result<Self, Refusal> {
        let mut ask = Self::new(query)?;
        ask.shape = Shape::One;
        ask.filter = Filter::In(Field::ListingKey, vec![key.to_owned()]);
        ask.start = Start::Skip(0);
        ask.count = false;
        ask.size = 1;
        Ok(ask)
    }

    /// Refuses conditions on fields that the provider does not have.
    fn without_fields(self, fields: &[Field]) -> Result<Self, Refusal> {
        let (conditions, _) = self.filter.conditions();
        match conditions
            .iter()
            .filter_map(|part| part.field())
            .find(|field| fields.contains(field))
        {
            Some(field) => Err(bad(format!("could not find a property named '{field:?}'"))),
            None => Ok(self),
        }
    }

    fn skip(&self) -> u64 {
        match self.start {
            Start::Skip(skip) => skip,
            Start::AfterRow(_) | Start::AfterKey(_) => 0,
        }
    }
}

/// What a link to the next page is made of.
pub(crate) struct NextPage<'a> {
    /// Base URL with scheme and authority.
    pub base: &'a str,
    pub spec: &'a MlsSpec,
    pub ask: &'a Ask,
    pub incoming: &'a Incoming,
    /// Rows of this page, before any fault.
    pub served: u64,
    /// The last of them, and its key.
    pub last: (u32, &'a str),
    pub cursors: &'a mut Cursors,
}

impl NextPage<'_> {
    fn skip(&self) -> u64 {
        self.ask.skip() + self.served
    }

    /// A cursor that goes on after the last row, in the order of listing.
    fn cursor(&mut self) -> String {
        let mut ask = self.ask.clone();
        ask.start = Start::AfterRow(self.last.0);
        ask.owed = self.ask.owed.map(|owed| owed.saturating_sub(self.served));
        self.cursors.keep(self.spec.seed, ask)
    }
}

/// What opaque next ids stand for.
#[derive(Default)]
pub(crate) struct Cursors {
    kept: HashMap<String, Ask>,
    serial: u64,
}

impl Cursors {
    fn keep(&mut self, seed: u64, ask: Ask) -> String {
        self.serial += 1;
        let mut id = String::new();
        crate::book::keys::KeyMaker::new(KeyStyle::Hex, !seed).write(self.serial, &mut id);
        self.kept.insert(id.clone(), ask);
        id
    }

    fn find(&self, id: &str) -> Result<Ask, Refusal> {
        let found = self.kept.get(id).cloned();
        found.ok_or_else(|| bad("the next id is not known"))
    }
}

/// The resource of a path, and the key if it names one row: `Property`, `Property('k')`.
fn resource(segment: &str) -> Result<Option<String>, Refusal> {
    if segment == "Property" {
        return Ok(None);
    }
    let key = segment
        .strip_prefix("Property('")
        .and_then(|rest| rest.strip_suffix("')"));
    match key {
        Some(key) => Ok(Some(key.replace("''", "'"))),
        None => Err(not_found()),
    }
}

fn only_options(query: &Query, known: &[&str]) -> Result<(), Refusal> {
    match query
        .names()
        .find(|name| name.starts_with('$') && !known.contains(name))
    {
        Some(name) => Err(bad(format!("the query option {name} is not supported"))),
        None => Ok(()),
    }
}

fn number(query: &Query, name: &str) -> Result<Option<u64>, Refusal> {
    let parsed = query.get(name).map(str::parse::<u64>).transpose();
    parsed.map_err(|_| bad(format!("{name} must be a whole number")))
}

fn flag(query: &Query, name: &str) -> Result<bool, Refusal> {
    match query.get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(bad(format!("{name} must be true or false"))),
    }
}

fn columns(query: &Query) -> Result<Option<Vec<Column>>, Refusal> {
    let Some(select) = query.get("$select").filter(|select| *select != "*") else {
        return Ok(None);
    };
    let named = select.split(',').map(|name| {
        let name = name.trim();
        let found = Column::ALL.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, column)| *column)
            .ok_or_else(|| bad(format!("could not find a property named '{name}'")))
    });
    named.collect::<Result<_, _>>().map(Some)
}

/// `$orderby` of a key, or of a timestamp and then perhaps the key in the same direction.
fn order(query: &Query) -> Result<Option<Order>, Refusal> {
    let Some(text) = query.get("$orderby") else {
        return Ok(None);
    };
    let mut directions = Vec::new();
    let mut fields = Vec::new();
    for part in text.split(',') {
        let mut words = part.split_whitespace();
        fields.push(words.next().unwrap_or(""));
        directions.push(words.next().unwrap_or("asc"));
    }
    let by = match fields[..] {
        ["ListingKey"] => Some(By::Key),
        ["ModificationTimestamp" | "BridgeModificationTimestamp"]
        | [
            "ModificationTimestamp" | "BridgeModificationTimestamp",
            "ListingKey",
        ] => Some(By::Changed),
        _ => None,
    };
    let one_way = directions
        .iter()
        .all(|direction| *direction == directions[0]);
    match (by, directions[0]) {
        (Some(by), "asc") if one_way => Ok(Some(by.up())),
        (Some(by), "desc") if one_way => Ok(Some(by.down())),
        _ => Err(bad(format!("cannot order by '{text}'"))),
    }
}

fn page_size(spec: &MlsSpec, asked: u64, most: u64) -> usize {
    let most = spec.page_limit.map_or(most, |limit| limit.min(most));
    usize::try_from(asked.min(most)).unwrap_or(usize::MAX)
}
