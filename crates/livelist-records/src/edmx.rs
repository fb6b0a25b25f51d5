//! Reads `$metadata`: an EDMX document (OData CSDL XML 4.01). Takes of it what replication needs: entity
//! sets, keys, fields with their types, navigations. The XML itself is quick-xml's business.
//!
//! The entity type of a resource is found through its entity set. Namespaces are the vendor's own and
//! change (Trestle renamed its in 2025), so nothing is found by a namespace.

use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::schema::{Field, Kind, Navigation, Schema};

/// Why a document is no metadata, or lacks a resource.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// It is not XML.
    #[error("the metadata is not XML: {0}")]
    Xml(String),
    /// It is XML, and describes no entity.
    #[error("the metadata describes no entity types; its first element is `{0}`")]
    Shape(String),
    /// It has no such expansion.
    #[error("`{resource}` cannot be expanded with `{name}`; it can with {others}")]
    NoExpansion {
        /// The resource.
        resource: String,
        /// The expansion that was looked for.
        name: String,
        /// What is there instead.
        others: String,
    },
    /// The resource is not in it.
    #[error("the metadata has no entity set `{resource}`; it has {others}")]
    Missing {
        /// The resource that was looked for.
        resource: String,
        /// The other entity types.
        others: String,
    },
}

/// An entity or complex type as the document has it.
#[derive(Debug, Clone, Default)]
struct Type {
    is_complex: bool,
    base: Option<String>,
    key: Vec<String>,
    properties: Vec<(String, String)>,
    navigations: Vec<(String, String)>,
}

/// What a metadata document says.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// Entity and complex types by their qualified names.
    entities: BTreeMap<String, Type>,
    /// The underlying types of type definitions, by qualified name.
    definitions: BTreeMap<String, String>,
    /// Enumerations, by qualified name.
    enumerations: Vec<String>,
    /// Entity sets: the name, and the qualified name of the type.
    sets: BTreeMap<String, String>,
    /// Namespaces by their aliases.
    aliases: BTreeMap<String, String>,
}

/// Documents deeper than this are not metadata.
const MAX_DEPTH: usize = 64;

impl Metadata {
    /// Reads a document.
    ///
    /// # Errors
    /// It is not XML, or describes no entity.
    ///
    /// ```
    /// use livelist_records::{Kind, Metadata};
    ///
    /// let xml = br#"<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
    ///   <Schema Namespace="Vendor.DD">
    ///     <EntityType Name="Property"><Key><PropertyRef Name="ListingKey"/></Key>
    ///       <Property Name="ListingKey" Type="Edm.String"/>
    ///       <Property Name="ListPrice" Type="Edm.Decimal"/>
    ///     </EntityType>
    ///     <EntityContainer Name="C"><EntitySet Name="Property" EntityType="Vendor.DD.Property"/></EntityContainer>
    ///   </Schema></edmx:DataServices></edmx:Edmx>"#;
    /// let schema = Metadata::read(xml)?.schema("Property")?;
    /// assert_eq!(schema.key, ["ListingKey"]);
    /// assert_eq!(schema.field("ListPrice").map(|f| f.kind), Some(Kind::Decimal));
    /// # Ok::<(), livelist_records::MetadataError>(())
    /// ```
    pub fn read(xml: &[u8]) -> Result<Metadata, MetadataError> {
        let mut reader = Reader::from_reader(xml);
        let mut found = Metadata::default();
        let mut namespace = String::new();
        let mut first = None;
        let mut at: Vec<(String, Option<String>)> = Vec::new();
        let mut current = Type::default();
        let mut has_entities = false;
        let failed =
            |e: &dyn std::fmt::Display, at: u64| MetadataError::Xml(format!("{e}, at byte {at}"));
        loop {
            let position = reader.buffer_position();
            let event = reader.read_event().map_err(|e| failed(&e, position))?;
            let (element, is_empty) = match &event {
                Event::Start(element) => (element, false),
                Event::Empty(element) => (element, true),
                Event::End(_) => {
                    if let Some((name, id)) = at.pop()
                        && is_type(&name)
                        && let Some(id) = id
                    {
                        found.entities.insert(id, std::mem::take(&mut current));
                    }
                    continue;
                }
                Event::Eof => break,
                _ => continue,
            };
            let name = element.local_name().as_ref().to_owned();
            if first.is_none() {
                first = Some(name.clone());
            }
            let value = |attribute: &str| attribute_of(element, attribute);
            let in_entity = at.last().is_some_and(|(name, _)| is_type(name));
            let in_key = at.last().is_some_and(|(name, _)| name == "Key");
            let id = value("Name").map(|name| format!("{namespace}.{name}"));
            match name.as_str() {
                "Schema" => {
                    namespace = value("Namespace").unwrap_or_default();
                    if let Some(alias) = value("Alias") {
                        found.aliases.insert(alias, namespace.clone());
                    }
                }
                "EntityType" | "ComplexType" => {
                    has_entities |= name == "EntityType";
                    current = Type {
                        is_complex: name == "ComplexType",
                        base: value("BaseType"),
                        ..Type::default()
                    };
                    if let (true, Some(id)) = (is_empty, &id) {
                        found.entities.insert(id.clone(), current.clone());
                    }
                }
                "EnumType" => found.enumerations.extend(id.clone()),
                "TypeDefinition" => {
                    if let (Some(id), Some(under)) = (&id, value("UnderlyingType")) {
                        found.definitions.insert(id.clone(), under);
                    }
                }
                "EntitySet" => {
                    if let (Some(name), Some(of)) = (value("Name"), value("EntityType")) {
                        found.sets.insert(name, of);
                    }
                }
                "PropertyRef" if in_key => current.key.extend(value("Name")),
                "Property" if in_entity => {
                    if let (Some(name), Some(of)) = (value("Name"), value("Type")) {
                        current.properties.push((name, of));
                    }
                }
                "NavigationProperty" if in_entity => {
                    if let (Some(name), Some(of)) = (value("Name"), value("Type")) {
                        current.navigations.push((name, of));
                    }
                }
                _ => {}
            }
            if !is_empty {
                if at.len() == MAX_DEPTH {
                    return Err(MetadataError::Xml("it is nested too deeply".to_owned()));
                }
                at.push((name, id));
            }
        }
        if !at.is_empty() {
            return Err(MetadataError::Xml("it ends too early".to_owned()));
        }
        match (first, !has_entities) {
            (None, _) => Err(MetadataError::Xml("there is no element".to_owned())),
            (Some(first), true) => Err(MetadataError::Shape(first)),
            (Some(_), false) => Ok(found),
        }
    }

    /// The names of all entity sets, in order.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(String::as_str)
    }

    /// The schema of `resource`, including the fields of its base types.
    ///
    /// # Errors
    /// There is no such entity set, nor a single entity type of this name.
    pub fn schema(&self, resource: &str) -> Result<Schema, MetadataError> {
        let missing = || MetadataError::Missing {
            resource: resource.to_owned(),
            others: self.others(),
        };
        let id = self.id_of(resource).ok_or_else(missing)?;
        Ok(self.described(resource, id))
    }

    /// What it says of the records in an expansion of `schema`: a navigation property, or a property whose
    /// values are records. Where there is neither, an error that names the navigation properties.
    ///
    /// # Errors
    /// There is no such member, or the document does not describe its type.
    pub fn child(&self, schema: &Schema, name: &str) -> Result<Schema, MetadataError> {
        let missing = || {
            let names: Vec<&str> = schema.navigations.iter().map(|n| n.name.as_str()).collect();
            MetadataError::NoExpansion {
                resource: schema.resource.clone(),
                name: name.to_owned(),
                others: match names.is_empty() {
                    true => "none".to_owned(),
                    false => names.join(", "),
                },
            }
        };
        let lineage = self.lineage(self.id_of(&schema.resource).ok_or_else(missing)?);
        let mut members = lineage
            .iter()
            .flat_map(|t| t.navigations.iter().chain(&t.properties));
        let of = members.find_map(|(member, of)| (member == name).then_some(of));
        let of = of.ok_or_else(missing)?;
        let id = self.qualified(inner(of).unwrap_or(of));
        match self.entities.contains_key(&id) {
            true => Ok(self.described(name, id)),
            false => Err(missing()),
        }
    }

    /// A type and those that it is based on, itself first.
    fn lineage(&self, id: String) -> Vec<&Type> {
        let mut lineage = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            let Some(entity) = self.entities.get(&id) else {
                break;
            };
            if lineage.len() == MAX_DEPTH {
                break;
            }
            lineage.push(entity);
            next = entity.base.as_deref().map(|base| self.qualified(base));
        }
        lineage
    }

    fn described(&self, resource: &str, id: String) -> Schema {
        let mut schema = Schema {
            resource: resource.to_owned(),
            ..Schema::default()
        };
        for entity in self.lineage(id).into_iter().rev() {
            schema.key.extend(entity.key.iter().cloned());
            for (name, of) in &entity.properties {
                if schema.field(name).is_none() {
                    schema.fields.push(Field {
                        name: name.clone(),
                        kind: self.kind(of),
                    });
                }
            }
            for (name, of) in &entity.navigations {
                let (target, is_collection) = match inner(of) {
                    Some(inner) => (inner, true),
                    None => (of.as_str(), false),
                };
                let target = target.rsplit('.').next().unwrap_or(target);
                schema.navigations.push(Navigation {
                    name: name.clone(),
                    target: target.to_owned(),
                    is_collection,
                });
            }
        }
        schema
    }

    /// The type of a resource's records.
    fn id_of(&self, resource: &str) -> Option<String> {
        let of = self.sets.get(resource).map(|of| self.qualified(of));
        if let Some(of) = of.filter(|of| self.entities.contains_key(of)) {
            return Some(of);
        }
        // Some documents have no container: the type of the resource's name, where there is one.
        let suffix = format!(".{resource}");
        let named = self
            .entities
            .iter()
            .filter(|(id, of)| id.ends_with(&suffix) && !of.is_complex);
        let mut named = named.map(|(id, _)| id);
        match (named.next(), named.next()) {
            (Some(one), None) => Some(one.clone()),
            _ => None,
        }
    }

    fn others(&self) -> String {
        let names: Vec<&str> = self.resources().take(12).collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        }
    }

    /// A type's name with its namespace instead of the alias.
    fn qualified(&self, name: &str) -> String {
        match name.rsplit_once('.') {
            Some((alias, last)) => match self.aliases.get(alias) {
                Some(namespace) => format!("{namespace}.{last}"),
                None => name.to_owned(),
            },
            None => name.to_owned(),
        }
    }

    fn kind(&self, of: &str) -> Kind {
        if inner(of).is_some() {
            return Kind::Json;
        }
        let Some(edm) = of.strip_prefix("Edm.") else {
            let id = self.qualified(of);
            return match self.definitions.get(&id) {
                Some(under) if under.starts_with("Edm.") => self.kind(under),
                _ if self.enumerations.contains(&id) => Kind::Text,
                _ => Kind::Json,
            };
        };
        match edm {
            "String" | "Guid" | "Binary" | "Duration" => Kind::Text,
            "Boolean" => Kind::Boolean,
            "Byte" | "SByte" | "Int16" | "Int32" | "Int64" => Kind::Integer,
            "Decimal" | "Double" | "Single" => Kind::Decimal,
            "Date" => Kind::Date,
            "TimeOfDay" => Kind::Time,
            // OData 3 servers say `Edm.DateTime`.
            "DateTimeOffset" | "DateTime" => Kind::Instant,
            _ => Kind::Json,
        }
    }
}

fn is_type(element: &str) -> bool {
    matches!(element, "EntityType" | "ComplexType")
}

fn inner(of: &str) -> Option<&str> {
    of.strip_prefix("Collection(")?.strip_suffix(')')
}

fn attribute_of(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
    Some(value.trim().to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
