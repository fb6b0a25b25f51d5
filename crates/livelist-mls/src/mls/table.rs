//! Members, offices and photos as resources of their own. Dialects read a request for them as one for
//! Property: page sizes, options and links are the same. Faults of pages do not strike them.

use std::cmp::Ordering;

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::Mls;
use crate::answer::{Answer, Body};
use crate::book::dice::mix;
use crate::book::select::{By, Start};
use crate::clock::Clock as _;
use crate::dialect::{Ask, NextPage, Shape};
use crate::filter::Facts;
use crate::incoming::Incoming;
use crate::record::media::Photos;
use crate::record::people::{self, OFFICES, TEAMS};
use crate::record::tables::Resource;
use crate::spec::Provider;

/// The first modification of people: 2023-06-01T00:00:00Z in microseconds.
const FIRST_US: i64 = 1_685_577_600_000_000;

/// A row of a table.
struct Line<'a> {
    key: String,
    /// The listing of a photo.
    parent: String,
    changed_us: i64,
    system: &'a str,
    what: What,
}

enum What {
    /// A member or an office, and how often it changed.
    Person(u64, u32),
    Photo(Photos, u32),
}

impl Facts for Line<'_> {
    fn compare_key(&self, other: &str) -> Ordering {
        self.key.as_str().cmp(other)
    }
    fn is_listing(&self, id: &str) -> bool {
        self.parent == id
    }
    fn listing_id(&self) -> String {
        self.parent.clone()
    }
    fn number(&self) -> i64 {
        0
    }
    fn status(&self) -> &str {
        ""
    }
    fn property_type(&self) -> &str {
        ""
    }
    fn office(&self) -> String {
        String::new()
    }
    fn system(&self) -> &str {
        self.system
    }
    fn changed(&self) -> i64 {
        self.changed_us
    }
    fn photos_changed(&self) -> i64 {
        self.changed_us
    }
    fn live(&self) -> bool {
        true
    }
}

impl Mls {
    /// The resource that a path begins with; without records there is but one.
    pub(super) fn resource(&self, path: &[&str]) -> Resource {
        let served = self.tables();
        let named = path.first().map_or("", |first| {
            first.split_once('(').map_or(*first, |(name, _)| name)
        });
        let found = served.iter().find(|table| table.name() == named);
        found.copied().unwrap_or(Resource::Property)
    }

    /// The tables served.
    pub(super) fn tables(&self) -> &'static [Resource] {
        match &self.spec.options.records {
            None => &[],
            Some(records) if records.photos == 0 => &Resource::TABLES[..2],
            Some(_) => &Resource::TABLES,
        }
    }

    /// Modifies some members or offices, and names them.
    pub fn touch_people(&mut self, resource: &str, n: usize) -> Vec<String> {
        let tables = self.tables().iter().copied();
        let Some(table) = tables
            .filter(|table| *table != Resource::Media)
            .find(|table| table.name() == resource)
        else {
            return Vec::new();
        };
        let all = self.people(table).len() as u64;
        let at = self.ahead.now().as_microsecond();
        self.serial += 1;
        let first = mix(self.serial ^ self.spec.seed) % all;
        let mut keys = Vec::new();
        for nth in 0..(n as u64).min(all) {
            let number = (first + nth) % all;
            let (times, changed) = self.revised.entry((table, number)).or_default();
            *times += 1;
            *changed = (at + nth as i64).max(*changed + 1);
            keys.push(self.person_key(table, number));
        }
        keys
    }

    fn person_key(&self, table: Resource, number: u64) -> String {
        let what = match table.key(self.spec.provider) {
            "MemberMlsId" => "MlsId",
            _ => "Key",
        };
        let key = match table {
            Resource::Office => people::office(number, what),
            _ => people::agent(number, what),
        };
        key.unwrap_or_default()
    }

    fn people(&self, table: Resource) -> Vec<Line<'_>> {
        let all = match table {
            Resource::Office => OFFICES,
            _ => OFFICES * TEAMS,
        };
        let person = |number: u64| {
            let revised = self.revised.get(&(table, number)).copied();
            let listed = FIRST_US + number as i64 * 1_000_000;
            let (times, changed_us) = revised.unwrap_or((0, listed));
            Line {
                key: self.person_key(table, number),
                parent: String::new(),
                changed_us,
                system: self.spec.system(),
                what: What::Person(number, times),
            }
        };
        (0..all).map(person).collect()
    }

    fn photos(&self) -> Vec<Line<'_>> {
        let most = self.spec.records().photos;
        let mut lines = Vec::new();
        for row in self.book.all_listed() {
            let edit = self.book.edits_of(&[row]).remove(&row.index);
            let edit = edit.unwrap_or_default();
            let photos = || Photos::of(self.spec.seed, row.index, &edit, most);
            for nth in 0..photos().count {
                lines.push(Line {
                    key: photos().key(nth),
                    parent: self.book.key(row.index),
                    changed_us: photos().changed_us(),
                    system: self.spec.system(),
                    what: What::Photo(photos(), nth),
                });
            }
        }
        lines
    }

    fn lines(&self, ask: &Ask) -> Vec<Line<'_>> {
        let mut lines = match ask.resource {
            Resource::Media => self.photos(),
            table => self.people(table),
        };
        lines.retain(|line| ask.filter.matches(line));
        match ask.order.by {
            By::Listed => {}
            By::Changed => {
                lines.sort_by(|a, b| (a.changed_us, &a.key).cmp(&(b.changed_us, &b.key)));
            }
            By::Key | By::Number => lines.sort_by(|a, b| a.key.cmp(&b.key)),
        }
        if ask.order.descending {
            lines.reverse();
        }
        lines
    }

    pub(super) fn table(&mut self, incoming: &Incoming, ask: &Ask) -> Answer {
        let lines = self.lines(ask);
        let count = lines.len();
        let skip = match &ask.start {
            Start::Skip(skip) => usize::try_from(*skip).unwrap_or(usize::MAX),
            Start::AfterRow(row) => *row as usize + 1,
            Start::AfterKey(key) => lines.partition_point(|line| line.key <= *key),
        };
        let rest = lines.get(skip..).unwrap_or_default();
        let rows: Vec<Value> = rest
            .iter()
            .take(ask.size)
            .map(|line| self.line(ask, line))
            .collect();
        let last = rest.get(..rows.len()).and_then(<[_]>::last);
        let last = last.map(|line| line.key.clone());
        let more = rest.len() > rows.len();
        let base = format!("{}{}", incoming.origin(), self.base_path());
        let own = |text: String| text.replace("Property", ask.resource.name());
        let context = own(self.dialect.context(&base, ask));
        match ask.shape {
            Shape::Number => {
                return Answer::text(StatusCode::OK, "text/plain", count.to_string());
            }
            Shape::One => {
                return match rows.into_iter().next() {
                    Some(row) => Answer::json(StatusCode::OK, &row),
                    None => self
                        .dialect
                        .refusal(StatusCode::NOT_FOUND, "Resource not found"),
                };
            }
            _ => {}
        }
        let form = self.dialect.form(&self.spec, ask);
        let link = match last.filter(|_| more) {
            Some(key) => self.dialect.link(NextPage {
                base: &base,
                spec: &self.spec,
                ask,
                incoming,
                served: rows.len() as u64,
                last: ((skip + rows.len() - 1) as u32, &key),
                cursors: &mut self.cursors,
            }),
            None => None,
        };
        let link = link.map(|link| link.replacen("Property", ask.resource.name(), 1));
        let mut body = json!({"@odata.context": context, "value": rows});
        let mut answer = Answer::json(StatusCode::OK, &Value::Null);
        answer.rows = rows.len() as u64;
        if ask.count {
            body["@odata.count"] = count.into();
        }
        if let Some(link) = link {
            if form.link_in_header {
                answer
                    .headers
                    .push(("link", format!("<{link}>; rel=\"next\"")));
            }
            if form.link_in_body {
                body["@odata.nextLink"] = link.into();
            }
        }
        answer.body = Body::Document(body.to_string());
        answer
    }

    fn line(&self, ask: &Ask, line: &Line<'_>) -> Value {
        let form = self.dialect.form(&self.spec, ask);
        let stamp = form.stamp.write(line.changed_us.div_euclid(1_000));
        let mut row = match &line.what {
            What::Photo(photos, nth) => {
                let salt = self.expansion().and_then(|media| media.salt);
                photos.photo(*nth, &line.parent, salt, &stamp)
            }
            What::Person(number, times) if ask.resource == Resource::Office => {
                office(*number, *times, &stamp)
            }
            What::Person(number, times) => member(*number, *times, &stamp),
        };
        row["OriginatingSystemName"] = line.system.into();
        if self.spec.provider == Provider::MlsGrid {
            row["MlgCanView"] = true.into();
        }
        let selected = ask.query.get("$select").filter(|select| *select != "*");
        let Value::Object(members) = row else {
            return row;
        };
        let wanted = |name: &str| {
            selected.is_none_or(|select| select.split(',').any(|part| part.trim() == name))
        };
        let members = members
            .into_iter()
            .filter(|(name, value)| wanted(name) && !(form.omit_nulls && value.is_null()));
        Value::Object(members.collect::<Map<_, _>>())
    }
}

fn member(number: u64, times: u32, stamp: &str) -> Value {
    let said = |what| people::agent(number, what);
    json!({
        "MemberKey": said("Key"),
        "MemberMlsId": said("MlsId"),
        "MemberFullName": said("FullName"),
        "MemberFirstName": said("FirstName"),
        "MemberMiddleName": Value::Null,
        "MemberLastName": said("LastName"),
        "MemberEmail": said("Email"),
        "MemberDirectPhone": phone(number, times),
        "MemberStatus": "Active",
        "OfficeKey": people::office(number % OFFICES, "Key"),
        "ModificationTimestamp": stamp,
    })
}

fn office(number: u64, times: u32, stamp: &str) -> Value {
    let said = |what| people::office(number, what);
    json!({
        "OfficeKey": said("Key"),
        "OfficeMlsId": said("MlsId"),
        "OfficeName": said("Name"),
        "OfficePhone": phone(number, times),
        "OfficeStatus": "Active",
        "ModificationTimestamp": stamp,
    })
}

/// Another one with each change.
fn phone(number: u64, times: u32) -> String {
    format!("512-{:03}-{number:04}", 555 + times % 400)
}
