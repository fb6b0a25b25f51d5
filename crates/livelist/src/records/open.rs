//! What the commands about records work on: the registry's documents, the log, the destinations.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use livelist_destinations::mysql::MySql;
use livelist_destinations::postgres::Postgres;
use livelist_destinations::sqlite::Sqlite;
use livelist_destinations::{
    Destination, DestinationError, KeyForm, Options, Removed, Shaped, Wanted,
};
use livelist_model::registry::{
    ColumnsWanted, DestinationDocument, DestinationKind, NameStyle, Registry, RemovedRows,
    Replication,
};
use livelist_model::with_causes;
use livelist_model::{MlsId, ReplicationId, ResourceName};
use livelist_records::names::Names;
use livelist_reso::Dialects;
use livelist_steps::Env;
use livelist_store::registry::read_registry_with_records;
use secrecy::{ExposeSecret, SecretString};

use super::programs::Programs;
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
        let options = options(document, Some(mls));
        // Before anything is written.
        let programs = Programs::of(document).map_err(|problems| DestinationError::Refused {
            destination: document.destination.to_string(),
            reason: problems.join("; "),
        })?;
        let inner: Box<dyn Destination> = match document.kind {
            DestinationKind::Postgres => {
                let url = self.url(document).await?;
                Box::new(Postgres::open(url.expose_secret(), options.clone()).await?)
            }
            DestinationKind::Mysql => {
                let url = self.url(document).await?;
                Box::new(MySql::open(url.expose_secret(), options.clone()).await?)
            }
            DestinationKind::Sqlite => {
                Box::new(Sqlite::open(&self.file(document), options.clone()).await?)
            }
        };
        let is_plain = options.transform.is_empty()
            && options.strip_prefix.is_empty()
            && options.shared.is_none();
        Ok(match is_plain {
            true => inner,
            false => Box::new(Shaped::new(inner, &options, Box::new(programs))),
        })
    }
}

impl Opened {
    /// A destination that is going to be checked: of a server nothing is made.
    pub async fn unopened(
        &self,
        document: &DestinationDocument,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        let options = options(document, None);
        match document.kind {
            DestinationKind::Postgres => {
                let url = self.url(document).await?;
                Ok(Box::new(Postgres::new(url.expose_secret(), options)?))
            }
            DestinationKind::Mysql => {
                let url = self.url(document).await?;
                Ok(Box::new(MySql::new(url.expose_secret(), options)?))
            }
            DestinationKind::Sqlite => {
                Ok(Box::new(Sqlite::open(&self.file(document), options).await?))
            }
        }
    }

    /// The file of a SQLite destination.
    fn file(&self, document: &DestinationDocument) -> PathBuf {
        let path = document.path.as_deref().unwrap_or_default();
        self.data.join(Path::new(path))
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

/// What keys of the log are in a destination.
pub fn key_form(document: &DestinationDocument, mls: &MlsId) -> KeyForm {
    KeyForm::of(&options(document, Some(mls)))
}

fn options(document: &DestinationDocument, mls: Option<&MlsId>) -> Options {
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
        history: by_resource(&document.history),
        shared: mls.filter(|_| document.shared).map(MlsId::to_string),
        transform: by_resource(&document.transform),
        strip_prefix: by_resource(&document.strip_prefix),
    }
}

fn by_resource<T: Clone>(of: &BTreeMap<ResourceName, T>) -> BTreeMap<String, T> {
    let each = of
        .iter()
        .map(|(resource, value)| (resource.to_string(), value.clone()));
    each.collect()
}
