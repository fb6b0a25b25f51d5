//! What the commands about records work on: the registry's documents, the log, the destinations.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use livelist_copies::Room;
use livelist_destinations::{Destination, DestinationError};
use livelist_model::registry::{DestinationDocument, Registry, Replication};
use livelist_model::{MlsId, ReplicationId};
use livelist_reso::Dialects;
use livelist_steps::Env;
use livelist_store::registry::read_registry_with_records;

use crate::cli::{DataArgs, RegistryArgs};
use crate::context::{env, open_registry};
use crate::exit::Failed;
use crate::logs;

/// An installation on this machine, with its documents of records.
pub struct Opened {
    /// The ports.
    pub env: Arc<Env>,
    /// The registry.
    pub registry: Registry,
    /// Whether all documents are sound.
    pub is_sound: bool,
    /// The directory of the data.
    pub data: PathBuf,
}

/// Opens it, and tells on standard error what is wrong with the registry.
pub async fn open(
    registry: &RegistryArgs,
    data: &DataArgs,
    environment: Vec<(String, String)>,
) -> Result<Opened, Failed> {
    open_registry(&registry.registry)?;
    let (env, _) = env(&registry.registry, &data.data, environment)?;
    logs::open(&data.data)?;
    let (registry, findings) = read_registry_with_records(&*env.objects, &Dialects).await?;
    let mut error_output = std::io::stderr().lock();
    for finding in &findings {
        writeln!(error_output, "livelist: {finding}")?;
    }
    Ok(Opened {
        env: Arc::new(env),
        registry,
        is_sound: findings.is_empty(),
        data: data.data.clone(),
    })
}

impl Opened {
    /// The enabled replications, or the one that was asked for.
    pub fn replications(&self, only: Option<&ReplicationId>) -> Result<Vec<Replication>, Failed> {
        if let Some(name) = only
            && !self.registry.replications.contains_key(name)
        {
            return Err(Failed::usage(format!(
                "the registry has no sound document replications/{name}.json"
            )));
        }
        let all = self.registry.replications.values();
        let wanted = all.filter(|replication| match only {
            Some(name) => replication.replication == *name,
            None => replication.enabled,
        });
        Ok(wanted.cloned().collect())
    }

    /// Opens a destination for what is copied of an MLS.
    pub async fn destination(
        &self,
        document: &DestinationDocument,
        mls: &MlsId,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        self.room().open(document, mls).await
    }

    /// A destination that is going to be checked: of a server nothing is made.
    pub async fn unopened(
        &self,
        document: &DestinationDocument,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        self.room().unopened(document).await
    }

    fn room(&self) -> Room<'_> {
        Room {
            secrets: &*self.env.secrets,
            folder: Some(&self.data),
        }
    }

    /// The destinations that are written: those of the registry, and the one of replications that name none.
    pub fn destinations(&self) -> Vec<DestinationDocument> {
        let enabled = self.registry.replications.values().filter(|r| r.enabled);
        let is_default_used = enabled.into_iter().any(|r| r.destinations.is_empty());
        let default = DestinationDocument::default_one().filter(|_| is_default_used);
        let known = self.registry.destinations.values().filter(|d| d.enabled);
        default.into_iter().chain(known.cloned()).collect()
    }
}
