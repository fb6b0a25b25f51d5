//! Opens the destinations of the registry's documents: the driver, the options, the programs of jq. For those who
//! write copies: the command, and the function `apply`. Depends on the destinations with their drivers, the model,
//! and the port to secrets; never on AWS, the environment or the clock.

mod programs;

use std::collections::BTreeMap;
use std::path::Path;

use livelist_destinations::mysql::MySql;
use livelist_destinations::postgres::Postgres;
#[cfg(feature = "sqlite")]
use livelist_destinations::sqlite::Sqlite;
use livelist_destinations::{
    Destination, DestinationError, KeyForm, Options, Removed, Shaped, Wanted,
};
use livelist_model::registry::{
    ColumnsWanted, DestinationDocument, DestinationKind, NameStyle, RemovedRows,
};
use livelist_model::{MlsId, ResourceName, with_causes};
use livelist_records::names::Names;
use livelist_store::Secrets;
use secrecy::{ExposeSecret, SecretString};

pub use programs::{Programs, findings};

/// Where destinations are opened: what knows their secrets, and the folder of their files.
#[derive(Clone, Copy)]
pub struct Room<'a> {
    /// The source of the databases' addresses.
    pub secrets: &'a dyn Secrets,
    /// SQLite files with a relative path are below it. Nothing where no file stays: there SQLite is refused.
    pub folder: Option<&'a Path>,
}

impl Room<'_> {
    /// Opens a destination for what is copied of an MLS.
    ///
    /// # Errors
    /// The secret or a program is missing or wrong, or the database does not answer or refuses.
    pub async fn open(
        &self,
        document: &DestinationDocument,
        mls: &MlsId,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        let options = options(document, Some(mls));
        // Before anything is written.
        let programs =
            Programs::of(document).map_err(|problems| refused(document, problems.join("; ")))?;
        let inner: Box<dyn Destination> = match document.kind {
            DestinationKind::Postgres => {
                let url = self.url(document).await?;
                Box::new(Postgres::open(url.expose_secret(), options.clone()).await?)
            }
            DestinationKind::Mysql => {
                let url = self.url(document).await?;
                Box::new(MySql::open(url.expose_secret(), options.clone()).await?)
            }
            DestinationKind::Sqlite => self.file(document, options.clone()).await?,
        };
        let is_plain = options.transform.is_empty()
            && options.strip_prefix.is_empty()
            && options.shared.is_none();
        Ok(match is_plain {
            true => inner,
            false => Box::new(Shaped::new(inner, &options, Box::new(programs))),
        })
    }

    /// A destination that is going to be checked: of a server nothing is made.
    ///
    /// # Errors
    /// The secret is missing or wrong.
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
            DestinationKind::Sqlite => self.file(document, options).await,
        }
    }

    /// Opens a SQLite file.
    #[cfg(feature = "sqlite")]
    async fn file(
        &self,
        document: &DestinationDocument,
        options: Options,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        let Some(folder) = self.folder else {
            return Err(nowhere(document));
        };
        let path = folder.join(Path::new(document.path.as_deref().unwrap_or_default()));
        Ok(Box::new(Sqlite::open(&path, options).await?))
    }

    #[cfg(not(feature = "sqlite"))]
    async fn file(
        &self,
        document: &DestinationDocument,
        _: Options,
    ) -> Result<Box<dyn Destination>, DestinationError> {
        Err(nowhere(document))
    }

    /// The address of a database, which is a secret: it holds a password.
    async fn url(&self, document: &DestinationDocument) -> Result<SecretString, DestinationError> {
        let Some(reference) = &document.url else {
            return Err(refused(document, "its document has no `url`".to_owned()));
        };
        let secret = self.secrets.get(reference).await;
        let secret = secret.map_err(|error| refused(document, with_causes(&error)))?;
        Ok(secret.expose_secret().trim().to_owned().into())
    }
}

fn refused(document: &DestinationDocument, reason: String) -> DestinationError {
    DestinationError::Refused {
        destination: document.destination.to_string(),
        reason,
    }
}

fn nowhere(document: &DestinationDocument) -> DestinationError {
    let reason = "a SQLite file is on one machine only, and no file stays here; name a destination of the kind \
                  `postgres` or `mysql` in the replication's document";
    refused(document, reason.to_owned())
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

#[cfg(test)]
mod tests {
    use livelist_store::memory::MemorySecrets;

    use super::*;

    async fn why(document: &DestinationDocument) -> String {
        let secrets = MemorySecrets::default();
        let room = Room {
            secrets: &secrets,
            folder: None,
        };
        let opened = room.open(document, &"abor".parse().unwrap()).await;
        opened.err().unwrap().to_string()
    }

    #[tokio::test]
    async fn a_file_is_refused_where_none_stays() {
        let document = DestinationDocument::default_one().unwrap();
        let told = why(&document).await;
        assert!(told.contains("no file stays here"), "{told}");
    }

    #[tokio::test]
    async fn a_missing_address_and_a_wrong_program_are_named() {
        let mut document = DestinationDocument::default_one().unwrap();
        document.kind = DestinationKind::Postgres;
        assert!(why(&document).await.contains("has no `url`"));
        document.url = Some("ssm:/livelist/destinations/site".parse().unwrap());
        let told = why(&document).await;
        assert!(told.contains("/livelist/destinations/site"), "{told}");
        let program = (".Price |".to_owned(), "Property".parse().unwrap());
        document.transform.insert(program.1, program.0);
        let told = why(&document).await;
        assert!(told.contains("transform.Property"), "{told}");
    }
}
