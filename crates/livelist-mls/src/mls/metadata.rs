//! `$metadata`: the resources of this MLS as its vendor describes them.

use hyper::StatusCode;
use serde_json::json;

use super::Mls;
use crate::answer::{Answer, Body};
use crate::incoming::Incoming;
use crate::record::edmx::{Entity, Style};
use crate::record::tables::Resource;
use crate::record::{Field, Kind};
use crate::spec::{Provider, Told};

/// The fields of `Deleted` at the providers that have it.
const OF_DELETED: [(&str, Kind); 4] = [
    ("ListingKey", Kind::Text),
    ("primary_key", Kind::Text),
    ("resource", Kind::Text),
    ("ts", Kind::Moment),
];

impl Mls {
    pub(super) fn metadata(&self, incoming: &Incoming) -> Answer {
        let settings = self.spec.records();
        let mut entities = self.entities();
        match settings.metadata {
            Told::Whole => {}
            Told::ServiceDocument => return self.service_document(incoming, &entities),
            Told::NoProperty => entities.retain(|entity| entity.name != "Property"),
            Told::Missing => {
                let message = "Resource not found";
                return self.dialect.refusal(StatusCode::NOT_FOUND, message);
            }
        }
        let namespace = settings.namespace.as_deref();
        let style = Style::of(self.spec.provider, settings.lookups, namespace);
        let document = style.document(&entities, self.spec.options.contrary.keys);
        let mut answer = Answer::text(StatusCode::OK, "application/xml", "");
        answer.body = Body::Document(document);
        answer
    }

    /// The served resources.
    fn entities(&self) -> Vec<Entity> {
        let fields = self.all_columns().into_iter();
        let fields = fields.filter_map(|column| self.schema.described(column.name()));
        let mut entities = vec![Entity {
            name: "Property",
            key: "ListingKey",
            fields: fields.collect(),
            navigations: match self.tables().contains(&Resource::Media) {
                true => vec![("Media", "Media")],
                false => Vec::new(),
            },
        }];
        for table in self.tables() {
            entities.push(Entity {
                name: table.name(),
                key: table.key(self.spec.provider),
                fields: table.fields(self.spec.provider).to_vec(),
                navigations: Vec::new(),
            });
        }
        let deleted = match self.spec.provider {
            Provider::Rmls => &OF_DELETED[..1],
            Provider::UtahRealEstate => &OF_DELETED[1..],
            _ => &[],
        };
        if let Some((key, _)) = deleted.first() {
            let fields = deleted.iter().map(|&(name, kind)| Field { name, kind });
            entities.push(Entity {
                name: "Deleted",
                key,
                fields: fields.collect(),
                navigations: Vec::new(),
            });
        }
        entities
    }

    fn service_document(&self, incoming: &Incoming, entities: &[Entity]) -> Answer {
        let context = format!("{}{}/$metadata", incoming.origin(), self.base_path());
        let sets: Vec<_> = entities
            .iter()
            .map(|Entity { name, .. }| json!({"name": name, "kind": "EntitySet", "url": name}))
            .collect();
        let body = json!({"@odata.context": context, "value": sets});
        Answer::json(StatusCode::OK, &body)
    }
}
