//! The resources besides Property: their keys, their fields, and the fields by which they can be filtered.

use super::{Field, Kind};
use crate::filter;
use crate::spec::Provider;

/// A resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Resource {
    Property,
    Member,
    Office,
    Media,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind }
}

const VIEW: Field = field("MlgCanView", Kind::Bool);

const OF_MEMBER: [Field; 13] = [
    field("MemberKey", Kind::Text),
    field("MemberMlsId", Kind::Text),
    field("MemberFullName", Kind::Text),
    field("MemberFirstName", Kind::Text),
    field("MemberMiddleName", Kind::Text),
    field("MemberLastName", Kind::Text),
    field("MemberEmail", Kind::Text),
    field("MemberDirectPhone", Kind::Text),
    field("MemberStatus", Kind::Lookup),
    field("OfficeKey", Kind::Text),
    field("OriginatingSystemName", Kind::Text),
    field("ModificationTimestamp", Kind::Moment),
    VIEW,
];

const OF_OFFICE: [Field; 8] = [
    field("OfficeKey", Kind::Text),
    field("OfficeMlsId", Kind::Text),
    field("OfficeName", Kind::Text),
    field("OfficePhone", Kind::Text),
    field("OfficeStatus", Kind::Lookup),
    field("OriginatingSystemName", Kind::Text),
    field("ModificationTimestamp", Kind::Moment),
    VIEW,
];

const OF_MEDIA: [Field; 13] = [
    field("MediaKey", Kind::Text),
    field("ResourceName", Kind::Text),
    field("ResourceRecordKey", Kind::Text),
    field("Order", Kind::Int),
    field("MediaURL", Kind::Remarks),
    field("MediaCategory", Kind::Lookup),
    field("MimeType", Kind::Text),
    field("ShortDescription", Kind::Text),
    field("ImageWidth", Kind::Int),
    field("ImageHeight", Kind::Int),
    field("ModificationTimestamp", Kind::Moment),
    field("OriginatingSystemName", Kind::Text),
    VIEW,
];

impl Resource {
    /// Those that are no Property.
    pub const TABLES: [Self; 3] = [Self::Member, Self::Office, Self::Media];

    pub fn name(self) -> &'static str {
        match self {
            Self::Property => "Property",
            Self::Member => "Member",
            Self::Office => "Office",
            Self::Media => "Media",
        }
    }

    /// MLS Grid's metadata keys its members by `MemberMlsId`.
    pub fn key(self, provider: Provider) -> &'static str {
        match (self, provider) {
            (Self::Property, _) => "ListingKey",
            (Self::Member, Provider::MlsGrid) => "MemberMlsId",
            (Self::Member, _) => "MemberKey",
            (Self::Office, _) => "OfficeKey",
            (Self::Media, _) => "MediaKey",
        }
    }

    /// The fields of a table; `MlgCanView` is MLS Grid's.
    pub fn fields(self, provider: Provider) -> &'static [Field] {
        let fields: &[Field] = match self {
            Self::Property => &[],
            Self::Member => &OF_MEMBER,
            Self::Office => &OF_OFFICE,
            Self::Media => &OF_MEDIA,
        };
        match (provider, fields) {
            (Provider::MlsGrid, fields) => fields,
            (_, [fields @ .., _]) => fields,
            (_, []) => &[],
        }
    }

    /// The type of a table's field for the filter parser.
    pub fn filtered(self, name: &str, key: &str) -> Option<filter::Field> {
        match (self, name) {
            (_, name) if name == key => Some(filter::Field::ListingKey),
            (Self::Media, "ResourceRecordKey") => Some(filter::Field::ListingId),
            (_, "ModificationTimestamp" | "OriginatingSystemName" | "MlgCanView") => {
                filter::Field::named(name)
            }
            _ => None,
        }
    }
}
