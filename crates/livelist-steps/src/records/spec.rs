//! What is replicated of one resource.

use livelist_model::ReplicationId;
use livelist_model::registry::{Expand, Full, Mls, Pair, ReplicatedResource, Replication};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_records::{Field, Kind, Metadata, MetadataError, Schema};

/// One resource of a replication, as it is asked for.
#[derive(Debug, Clone)]
pub struct ResourceSpec {
    /// The replication.
    pub replication: ReplicationId,
    /// The feed of whose records all are replicated. It is the feed of a client's pair with the same filter,
    /// or one that is scanned for the replication alone: what the nightly scan proves of it holds for the
    /// records.
    pub feed: FeedSpec,
    /// The fields to ask for, with commas between them; all where it is empty.
    pub select: String,
    /// What records are expanded with.
    pub expand: Vec<Expand>,
    /// How often all records are read again.
    pub full: Full,
}

impl ResourceSpec {
    /// A resource of a replication of this MLS.
    pub fn of(replication: &Replication, mls: &Mls, resource: &ReplicatedResource) -> ResourceSpec {
        let pair = Pair::of(&mls.mls, resource);
        ResourceSpec {
            replication: replication.replication.clone(),
            feed: FeedSpec::resolve(mls, &pair),
            select: resource.select.join(","),
            expand: resource.expand.clone(),
            full: replication.full,
        }
    }

    /// The resource's name.
    pub fn resource(&self) -> &str {
        self.feed.resource.as_str()
    }

    /// The resource's schema by a metadata document, with those of its expansions.
    ///
    /// # Errors
    /// It is no metadata, or has no such resource or expansion.
    pub fn schema(&self, xml: &[u8]) -> Result<Schema, MetadataError> {
        let metadata = Metadata::read(xml)?;
        let mut schema = metadata.schema(self.resource())?;
        for expand in &self.expand {
            let name = expand.name.as_str();
            let mut child = metadata.child(&schema, name)?;
            if !expand.owned {
                if schema.field(name).is_none() {
                    schema.fields.push(Field {
                        name: name.to_owned(),
                        kind: Kind::Json,
                    });
                }
                continue;
            }
            // Complex types have no key; their records have one by its name.
            let usual = format!("{name}Key");
            if child.key.is_empty() && child.field(&usual).is_some() {
                child.key.push(usual);
            }
            if child.key.len() > 1 {
                child.key.clear();
            }
            child.navigations.clear();
            schema.fields.retain(|field| field.name != name);
            schema.children.push(child);
        }
        Ok(schema)
    }

    /// What has to be asked for with `$expand`, with commas between: what is no navigation property comes
    /// with the record.
    pub fn asked_expansions(&self, schema: &Schema) -> String {
        let is_asked = |name: &&str| schema.navigations.iter().any(|n| n.name == **name);
        let names = self.expand.iter().map(|expand| expand.name.as_str());
        names.filter(is_asked).collect::<Vec<_>>().join(",")
    }

    /// Its expansions for its cursor.
    pub fn expanded(&self) -> Vec<String> {
        let names = self.expand.iter().map(|expand| match expand.owned {
            true => expand.name.to_string(),
            false => format!("{} as JSON", expand.name),
        });
        names.collect()
    }

    /// The name under which the credential is leased and a token is sealed. It is no run of the feed: it has
    /// no record there.
    pub fn run(&self, now: jiff::Timestamp) -> RunSpec {
        let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        RunSpec::of(date, self.feed.clone())
    }
}
