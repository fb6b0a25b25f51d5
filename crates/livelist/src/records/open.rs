//! What the commands about records work on: the registry's documents, the log, the destinations.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use livelist_destinations::mysql::MySql;
use livelist_destinations::postgres::Postgres;
use livelist_destinations::sqlite::Sqlite;
use livelist_destinations::{Destination, DestinationError, Options, Removed, Wanted};
use livelist_model::ReplicationId;
use livelist_model::registry::{
    ColumnsWanted, DestinationDocument, DestinationKind, NameStyle, Registry, RemovedRows,
    Replication,
};
use livelist_model::with_causes;
use livelist_records::names::Names;
use livelist_reso::Dialects;
use livelist_steps::Env;
use livelist_store::registry::read_registry_with_records;
use secrecy::{ExposeSecret, SecretString};

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

    /// Opens a destination.
    pub async fn destination(
        &self,
        document: &DestinationDocument,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        match document.kind {
            DestinationKind::Postgres => {
                let url = self.url(document).await?;
                Ok(Box::new(
                    Postgres::open(url.expose_secret(), options(document)).await?,
                ))
            }
            DestinationKind::Mysql => {
                let url = self.url(document).await?;
                Ok(Box::new(
                    MySql::open(url.expose_secret(), options(document)).await?,
                ))
            }
            DestinationKind::Sqlite => {
                let path = document.path.as_deref().unwrap_or_default();
                let path = self.data.join(Path::new(path));
                Ok(Box::new(Sqlite::open(&path, options(document)).await?))
            }
        }
    }
}

impl Opened {
    /// A destination that is going to be checked: of a server nothing is made.
    pub async fn unopened(
        &self,
        document: &DestinationDocument,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        match document.kind {
            DestinationKind::Postgres => {
                let url = self.url(document).await?;
                Ok(Box::new(Postgres::new(
                    url.expose_secret(),
                    options(document),
                )?))
            }
            DestinationKind::Mysql => {
                let url = self.url(document).await?;
                Ok(Box::new(MySql::new(
                    url.expose_secret(),
                    options(document),
                )?))
            }
            DestinationKind::Sqlite => self.destination(document).await,
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

    /// The address of a database, which is a secret: it holds a password.
    async fn url(&self, document: &DestinationDocument) -> Result<SecretString, DestinationError> {
        let refused = |reason: String| DestinationError::Refused {
            destination: document.destination.to_string(),
            reason,
        };
        let Some(reference) = &document.url else {
            return Err(refused("its document has no `url`".to_owned()));
        };
        let secret = self.env.secrets.get(reference).await;
        let secret = secret.map_err(|error| refused(with_causes(&error)))?;
        Ok(secret.expose_secret().trim().to_owned().into())
    }
}

fn options(document: &DestinationDocument) -> Options {
    Options {
        columns: match &document.columns {
            ColumnsWanted::Seen => Wanted::Seen,
            ColumnsWanted::All => Wanted::All,
            ColumnsWanted::Only(fields) => Wanted::Only(fields.clone()),
        },
        names: match document.names {
            NameStyle::AsIs => Names::AsIs,
            NameStyle::SnakeCase => Names::SnakeCase,
        },
        prefix: document.prefix.clone(),
        schema: document.schema.clone(),
        removed: match document.removed {
            RemovedRows::Table => Removed::Table,
            RemovedRows::Flag => Removed::Flag,
            RemovedRows::Delete => Removed::Delete,
        },
        history: document
            .history
            .iter()
            .map(|(resource, fields)| (resource.to_string(), fields.clone()))
            .collect(),
    }
}
