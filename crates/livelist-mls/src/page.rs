//! A page of rows in a dialect's form, and the faults that change it.

mod pieces;
mod stamp;

use std::collections::HashMap;

use crate::book::{Edit, Row};
use crate::fault::{Fault, OddCount};
use crate::odd::Odd;
use crate::query::Escape;
use crate::record::Schema;
use crate::record::media::{Expansion, Photos};
use crate::spec::Shown;

pub(crate) use pieces::{Column, Pieces};
pub(crate) use stamp::Stamp;

/// The content of one page.
pub(crate) struct Page {
    pub context: String,
    pub form: Form,
    /// Base URL, for `@odata.id`.
    pub base: String,
    pub system: String,
    pub seed: u64,
    pub keys: crate::book::keys::KeyMaker,
    pub columns: Vec<Column>,
    pub lines: Vec<Line>,
    pub count: Option<i64>,
    pub next: Next,
    pub count_as_string: bool,
    /// Replaces the count.
    pub count_text: Option<&'static str>,
    pub numeric_keys: bool,
    pub shown: Shown,
    /// Invalid JSON.
    pub odd: Option<Odd>,
    /// The changes of its rows.
    pub edits: HashMap<u32, Edit>,
    pub schema: Schema,
    /// Whether nothing was selected.
    pub whole: bool,
    pub odd_records: bool,
    /// Another one with each answer.
    pub salt: u64,
    /// Whether rows are whole records.
    pub records: bool,
    /// The most photos of a listing.
    pub most_photos: u16,
    /// Whether and how they are expanded.
    pub media: Option<Expansion>,
}

/// A row, and whether its key is left out.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    pub row: Row,
    pub keyless: bool,
}

/// The next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    None,
    /// `null` in words.
    Null,
    To(String),
}

/// How a dialect writes pages.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub stamp: Stamp,
    /// Next link and count precede the rows.
    pub link_first: bool,
    pub row_ids: RowIds,
    /// Fields without a value are left out.
    pub omit_nulls: bool,
    /// The next link is in the body.
    pub link_in_body: bool,
    /// The next link is in the `Link` header.
    pub link_in_header: bool,
}

impl Form {
    /// The form of most servers.
    pub const PLAIN: Self = Self {
        stamp: Stamp::Millis("Z"),
        link_first: false,
        row_ids: RowIds::None,
        omit_nulls: false,
        link_in_body: true,
        link_in_header: false,
    };
}

/// Whether rows carry their `@odata.id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowIds {
    None,
    /// `https://…/Property('1')`.
    Absolute,
    /// `Property(1)`, if the key is not selected.
    InPlaceOfKey,
}

impl Page {
    /// Lets a fault change the page; returns whether it did.
    pub fn mar(&mut self, fault: &Fault, own_url: &str) -> bool {
        match fault {
            Fault::EmptyList | Fault::ConfirmFindsNothing => {
                let struck = !self.lines.is_empty();
                self.empty();
                self.count = self.count.map(|_| 0);
                struck
            }
            Fault::EmptyListCountKept => {
                let struck = !self.lines.is_empty();
                self.empty();
                struck
            }
            Fault::NoNextLink => self.relink(|_| Next::None),
            Fault::NextLinkLoop => self.relink(|_| Next::To(own_url.to_owned())),
            Fault::NextLinkOtherHost { host } => self
                .relink(|link| Next::To(format!("{}{}", host.trim_end_matches('/'), path(link)))),
            Fault::NextLinkHttp => self.relink(|link| {
                let host = link.split('/').nth(2).unwrap_or("127.0.0.1");
                let host = host.split(':').next().unwrap_or(host);
                Next::To(format!("http://{host}:80{}", path(link)))
            }),
            Fault::NextLinkNull => {
                self.next = Next::Null;
                true
            }
            Fault::HalfPage => {
                let before = self.lines.len();
                let mut at = 0;
                self.lines.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.lines.len() < before
            }
            Fault::RowsWithoutKey => {
                for line in self.lines.iter_mut().step_by(3) {
                    line.keyless = true;
                }
                !self.lines.is_empty()
            }
            Fault::DuplicateRows => {
                let lines = std::mem::take(&mut self.lines);
                for (at, line) in lines.into_iter().enumerate() {
                    let times = if at % 10 == 0 { 2 } else { 1 };
                    self.lines.extend(std::iter::repeat_n(line, times));
                }
                !self.lines.is_empty()
            }
            Fault::NumericKeys => {
                self.numeric_keys = true;
                let mut key = String::new();
                self.lines.iter().any(|line| {
                    key.clear();
                    self.keys.write(line.row.id, &mut key);
                    pieces::is_number(&key)
                })
            }
            Fault::CountAsString => {
                self.count_as_string = true;
                self.count.is_some()
            }
            Fault::WrongCount { delta } => {
                self.count = self.count.map(|count| count.saturating_add(*delta));
                self.count.is_some()
            }
            Fault::Cap => {
                let struck = self.count.is_some() || self.next != Next::None;
                self.count = None;
                self.next = Next::None;
                struck
            }
            Fault::OddCount { what } => {
                let Some(count) = self.count else {
                    return false;
                };
                match what {
                    OddCount::Capped(most) => {
                        self.count = Some(count.min(i64::try_from(*most).unwrap_or(i64::MAX)));
                    }
                    OddCount::Negative => self.count = Some(-1),
                    OddCount::Text => self.count_text = Some("many"),
                    OddCount::OfThePage => self.count = Some(self.lines.len() as i64),
                    // Set where the whole book is known.
                    OddCount::OfAll => {}
                }
                self.count != Some(count) || *what == OddCount::Text
            }
            Fault::Unreadable { what } => {
                self.odd = Some(*what);
                *what == Odd::ByteOrderMark || !self.lines.is_empty()
            }
            _ => false,
        }
    }

    /// The photos of a row as its expansion, if there is one, and where more of them are.
    fn photos(&self, media: &Expansion, line: &Line) -> Option<(String, Option<String>)> {
        let mut parent = String::new();
        self.keys.write(line.row.id, &mut parent);
        let edit = self.edits.get(&line.row.index).copied().unwrap_or_default();
        let photos = Photos::of(self.seed, line.row.index, &edit, self.most_photos);
        let twice = self.odd_records && photos.is_twice();
        let shown = media.write(&photos, 0, &parent, twice, &|us| {
            self.form.stamp.write(self.shown.of(us))
        })?;
        let link = |shown| further_photos(&self.base, &parent, shown);
        Some((shown.json, shown.more.map(link)))
    }

    fn empty(&mut self) {
        self.lines.clear();
        self.next = Next::None;
    }

    fn relink(&mut self, change: impl FnOnce(&str) -> Next) -> bool {
        match &self.next {
            Next::To(link) => {
                self.next = change(link);
                true
            }
            Next::None | Next::Null => false,
        }
    }
}

/// Where a listing's photos behind the first ones are.
pub(crate) fn further_photos(base: &str, key: &str, shown: u32) -> String {
    let mut link = format!("{base}/Property('");
    Escape::Strict.write(key, &mut link);
    link.push_str(&format!("')/Media?$skip={shown}"));
    link
}

/// The part of a link after the authority; a relative link is made absolute from the root.
fn path(link: &str) -> String {
    match link.split_once("://") {
        Some((_, rest)) => rest
            .find('/')
            .map_or_else(String::new, |at| rest[at..].to_owned()),
        None => format!("/{link}"),
    }
}
