//! The JSON text of a page, generated in chunks during sending.

use serde_json::Value;

use super::{Line, Next, Page, RowIds};
use crate::book::{keys::push_number, lot, office, photos_us, price, property_type, status};
use crate::odd::Odd;
use crate::record::odd::{OddValue, UNLISTED};
use crate::record::values::Record;
use crate::record::{self, Schema};

/// Pieces are about this long.
const PIECE: usize = 32 * 1024;

/// A field that a row can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Column {
    ListingKey,
    ListingKeyNumeric,
    ListingId,
    ModificationTimestamp,
    BridgeModificationTimestamp,
    RFModificationTimestamp,
    PhotosChangeTimestamp,
    OriginatingSystemName,
    MlgCanView,
    StandardStatus,
    PropertyType,
    ListOfficeMlsId,
    ListPrice,
    BedroomsTotal,
    City,
    PostalCode,
    StateOrProvince,
    /// A further field, by its place in the catalogue.
    Field(u16),
}

impl Column {
    pub const ALL: [(&'static str, Self); 17] = [
        ("ListingKey", Self::ListingKey),
        ("ListingKeyNumeric", Self::ListingKeyNumeric),
        ("ListingId", Self::ListingId),
        ("ModificationTimestamp", Self::ModificationTimestamp),
        (
            "BridgeModificationTimestamp",
            Self::BridgeModificationTimestamp,
        ),
        ("RFModificationTimestamp", Self::RFModificationTimestamp),
        ("PhotosChangeTimestamp", Self::PhotosChangeTimestamp),
        ("OriginatingSystemName", Self::OriginatingSystemName),
        ("MlgCanView", Self::MlgCanView),
        ("StandardStatus", Self::StandardStatus),
        ("PropertyType", Self::PropertyType),
        ("ListOfficeMlsId", Self::ListOfficeMlsId),
        ("ListPrice", Self::ListPrice),
        ("BedroomsTotal", Self::BedroomsTotal),
        ("City", Self::City),
        ("PostalCode", Self::PostalCode),
        ("StateOrProvince", Self::StateOrProvince),
    ];

    /// The column of a name, including the further fields of the schema.
    pub fn named(name: &str, schema: Schema) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        let field = || schema.named(name).map(Self::Field);
        found.map(|(_, column)| *column).or_else(field)
    }

    pub fn name(self) -> &'static str {
        if let Self::Field(place) = self {
            return record::field(place).map_or("", |field| field.name);
        }
        let found = Self::ALL.iter().find(|(_, column)| *column == self);
        found.map_or("", |(name, _)| name)
    }
}

/// The body of a page.
pub(crate) struct Pieces {
    page: Page,
    at: usize,
    stage: Stage,
}

enum Stage {
    Head,
    Rows,
    Done,
}

impl Pieces {
    pub fn new(page: Page) -> Self {
        Self {
            page,
            at: 0,
            stage: Stage::Head,
        }
    }

    /// The first row as an object, and nothing around it.
    pub fn object(page: &Page) -> Option<String> {
        let mut out = "{".to_owned();
        page.write_fields(page.lines.first()?, &mut out);
        out.push('}');
        Some(out)
    }

    /// One row as an object at the top level, as it is served under its own URL.
    pub fn single(page: &Page) -> Option<String> {
        let line = page.lines.first()?;
        let mut out = format!("{{\"@odata.context\":{},", quoted(&page.context));
        page.write_fields(line, &mut out);
        out.push('}');
        Some(out)
    }
}

impl Iterator for Pieces {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = String::with_capacity(PIECE + 1024);
        match self.stage {
            Stage::Head => {
                self.page.write_head(&mut out);
                self.stage = Stage::Rows;
            }
            Stage::Rows => {
                while out.len() < PIECE {
                    let Some(line) = self.page.lines.get(self.at) else {
                        self.page.write_tail(&mut out);
                        self.stage = Stage::Done;
                        break;
                    };
                    out.push_str(if self.at == 0 { "{" } else { ",{" });
                    self.page.write_fields(line, &mut out);
                    if self.at == 0 {
                        out.push_str(self.page.odd.map_or("", Odd::field));
                    }
                    out.push('}');
                    self.at += 1;
                }
            }
            Stage::Done => return None,
        }
        Some(Odd::bytes(self.page.odd, out))
    }
}

impl Page {
    fn write_head(&self, out: &mut String) {
        out.push_str(self.odd.map_or("", Odd::before));
        out.push_str("{\"@odata.context\":");
        out.push_str(&quoted(&self.context));
        if self.form.link_first {
            // Trestle's recorded order: the link, and only then the count.
            self.write_link(out);
        }
        if let Some(text) = self.count_text {
            out.push_str(&format!(",\"@odata.count\":\"{text}\""));
        } else if let Some(count) = self.count {
            let quote = if self.count_as_string { "\"" } else { "" };
            out.push_str(&format!(",\"@odata.count\":{quote}{count}{quote}"));
        }
        out.push_str(",\"value\":[");
    }

    fn write_tail(&self, out: &mut String) {
        out.push(']');
        if !self.form.link_first {
            self.write_link(out);
        }
        out.push('}');
    }

    fn write_link(&self, out: &mut String) {
        match &self.next {
            Next::To(link) if self.form.link_in_body => {
                out.push_str(",\"@odata.nextLink\":");
                out.push_str(&quoted(link));
            }
            Next::Null => out.push_str(",\"@odata.nextLink\":null"),
            Next::To(_) | Next::None => {}
        }
    }

    fn write_fields(&self, line: &Line, out: &mut String) {
        let mut first = true;
        let id = match self.form.row_ids {
            RowIds::Absolute => Some((&self.base[..], "/Property('", "')\"")),
            RowIds::InPlaceOfKey if !self.columns.contains(&Column::ListingKey) => {
                Some(("", "Property(", ")\""))
            }
            RowIds::None | RowIds::InPlaceOfKey => None,
        };
        if let Some((base, before, after)) = id {
            out.push_str("\"@odata.id\":\"");
            out.push_str(base);
            out.push_str(before);
            self.keys.write(line.row.id, out);
            out.push_str(after);
            first = false;
        }
        let is_key = |column| matches!(column, Column::ListingKey | Column::ListingKeyNumeric);
        let mut value = String::new();
        for &column in &self.columns {
            value.clear();
            self.write_value(column, line, &mut value);
            let omitted = self.form.omit_nulls && value == "null";
            if omitted || (line.keyless && is_key(column)) {
                continue;
            }
            if !first {
                out.push(',');
            }
            first = false;
            out.push('"');
            out.push_str(column.name());
            out.push_str("\":");
            out.push_str(&value);
        }
        if let Some(media) = &self.media
            && let Some((photos, more)) = self.photos(media, line)
        {
            out.push_str(if first { "" } else { "," });
            out.push_str("\"Media\":");
            out.push_str(&photos);
            if let Some(link) = more {
                out.push_str(&format!(",\"Media@odata.nextLink\":\"{link}\""));
            }
            first = false;
        }
        let odd = || {
            self.odd_records
                .then(|| OddValue::of(self.seed, line.row.index))
        };
        if self.whole && odd() == Some(Some(OddValue::Unlisted)) {
            out.push_str(if first { "" } else { "," });
            out.push_str(UNLISTED);
        }
    }

    /// An instant as it is shown.
    fn stamp(&self, us: i64) -> String {
        self.form.stamp.write(self.shown.of(us))
    }

    fn write_value(&self, column: Column, line: &Line, out: &mut String) {
        let row = line.row;
        let drawn = |what| lot(self.seed, row.index, what);
        let edit = self.edits.get(&row.index).copied().unwrap_or_default();
        match column {
            Column::ListingKey => {
                let start = out.len();
                out.push('"');
                self.keys.write(row.id, out);
                if self.numeric_keys && is_number(&out[start + 1..]) {
                    out.remove(start);
                } else {
                    out.push('"');
                }
            }
            Column::ListingKeyNumeric => self.keys.write(row.id, out),
            Column::ListingId => {
                out.push('"');
                self.keys.write_listing_id(row.listing, out);
                out.push('"');
            }
            Column::ModificationTimestamp
            | Column::BridgeModificationTimestamp
            | Column::RFModificationTimestamp => {
                out.push_str(&quoted(&self.stamp(row.changed_us)));
            }
            Column::PhotosChangeTimestamp => {
                let us = photos_us(self.seed, row.index, row.changed_us, &edit, self.records);
                out.push_str(&quoted(&self.stamp(us)));
            }
            Column::OriginatingSystemName => out.push_str(&quoted(&self.system)),
            Column::MlgCanView => out.push_str(if row.live { "true" } else { "false" }),
            Column::StandardStatus => {
                let drawn = || status(self.seed, row.index);
                out.push_str(&quoted(edit.status.unwrap_or_else(drawn)));
            }
            Column::PropertyType => out.push_str(&quoted(property_type(self.seed, row.index))),
            Column::ListOfficeMlsId => out.push_str(&quoted(&office(self.seed, row.index))),
            Column::ListPrice => {
                let listed = || price(self.seed, row.index);
                push_number(out, edit.price.unwrap_or_else(listed), 0);
                out.push_str(".0");
            }
            Column::BedroomsTotal => push_number(out, drawn(5) % 7, 0),
            Column::City => {
                let cities = ["\"Austin\"", "\"Round Rock\"", "\"Georgetown\"", "null"];
                out.push_str(cities[(drawn(6) % 4) as usize]);
            }
            Column::PostalCode => {
                out.push('"');
                push_number(out, 78_600 + drawn(7) % 150, 5);
                out.push('"');
            }
            Column::StateOrProvince => out.push_str("\"TX\""),
            Column::Field(place) => Record {
                seed: self.seed,
                row,
                edit,
                schema: self.schema,
                odd: self.odd_records,
                salt: self.salt,
                photos: self.most_photos,
                stamp: &|us| self.stamp(us),
            }
            .write(place, out),
        }
    }
}

/// Whether a key can be written as a JSON number.
pub(super) fn is_number(key: &str) -> bool {
    key.bytes().all(|byte| byte.is_ascii_digit()) && !key.starts_with('0') && !key.is_empty()
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
