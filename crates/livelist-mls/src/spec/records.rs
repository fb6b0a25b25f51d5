//! The records of a simulated MLS: their number of fields, odd values, and the form of the metadata.
//! Without these settings rows have a handful of fields, which is enough for scans.

use serde::{Deserialize, Serialize};

/// The most fields of a record.
pub(crate) const MOST_FIELDS: u16 = 632;

/// Whole records.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Records {
    /// Fields of a Property besides those of single providers; at most 632. With 0, rows stay as they are
    /// without this setting.
    pub fields: u16,
    /// One of five records has a value that contradicts its metadata: a year 0001, a decimal beyond its
    /// scale, a number in quotes, a zero byte, half a surrogate pair, a wrong type, an undeclared field,
    /// lists in another order each time, or a photo that is listed twice.
    pub odd_records: bool,
    /// How the metadata names the values of lookups.
    pub lookups: Lookups,
    /// The namespace of the entity types, instead of the vendor's.
    pub namespace: Option<String>,
    /// The answer to `$metadata`.
    pub metadata: Told,
    /// The clock for timestamps of changes.
    pub stamps: Stamps,
    /// The most photos of a listing; with 0 there is no Media.
    pub photos: u16,
    /// Which timestamps a change of photos moves.
    pub photos_move: PhotosMove,
    /// The value of an empty expansion.
    pub empty_expansion: Empty,
    /// The URL of a photo is another one in each answer.
    pub signed_urls: bool,
    /// The most photos that stand in a record; further ones are behind `Media@odata.nextLink`, as many a
    /// page. With 0 all stand in it.
    pub nested: u16,
}

impl Default for Records {
    fn default() -> Self {
        Self {
            fields: 150,
            odd_records: false,
            lookups: Lookups::Usual,
            namespace: None,
            metadata: Told::Whole,
            stamps: Stamps::Clock,
            photos: 8,
            photos_move: PhotosMove::Both,
            empty_expansion: Empty::Usual,
            signed_urls: false,
            nested: 0,
        }
    }
}

/// The form of lookups in metadata (RESO Data Dictionary 2.0 allows both).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lookups {
    /// The provider's.
    #[default]
    Usual,
    /// `EnumType`.
    EnumType,
    /// `Edm.String` with the annotation `RESO.OData.Metadata.LookupName`.
    Annotation,
}

/// The answer to `$metadata`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The whole document.
    #[default]
    Whole,
    /// The service document in JSON, as a server of RMLS did.
    ServiceDocument,
    /// A document without Property.
    NoProperty,
    /// 404.
    Missing,
}

/// Which timestamps a change of photos moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotosMove {
    /// `ModificationTimestamp` and `PhotosChangeTimestamp`.
    #[default]
    Both,
    /// `PhotosChangeTimestamp` alone (PropTx).
    PhotosOnly,
    /// No timestamp of the listing; those of the photos change.
    Neither,
}

/// The value of an empty expansion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Empty {
    /// `null` at Trestle (recorded), an empty list elsewhere.
    #[default]
    Usual,
    /// `[]`.
    List,
    /// `null`.
    Null,
    /// Nothing at all.
    Absent,
}

/// The clock for timestamps of changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stamps {
    /// The server's clock, as in `Date`; the book as it was opened is from 2024.
    #[default]
    Clock,
    /// The book's own, a minute after the last change.
    Book,
}
