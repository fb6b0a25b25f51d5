//! `$metadata`: an EDMX document (OData CSDL XML 4.01) of the served resources, in the forms of vendors.

use super::lookups::{identifier, values};
use super::{Field, Kind};
use crate::spec::{KeyType, Lookups, Provider};

/// A resource as its metadata describes it.
pub(crate) struct Entity {
    /// Of the entity set, and of the type.
    pub name: &'static str,
    pub key: &'static str,
    pub fields: Vec<Field>,
    /// Name and target of each expandable property.
    pub navigations: Vec<(&'static str, &'static str)>,
}

/// How a vendor writes metadata.
pub(crate) struct Style {
    /// Of the entity types.
    pub namespace: String,
    /// The namespace of the container with the entity sets, if it is another one.
    pub container: &'static str,
    /// How the namespace of lookups is named: `{namespace}.Enums`, or one namespace for each resource
    /// (`PropertyEnums`).
    enums: Enums,
    lookups: Lookups,
    /// Navigations name the types by the namespace's alias.
    alias: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Enums {
    Within,
    OfResource,
}

impl Style {
    /// The vendor's form, as far as it is known from recorded documents and clients' code: Bridge, MLS
    /// Grid, Trestle (whose other name is `Cotality.DataStandard.RESO.DD`), UtahRealEstate and RMLS. Others
    /// have RESO's form.
    pub fn of(provider: Provider, lookups: Lookups, namespace: Option<&str>) -> Self {
        let (usual, container, enums, form, alias) = match provider {
            Provider::Bridge | Provider::Paragon => (
                "ODataService",
                "Default",
                Enums::OfResource,
                Lookups::EnumType,
                Some("self"),
            ),
            Provider::Trestle => (
                "CoreLogic.DataStandard.RESO.DD",
                "CoreLogic.DataStandard.RESO.DD",
                Enums::Within,
                Lookups::EnumType,
                None,
            ),
            Provider::MlsGrid => (
                "com.mlsgrid.metadata",
                "com.mlsgrid.container",
                Enums::Within,
                Lookups::Annotation,
                None,
            ),
            Provider::UtahRealEstate | Provider::Rmls => (
                "Odata.Models",
                "Default",
                Enums::Within,
                Lookups::Annotation,
                None,
            ),
            Provider::Crea | Provider::Ampre | Provider::Realtyna => (
                "org.reso.metadata",
                "org.reso.metadata",
                Enums::Within,
                Lookups::Annotation,
                None,
            ),
            _ => (
                "org.reso.metadata",
                "org.reso.metadata",
                Enums::Within,
                Lookups::EnumType,
                None,
            ),
        };
        let renamed = namespace.unwrap_or(usual).to_owned();
        Self {
            container: if container == usual { "" } else { container },
            namespace: renamed,
            enums,
            lookups: if lookups == Lookups::Usual {
                form
            } else {
                lookups
            },
            alias,
        }
    }

    fn lookup_space(&self, resource: &str) -> String {
        match self.enums {
            Enums::Within => format!("{}.Enums", self.namespace),
            Enums::OfResource => format!("{resource}Enums"),
        }
    }

    /// The whole document.
    pub fn document(&self, entities: &[Entity], keys: KeyType) -> String {
        let mut out = String::with_capacity(256 * 1024);
        out.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">\n<edmx:DataServices>\n");
        // A separate container comes first: the types that it names are not known yet.
        if !self.container.is_empty() {
            self.open(self.container, &mut out);
            self.sets(entities, &mut out);
            out.push_str("</Schema>\n");
        }
        self.open(&self.namespace, &mut out);
        for entity in entities {
            self.entity(entity, keys, &mut out);
        }
        if self.container.is_empty() {
            self.sets(entities, &mut out);
        }
        out.push_str("</Schema>\n");
        if self.lookups == Lookups::EnumType {
            self.enumerations(entities, &mut out);
        }
        out.push_str("</edmx:DataServices>\n</edmx:Edmx>\n");
        out
    }

    fn open(&self, namespace: &str, out: &mut String) {
        let alias = self.alias.filter(|_| namespace == self.namespace);
        let alias = alias.map_or_else(String::new, |alias| format!(" Alias=\"{alias}\""));
        out.push_str(&format!(
            "<Schema Namespace=\"{namespace}\"{alias} xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">\n"
        ));
    }

    fn sets(&self, entities: &[Entity], out: &mut String) {
        out.push_str("<EntityContainer Name=\"Container\">\n");
        for Entity { name, .. } in entities {
            out.push_str(&format!(
                "<EntitySet Name=\"{name}\" EntityType=\"{}.{name}\"/>\n",
                self.namespace
            ));
        }
        out.push_str("</EntityContainer>\n");
    }

    fn entity(&self, entity: &Entity, keys: KeyType, out: &mut String) {
        let Entity { name, key, .. } = entity;
        out.push_str(&format!(
            "<EntityType Name=\"{name}\">\n<Key><PropertyRef Name=\"{key}\"/></Key>\n"
        ));
        for field in &entity.fields {
            self.property(name, field, field.name == "ListingKey", keys, out);
        }
        let space = self.alias.unwrap_or(&self.namespace);
        for (name, target) in &entity.navigations {
            out.push_str(&format!(
                "<NavigationProperty Name=\"{name}\" Type=\"Collection({space}.{target})\"/>\n"
            ));
        }
        out.push_str("</EntityType>\n");
    }

    fn property(
        &self,
        resource: &str,
        field: &Field,
        is_key: bool,
        keys: KeyType,
        out: &mut String,
    ) {
        let name = field.name;
        let by_name = self.lookups == Lookups::EnumType;
        let lookup = format!("{}.{name}", self.lookup_space(resource));
        let (kind, facets) = match (field.kind, keys) {
            (Kind::Text, KeyType::Int64) if is_key => ("Edm.Int64".into(), String::new()),
            (Kind::Text, KeyType::Guid) if is_key => ("Edm.Guid".into(), String::new()),
            (Kind::Text, _) => ("Edm.String".into(), " MaxLength=\"255\"".into()),
            (Kind::Remarks, _) => ("Edm.String".into(), " MaxLength=\"4000\"".into()),
            (Kind::Lookup, _) if by_name => (lookup, String::new()),
            (Kind::Lookup, _) => ("Edm.String".to_owned(), " MaxLength=\"50\"".into()),
            (Kind::Lookups, _) if by_name => (format!("Collection({lookup})"), String::new()),
            (Kind::Lookups, _) => (
                "Collection(Edm.String)".into(),
                " MaxLength=\"1024\"".into(),
            ),
            (Kind::Decimal(scale), _) => {
                let precision = if scale == 8 { 12 } else { 14 };
                let facets = format!(" Precision=\"{precision}\" Scale=\"{scale}\"");
                ("Edm.Decimal".into(), facets)
            }
            (Kind::Int, _) => ("Edm.Int64".into(), String::new()),
            (Kind::Bool, _) => ("Edm.Boolean".into(), String::new()),
            (Kind::Date, _) => ("Edm.Date".into(), String::new()),
            // Nonsense that vendors write.
            (Kind::Moment, _) => ("Edm.DateTimeOffset".into(), " Precision=\"27\"".into()),
        };
        out.push_str(&format!(
            "<Property Name=\"{name}\" Type=\"{kind}\"{facets}"
        ));
        let annotated = !by_name && matches!(field.kind, Kind::Lookup | Kind::Lookups);
        out.push_str(&match annotated {
            true => format!(
                "><Annotation Term=\"RESO.OData.Metadata.LookupName\" String=\"{name}\"/></Property>\n"
            ),
            false => "/>\n".to_owned(),
        });
    }

    fn enumerations(&self, entities: &[Entity], out: &mut String) {
        let mut opened = String::new();
        for entity in entities {
            let space = self.lookup_space(entity.name);
            let of_lookups = |field: &&Field| matches!(field.kind, Kind::Lookup | Kind::Lookups);
            let mut lookups = entity.fields.iter().filter(of_lookups).peekable();
            if lookups.peek().is_none() {
                continue;
            }
            if space != opened {
                if !opened.is_empty() {
                    out.push_str("</Schema>\n");
                }
                self.open(&space, out);
                opened = space;
            }
            for field in lookups {
                out.push_str(&format!("<EnumType Name=\"{}\">\n", field.name));
                for value in values(field.name) {
                    let member = identifier(value);
                    out.push_str(&format!(
                        "<Member Name=\"{member}\"><Annotation Term=\"RESO.OData.Metadata.StandardName\" String=\"{value}\"/></Member>\n"
                    ));
                }
                out.push_str("</EnumType>\n");
            }
        }
        if !opened.is_empty() {
            out.push_str("</Schema>\n");
        }
    }
}
