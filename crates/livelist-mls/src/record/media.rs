//! The photos of a listing. They depend on the seed, the row and the number of changes: each change removes
//! the first photo, adds another one, and moves the others by one position.

use serde_json::json;

use super::odd::OddValue;
use crate::book::dice::mix;
use crate::book::{Edit, lot, photos_us};
use crate::spec::Empty;

/// The photos of one listing.
pub(crate) struct Photos {
    seed: u64,
    row: u32,
    edit: Edit,
    pub count: u32,
}

/// The form of photos in a record.
pub(crate) struct Expansion {
    pub empty: Empty,
    /// The salt of URL signatures.
    pub salt: Option<u64>,
    /// The most photos at once; 0 are all.
    pub nested: u16,
}

/// Some of the photos of a listing.
pub(crate) struct Shown {
    /// As JSON.
    pub json: String,
    /// How many were shown by now, where there are more.
    pub more: Option<u32>,
}

impl Photos {
    /// A listing has none to `most`; one whose photos changed has some.
    pub fn of(seed: u64, row: u32, edit: &Edit, most: u16) -> Self {
        let drawn = (lot(seed, row, 71) % (u64::from(most) + 1)) as u32;
        Self {
            seed,
            row,
            edit: *edit,
            count: drawn.max(u32::from(edit.photos > 0 && most > 0)),
        }
    }

    /// Whether the first one is listed twice, as some servers do.
    pub fn is_twice(&self) -> bool {
        OddValue::of(self.seed, self.row) == Some(OddValue::ListsInMotion)
    }

    pub fn key(&self, nth: u32) -> String {
        format!("{}{:05}", 7_000_000 + self.row, self.number(nth))
    }

    /// Photos are numbered over all changes.
    fn number(&self, nth: u32) -> u32 {
        self.edit.photos + nth
    }

    /// When the photos say that they changed, in microseconds.
    pub fn changed_us(&self) -> i64 {
        let listed = || photos_us(self.seed, self.row, 0, &Edit::default(), true);
        self.edit.media_us.unwrap_or_else(listed)
    }

    /// A photo as JSON.
    pub fn photo(
        &self,
        nth: u32,
        parent: &str,
        salt: Option<u64>,
        stamp: &str,
    ) -> serde_json::Value {
        let key = self.key(nth);
        let mut url = format!("https://media.example/{}/{key}.jpg", self.row);
        if let Some(salt) = salt {
            url.push_str(&format!("?signature={:016x}", mix(salt ^ self.seed)));
        }
        json!({
            "MediaKey": key,
            "ResourceName": "Property",
            "ResourceRecordKey": parent,
            "Order": 1 + (nth + self.edit.photos) % self.count.max(1),
            "MediaURL": url,
            "MediaCategory": "Photo",
            "MimeType": "image/jpeg",
            "ShortDescription": self.number(nth).is_multiple_of(3).then_some("Front view 🏡"),
            "ImageWidth": 2_048,
            "ImageHeight": 1_365,
            "ModificationTimestamp": stamp,
        })
    }
}

impl Expansion {
    /// The photos of a listing behind the first ones; nothing where the member is left out.
    pub fn write(
        &self,
        photos: &Photos,
        behind: u32,
        parent: &str,
        twice: bool,
        stamp: &dyn Fn(i64) -> String,
    ) -> Option<Shown> {
        let whole = |json: &str| Shown {
            json: json.to_owned(),
            more: None,
        };
        if photos.count == 0 {
            return match self.empty {
                Empty::Absent => None,
                Empty::Null => Some(whole("null")),
                Empty::List | Empty::Usual => Some(whole("[]")),
            };
        }
        let at = stamp(photos.changed_us());
        let most = match self.nested {
            0 => u32::MAX,
            most => u32::from(most),
        };
        let end = photos.count.min(behind.saturating_add(most));
        let is_last = end == photos.count;
        let again = (twice && is_last).then_some(0);
        let all = (behind..end).chain(again);
        let all = all.map(|nth| photos.photo(nth, parent, self.salt, &at));
        Some(Shown {
            json: serde_json::Value::from_iter(all).to_string(),
            more: (!is_last).then_some(end),
        })
    }
}
