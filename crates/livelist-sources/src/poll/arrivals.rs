//! What a page's records are for the log.

use livelist_log::Arrival;
use livelist_records::{Fields, Incoming, Place, RecordError, Way, cell, hash};
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
    /// Fields that differ in each answer and are no change: signed URLs.
    pub volatile: Vec<String>,
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

impl Reading {
    /// The arrivals of a page's body, and the records that cannot be read.
    ///
    /// # Errors
    /// The body is no page.
    pub fn arrivals(&self, body: Vec<u8>) -> Result<(Vec<Arrival>, Vec<Rejected>), PageError> {
        let records = Records::of(body)?;
        let rows = records.rows()?;
        let mut arrivals = Vec::with_capacity(rows.len());
        let mut rejected = Vec::new();
        for row in rows {
            match self.arrival(row.get()) {
                Ok(arrival) => arrivals.push(arrival),
                Err((key, error)) => rejected.push(Rejected { key, error }),
            }
        }
        Ok((arrivals, rejected))
    }

    fn arrival(&self, row: &str) -> Result<Arrival, (Option<String>, RecordError)> {
        let fields = Fields::read(row).map_err(|error| (None, error))?;
        let key = fields.key(&self.key).map_err(|error| (None, error))?;
        let stamp = fields.text(&self.stamp).map(|stamp| stamp.into_owned());
        let volatile: Vec<&str> = self.volatile.iter().map(String::as_str).collect();
        let incoming = Incoming::Record {
            way: self.way,
            stamp: stamp.as_deref().and_then(cell::instant),
            hash: hash::hash(&fields, &volatile),
        };
        let record = RawValue::from_string(fields.to_json());
        let record =
            record.map_err(|e| (Some(key.to_string()), RecordError::Json(e.to_string())))?;
        Ok(Arrival {
            place: Place {
                resource: self.resource.clone(),
                key: key.into_owned(),
            },
            incoming,
            stamp,
            record: Some(record),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_record_stops_no_other() {
        let reading = Reading {
            resource: "Property".to_owned(),
            key: "ListingKey".to_owned(),
            stamp: "ModificationTimestamp".to_owned(),
            volatile: vec!["MediaURL".to_owned()],
            way: Way::Listed,
        };
        let body = br#"{"value": [
            {"ListingKey": "a", "ModificationTimestamp": "2026-11-28T04:00:00Z", "MediaURL": "1"},
            {"ListPrice": 5}, {"ListingKey": "b", "X": 1, "X": 2},
            {"ListingKey": "a", "ModificationTimestamp": "2026-11-28T04:00:00Z", "MediaURL": "2"}]}"#;
        let (arrivals, rejected) = reading.arrivals(body.to_vec()).unwrap();
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
