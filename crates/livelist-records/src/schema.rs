//! The schema of a resource from `$metadata`: its key, its fields and their types.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The kind of a field's values. It follows from the EDM type (OData CSDL 4.01, section 4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `Edm.String`, `Edm.Guid`, and enumerations, whichever of their three spellings a provider uses.
    Text,
    /// `Edm.Boolean`
    Boolean,
    /// `Edm.Byte` to `Edm.Int64`
    Integer,
    /// `Edm.Decimal`, `Edm.Double`, `Edm.Single`: digits as they were sent, never a float.
    Decimal,
    /// `Edm.Date`
    Date,
    /// `Edm.TimeOfDay`
    Time,
    /// `Edm.DateTimeOffset`
    Instant,
    /// Collections, complex types, geography, and unknown types: JSON.
    Json,
}

impl Kind {
    /// The name in documents and in a destination's own tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Boolean => "boolean",
            Kind::Integer => "integer",
            Kind::Decimal => "decimal",
            Kind::Date => "date",
            Kind::Time => "time",
            Kind::Instant => "instant",
            Kind::Json => "json",
        }
    }

    /// The kind of this name.
    pub fn parse(name: &str) -> Option<Kind> {
        [
            Kind::Text,
            Kind::Boolean,
            Kind::Integer,
            Kind::Decimal,
            Kind::Date,
            Kind::Time,
            Kind::Instant,
            Kind::Json,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }
}

/// A field of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, as the provider spells it.
    pub name: String,
    /// The kind of its values.
    pub kind: Kind,
}

/// A navigation property, which `$expand` can include.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Navigation {
    /// Its name, e.g. `Media`.
    pub name: String,
    /// The entity type that it leads to, without its namespace.
    pub target: String,
    /// Whether it leads to several.
    pub is_collection: bool,
}

/// The schema of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// The resource's name, e.g. `Property`.
    pub resource: String,
    /// The fields of its key; RESO resources have one.
    pub key: Vec<String>,
    /// Its fields, in the order of the document.
    pub fields: Vec<Field>,
    /// What can be expanded.
    pub navigations: Vec<Navigation>,
    /// The expansions whose records belong to this one: each by the name of the member that holds them. Their
    /// key is empty where the metadata has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Schema>,
}

impl Schema {
    /// The expansion of this name whose records belong to this one.
    pub fn child(&self, name: &str) -> Option<&Schema> {
        self.children.iter().find(|child| child.resource == name)
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The timestamp that moves with a record: the Data Dictionary's `ModificationTimestamp`, or the
    /// first field whose name ends so (Bridge's `BridgeModificationTimestamp` beside none).
    pub fn stamp(&self) -> Option<&str> {
        let stamps = self.fields.iter().filter(|f| f.kind == Kind::Instant);
        let names = stamps.map(|field| field.name.as_str());
        let mut names = names.filter(|name| name.ends_with("ModificationTimestamp"));
        let first = names.clone().next();
        names
            .find(|name| *name == "ModificationTimestamp")
            .or(first)
    }

    /// A fingerprint of names and kinds: 16 hexadecimal digits. Another order of the fields has the same.
    pub fn print(&self) -> String {
        let mut fields: Vec<(&str, &str)> = self
            .fields
            .iter()
            .map(|field| (field.name.as_str(), field.kind.as_str()))
            .collect();
        fields.sort_unstable();
        let mut hash = Sha256::new();
        for (name, kind) in fields {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(kind.as_bytes());
            hash.update([0]);
        }
        for child in &self.children {
            hash.update(child.resource.as_bytes());
            hash.update([1]);
            hash.update(child.key.join(","));
            hash.update(child.print());
        }
        hex::encode(&hash.finalize()[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: &[(&str, Kind)]) -> Schema {
        Schema {
            resource: "Property".to_owned(),
            key: vec!["ListingKey".to_owned()],
            fields: fields
                .iter()
                .map(|(name, kind)| Field {
                    name: (*name).to_owned(),
                    kind: *kind,
                })
                .collect(),
            ..Schema::default()
        }
    }

    #[test]
    fn the_print_follows_names_and_kinds_alone() {
        let one = schema(&[("A", Kind::Text), ("B", Kind::Date)]);
        let turned = schema(&[("B", Kind::Date), ("A", Kind::Text)]);
        let other = schema(&[("A", Kind::Text), ("B", Kind::Text)]);
        assert_eq!(one.print(), turned.print());
        assert_ne!(one.print(), other.print());
        assert_eq!(one.print().len(), 16);
        let mut parent = one.clone();
        parent.children.push(other.clone());
        assert_ne!(parent.print(), one.print());
    }

    #[test]
    fn the_stamp_is_the_dictionary_s_or_the_provider_s_own() {
        let bridge = schema(&[
            ("PhotosChangeTimestamp", Kind::Instant),
            ("BridgeModificationTimestamp", Kind::Instant),
        ]);
        assert_eq!(bridge.stamp(), Some("BridgeModificationTimestamp"));
        let both = schema(&[
            ("OriginalModificationTimestamp", Kind::Instant),
            ("ModificationTimestamp", Kind::Instant),
        ]);
        assert_eq!(both.stamp(), Some("ModificationTimestamp"));
        let text = schema(&[("ModificationTimestamp", Kind::Text)]);
        assert_eq!(text.stamp(), None);
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in [
            "text", "boolean", "integer", "decimal", "date", "time", "instant", "json",
        ] {
            assert_eq!(Kind::parse(kind).map(Kind::as_str), Some(kind));
        }
        assert_eq!(Kind::parse("float"), None);
    }
}
