//! What a page's records are for the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use livelist_log::{Arrival, Lacks};
use livelist_records::children::with_members;
use livelist_records::{Children, Fields, Hashing, Incoming, Place, RecordError, Way, cell};
use livelist_reso::page::PageError;
use livelist_reso::records::Records;
use serde_json::value::RawValue;

/// How records of a resource are read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The resource.
    pub resource: String,
    /// The field with the key.
    pub key: String,
    /// The field with the modification stamp.
    pub stamp: String,
    /// What is no change, and which members are expansions.
    pub hashing: Arc<Hashing>,
    /// Fields that never enter the log: URLs that may be used once.
    pub never: Vec<String>,
    /// How the records were got.
    pub way: Way,
}

/// A record that cannot be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its key, if it has one.
    pub key: Option<String>,
    /// Why.
    pub error: RecordError,
}

/// A page with whole records.
pub struct Page {
    records: Records,
    /// What further pages of expansions brought, by the record's place and the expansion.
    more: BTreeMap<(usize, String), Vec<Records>>,
}

/// An expansion of a record that goes on at a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nested {
    /// The record's place in the page.
    pub row: usize,
    /// The expansion.
    pub name: String,
    /// Where the next page of it is.
    pub link: String,
}

impl Page {
    /// Of a page's body.
    ///
    /// # Errors
    /// The body is no page.
    pub fn of(body: Vec<u8>) -> Result<Page, PageError> {
        Ok(Page {
            records: Records::of(body)?,
            more: BTreeMap::new(),
        })
    }

    /// Adds a further page of an expansion. Gives where that goes on, if it does.
    ///
    /// # Errors
    /// The body is no page.
    pub fn add(&mut self, nested: &Nested, body: Vec<u8>) -> Result<Option<Nested>, PageError> {
        let records = Records::of(body)?;
        let next = records.next()?;
        let place = (nested.row, nested.name.clone());
        self.more.entry(place).or_default().push(records);
        Ok(next.map(|link| Nested {
            link,
            ..nested.clone()
        }))
    }
}

impl Reading {
    /// The expansions of a page's records that go on elsewhere (OData JSON 4.01, section 4.5.5,
    /// `Media@odata.nextLink`).
    ///
    /// # Errors
    /// It is no page.
    pub fn nested(&self, page: &Page) -> Result<Vec<Nested>, PageError> {
        let mut found = Vec::new();
        if self.hashing.expansions.is_empty() {
            return Ok(found);
        }
        for (row, record) in page.records.rows()?.iter().enumerate() {
            if !record.get().contains("extLink\"") {
                continue;
            }
            // What is no object is rejected later.
            let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(record.get())
            else {
                continue;
            };
            for (name, _) in &self.hashing.expansions {
                let links = ["odata.nextLink", "nextLink"].map(|link| format!("{name}@{link}"));
                let link = links.iter().find_map(|link| members.get(link));
                let link = link.and_then(|link| serde_json::from_str::<String>(link.get()).ok());
                found.extend(link.map(|link| Nested {
                    row,
                    name: name.clone(),
                    link,
                }));
            }
        }
        Ok(found)
    }

    /// The arrivals of a page, and the records that cannot be read.
    ///
    /// # Errors
    /// It is no page.
    pub fn arrivals(&self, page: &Page) -> Result<(Vec<Arrival>, Vec<Rejected>), PageError> {
        let rows = page.records.rows()?;
        let mut arrivals = Vec::with_capacity(rows.len());
        let mut rejected = Vec::new();
        for (nth, row) in rows.into_iter().enumerate() {
            let whole = self.with_more(page, nth, row)?;
            match self.arrival(whole.as_deref().unwrap_or(row.get())) {
                Ok(arrival) => arrivals.push(arrival),
                Err((key, error)) => rejected.push(Rejected { key, error }),
            }
        }
        Ok((arrivals, rejected))
    }

    /// A record with what further pages of its expansions brought; nothing where there are none.
    fn with_more(
        &self,
        page: &Page,
        nth: usize,
        row: &RawValue,
    ) -> Result<Option<String>, PageError> {
        let mut members: Vec<(&str, String)> = Vec::new();
        let Ok(fields) = Fields::read(row.get()) else {
            return Ok(None);
        };
        for (name, _) in &self.hashing.expansions {
            let Some(more) = page.more.get(&(nth, name.clone())) else {
                continue;
            };
            let first = fields.get(name).unwrap_or("[]");
            let first: Vec<&RawValue> = serde_json::from_str(first).unwrap_or_default();
            let mut all: Vec<&str> = first.iter().map(|item| item.get()).collect();
            for page in more {
                all.extend(page.rows()?.iter().map(|item| item.get()));
            }
            members.push((name, format!("[{}]", all.join(","))));
        }
        let members: Vec<(&str, &str)> = members
            .iter()
            .map(|(name, list)| (*name, &**list))
            .collect();
        Ok((!members.is_empty()).then(|| with_members(&fields, &members)))
    }

    fn arrival(&self, row: &str) -> Result<Arrival, (Option<String>, RecordError)> {
        let mut fields = Fields::read(row).map_err(|error| (None, error))?;
        let key = fields.key(&self.key).map_err(|error| (None, error))?;
        let key = key.into_owned();
        let failed = |error: RecordError| (Some(key.clone()), error);
        let slim = self.slim(&fields);
        if let Some(slim) = &slim {
            fields = Fields::read(slim).map_err(failed)?;
        }
        let stamp = fields.text(&self.stamp).map(|stamp| stamp.into_owned());
        let incoming = Incoming::Record {
            way: self.way,
            stamp: stamp.as_deref().and_then(cell::instant),
            hash: self.hashing.of(&fields),
        };
        let expansions = self.hashing.expansions.iter().map(|(name, _)| name);
        let lacks = expansions.filter(|name| fields.get(name).is_none_or(|value| value == "null"));
        let lacks: Vec<String> = lacks.cloned().collect();
        let record = RawValue::from_string(fields.to_json());
        let record = record.map_err(|e| failed(RecordError::Json(e.to_string())))?;
        Ok(Arrival {
            place: Place {
                resource: self.resource.clone(),
                key,
            },
            incoming,
            stamp,
            record: Some(record),
            lacks: (!lacks.is_empty()).then(|| Lacks {
                names: lacks,
                hashing: self.hashing.clone(),
            }),
        })
    }

    /// The record without what never enters the log; nothing where there is nothing to leave out.
    fn slim(&self, fields: &Fields<'_>) -> Option<String> {
        if self.never.is_empty() {
            return None;
        }
        let mut members = Vec::new();
        for (name, key) in &self.hashing.expansions {
            let value = fields.get(name).unwrap_or("null");
            // As it was sent, also where a record stands there twice.
            if let Some(children) = Children::every(value, key.as_deref()) {
                members.push((name.as_str(), children.to_json(&self.never)));
            }
        }
        let members: Vec<(&str, &str)> = members
            .iter()
            .map(|(name, list)| (*name, &**list))
            .collect();
        let slim = with_members(fields, &members);
        match Fields::read(&slim) {
            Ok(fields) => Some(fields.to_json_without(&self.never)),
            Err(_) => Some(slim),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashing() -> Arc<Hashing> {
        Arc::new(Hashing {
            volatile: vec!["MediaURL".to_owned()],
            expansions: vec![("Media".to_owned(), Some("MediaKey".to_owned()))],
        })
    }

    fn reading() -> Reading {
        Reading {
            resource: "Property".to_owned(),
            key: "ListingKey".to_owned(),
            stamp: "ModificationTimestamp".to_owned(),
            hashing: hashing(),
            never: Vec::new(),
            way: Way::Listed,
        }
    }

    fn hash(arrival: &Arrival) -> u64 {
        match arrival.incoming {
            Incoming::Record { hash, .. } => hash,
            Incoming::Removal(_) => panic!("a record"),
        }
    }

    #[test]
    fn further_pages_of_an_expansion_are_part_of_the_record() {
        let reading = reading();
        let body = br#"{"value": [
            {"ListingKey": "a", "Media": [{"MediaKey": "1"}], "Media@odata.nextLink": "Media?2"},
            {"ListingKey": "b", "Media": null}, {"ListingKey": "c", "Media": []}]}"#;
        let mut page = Page::of(body.to_vec()).unwrap();
        let nested = reading.nested(&page).unwrap();
        assert_eq!(
            (nested.len(), nested[0].row, nested[0].link.as_str()),
            (1, 0, "Media?2")
        );
        let two = br#"{"value":[{"MediaKey":"2"}],"@odata.nextLink":"Media?3"}"#;
        let next = page.add(&nested[0], two.to_vec()).unwrap().unwrap();
        assert_eq!(next.link, "Media?3");
        let three = br#"{"value":[{"MediaKey":"3"}]}"#;
        assert_eq!(page.add(&next, three.to_vec()).unwrap(), None);
        let (arrivals, _) = reading.arrivals(&page).unwrap();
        let record = arrivals[0].record.as_ref().unwrap().get();
        let expected =
            r#"{"ListingKey":"a","Media":[{"MediaKey":"1"},{"MediaKey":"2"},{"MediaKey":"3"}]}"#;
        assert_eq!(record, expected);
        let whole = format!("{{\"value\":[{expected}]}}");
        let (same, _) = reading
            .arrivals(&Page::of(whole.into_bytes()).unwrap())
            .unwrap();
        assert_eq!(hash(&same[0]), hash(&arrivals[0]));
        let lacks = |at: usize| arrivals[at].lacks.as_ref().map(|lacks| lacks.names.clone());
        assert_eq!(
            (lacks(0), lacks(1), lacks(2)),
            (None, Some(vec!["Media".to_owned()]), None)
        );
    }

    #[test]
    fn what_may_not_be_kept_is_not() {
        let reading = Reading {
            never: vec!["MediaURL".to_owned()],
            ..reading()
        };
        let body = br#"{"value": [{"ListingKey": "a", "MediaURL": "https://secret",
            "Media": [{"MediaKey": "1", "MediaURL": "https://secret"}, {"MediaKey": "1", "Order": 2}]}]}"#;
        let (arrivals, _) = reading.arrivals(&Page::of(body.to_vec()).unwrap()).unwrap();
        let record = arrivals[0].record.as_ref().unwrap().get();
        assert_eq!(
            record,
            r#"{"ListingKey":"a","Media":[{"MediaKey":"1"},{"MediaKey":"1","Order":2}]}"#
        );
    }

    #[test]
    fn a_bad_record_stops_no_other() {
        let reading = reading();
        let body = br#"{"value": [
            {"ListingKey": "a", "ModificationTimestamp": "2026-11-28T04:00:00Z", "MediaURL": "1"},
            {"ListPrice": 5}, {"ListingKey": "b", "X": 1, "X": 2},
            {"ListingKey": "a", "ModificationTimestamp": "2026-11-28T04:00:00Z", "MediaURL": "2"}]}"#;
        let page = Page::of(body.to_vec()).unwrap();
        let (arrivals, rejected) = reading.arrivals(&page).unwrap();
        let hashes: Vec<u64> = arrivals
            .iter()
            .filter_map(|arrival| match arrival.incoming {
                Incoming::Record { hash, .. } => Some(hash),
                Incoming::Removal(_) => None,
            })
            .collect();
        assert_eq!(hashes.len(), 2);
        assert_eq!(hashes[0], hashes[1]);
        let names: Vec<&str> = rejected.iter().map(|r| r.error.name()).collect();
        assert_eq!(names, ["NoKey", "MemberTwice"]);
    }
}
