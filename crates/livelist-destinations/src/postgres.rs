//! PostgreSQL 12 or newer: tables of at most a page's row (`Property__1`, `Property__2`, …), and a view
//! with the resource's name that users query.
//!
//! Every call is one transaction or two, which say all of their settings themselves and leave nothing in
//! the session. A connection that is lost is made anew by the next call.

mod apply;
mod catalog;
mod check;
mod children;
mod connect;
mod error;
mod layout;
mod read;
mod rejects;
mod stage;
mod state;
mod values;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use livelist_records::{Kind, Schema};
use tokio_postgres::{Client, Transaction};

use crate::destination::{Batch, Destination, Held, KeyStamp, LogId, Position, Prepared, Written};
use crate::error::DestinationError;
use crate::layout::{Checked, Layout};
use crate::options::Options;
use crate::sql::Whose;

use apply::{Applying, Outcome};
use connect::{Address, begin};
use error::{Fault, failed, is_locked};
use layout::Place;

/// How long a statement waits for another transaction.
const LOCK: Duration = Duration::from_secs(10);
/// How long a new column waits for its lock: all other users of the table wait behind it.
const ALTER: Duration = Duration::from_secs(2);

/// A copy in a PostgreSQL database.
pub struct Postgres {
    address: Address,
    options: Options,
    /// The database's schema.
    schema: String,
    /// The schemas that were prepared.
    schemas: BTreeMap<String, Schema>,
    client: Option<Client>,
}

impl Postgres {
    /// Connects to the database at `url` (`postgres://user:password@host:port/database`), and makes its
    /// schema and its own tables where they are not there. Beside the driver's parameters the URL takes
    /// `sslrootcert=FILE`; a certificate is always verified where TLS is used.
    ///
    /// # Errors
    /// It cannot be reached, refuses, or may not make tables.
    pub async fn open(url: &str, options: Options) -> Result<Postgres, DestinationError> {
        let mut postgres = Postgres::new(url, options)?;
        let name = postgres.address.name.clone();
        postgres.connect().await.map_err(failed(&name))?;
        Ok(postgres)
    }

    /// The same, not connected yet: for [`Destination::check`], which makes nothing.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn new(url: &str, options: Options) -> Result<Postgres, DestinationError> {
        let address = Address::read(url).map_err(failed("PostgreSQL"))?;
        Ok(Postgres {
            address,
            schema: options.schema.clone().unwrap_or_default(),
            options,
            schemas: BTreeMap::new(),
            client: None,
        })
    }

    /// Connects, if there is no connection, or one that its server has closed since.
    async fn connect(&mut self) -> Result<(), Fault> {
        if let Some(client) = &self.client
            && !client.is_closed()
            && client.check_connection().await.is_ok()
        {
            return Ok(());
        }
        self.client = None;
        let mut client = self.address.connect().await?;
        let row = client
            .query_typed_one(
                "SELECT current_setting('server_encoding'), current_schema()::text",
                &[],
            )
            .await?;
        let encoding: String = row.try_get(0)?;
        if encoding != "UTF8" {
            return Err(Fault::Refused(format!(
                "the database's encoding is {encoding}, and has to be UTF8"
            )));
        }
        if self.schema.is_empty() {
            let schema: Option<String> = row.try_get(1)?;
            let none = "the user has no schema: name one (`schema`)";
            self.schema = schema.ok_or_else(|| Fault::Refused(none.to_owned()))?;
        }
        let transaction = begin(&mut client, &self.schema, LOCK).await?;
        let place = Place {
            schema: &self.schema,
            options: &self.options,
        };
        layout::alone(&transaction, place).await?;
        layout::make_schema(&transaction, &self.schema).await?;
        state::make(&transaction, &self.schema).await?;
        transaction.commit().await?;
        self.client = Some(client);
        Ok(())
    }

    /// Begins a transaction.
    async fn begin(&mut self, lock: Duration) -> Result<(Transaction<'_>, Place<'_>), Fault> {
        self.connect().await?;
        let Some(client) = self.client.as_mut() else {
            return Err(Fault::Refused("there is no connection".to_owned()));
        };
        let place = Place {
            schema: &self.schema,
            options: &self.options,
        };
        Ok((begin(client, &self.schema, lock).await?, place))
    }

    /// Makes columns, unless the table is in use for longer than seconds: then there are none.
    async fn grow(
        &mut self,
        whose: &Whose,
        wanted: &[(String, Kind)],
    ) -> Result<Option<Vec<String>>, Fault> {
        let (transaction, place) = self.begin(ALTER).await?;
        match layout::grow(&transaction, place, whose, wanted).await {
            Ok(made) => {
                transaction.commit().await?;
                Ok(Some(made))
            }
            Err(Fault::Sql(error)) if is_locked(&error) => {
                transaction.rollback().await?;
                tracing::warn!(
                    "{}: {} is in use; new columns wait for the next pass",
                    self.address.name,
                    whose.shown()
                );
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    async fn prepared(&mut self, schema: &Schema) -> Result<Prepared, Fault> {
        self.schemas.insert(schema.resource.clone(), schema.clone());
        let (transaction, place) = self.begin(LOCK).await?;
        let (mut prepared, wanted) = layout::prepare(&transaction, place, schema).await?;
        transaction.commit().await?;
        for (whose, wanted) in wanted {
            match self.grow(&whose, &wanted).await? {
                Some(made) => prepared.columns.extend(made),
                None => {
                    let (transaction, place) = self.begin(LOCK).await?;
                    if let Some(table) = place.find(&transaction, &whose).await? {
                        catalog::wait(&transaction, place, &table, &wanted).await?;
                    }
                    transaction.commit().await?;
                }
            }
        }
        Ok(prepared)
    }

    async fn written(
        &mut self,
        log: &LogId,
        from: Option<&Position>,
        batch: &Batch,
    ) -> Result<Written, Fault> {
        let schemas = std::mem::take(&mut self.schemas);
        let written = self.apply(&schemas, log, from, batch).await;
        self.schemas = schemas;
        written
    }

    async fn apply(
        &mut self,
        schemas: &BTreeMap<String, Schema>,
        log: &LogId,
        from: Option<&Position>,
        batch: &Batch,
    ) -> Result<Written, Fault> {
        let mut waiting = BTreeSet::new();
        loop {
            let (transaction, place) = self.begin(LOCK).await?;
            let applying = Applying {
                on: &transaction,
                place,
                schemas,
                log,
                waiting: &waiting,
                now: values::instant(batch.now),
                written: Written::default(),
            };
            match applying.write(from, batch).await? {
                Outcome::Done(written) => {
                    transaction.commit().await?;
                    return Ok(written);
                }
                Outcome::Columns(whose, wanted) => {
                    transaction.rollback().await?;
                    if self.grow(&whose, &wanted).await?.is_none() {
                        waiting.insert(whose);
                    }
                }
            }
        }
    }
}

#[async_trait]
impl Destination for Postgres {
    async fn position(&mut self, log: &LogId) -> Result<Option<Position>, DestinationError> {
        let failed = failed(&self.address.name);
        let config = self.options.print();
        let read = async {
            let (transaction, place) = self.begin(LOCK).await?;
            let read = state::position(&transaction, place.schema, log, &config, false).await?;
            transaction.commit().await?;
            Ok(read)
        };
        read.await.map_err(failed)
    }

    async fn prepare(&mut self, schema: &Schema) -> Result<Prepared, DestinationError> {
        let failed = failed(&self.address.name);
        self.prepared(schema).await.map_err(failed)
    }

    async fn write(
        &mut self,
        log: &LogId,
        from: Option<&Position>,
        batch: &Batch,
    ) -> Result<Written, DestinationError> {
        let failed = failed(&self.address.name);
        self.written(log, from, batch).await.map_err(failed)
    }

    async fn keys(
        &mut self,
        resource: &str,
        behind: Option<&str>,
        most: usize,
    ) -> Result<Vec<KeyStamp>, DestinationError> {
        let failed = failed(&self.address.name);
        let read = async {
            let (transaction, place) = self.begin(LOCK).await?;
            let Some(table) = place.find(&transaction, &Whose::of(resource)).await? else {
                return Ok(Vec::new());
            };
            let behind = behind.unwrap_or_default();
            let keys = read::keys(&transaction, place, &table, behind, most).await?;
            transaction.commit().await?;
            Ok(keys)
        };
        read.await.map_err(failed)
    }

    async fn record(
        &mut self,
        resource: &str,
        key: &str,
    ) -> Result<Option<Held>, DestinationError> {
        let failed = failed(&self.address.name);
        let read = async {
            let (transaction, place) = self.begin(LOCK).await?;
            let Some(table) = place.find(&transaction, &Whose::of(resource)).await? else {
                return Ok(None);
            };
            let held = read::record(&transaction, place, &table, key).await?;
            transaction.commit().await?;
            Ok(held)
        };
        read.await.map_err(failed)
    }

    async fn layout(&mut self, schema: &Schema) -> Result<Layout, DestinationError> {
        let failed = failed(&self.address.name);
        let read = async {
            let (transaction, place) = self.begin(LOCK).await?;
            let layout = layout::layout(&transaction, place, schema).await?;
            transaction.commit().await?;
            Ok(layout)
        };
        read.await.map_err(failed)
    }

    async fn check(&mut self) -> Result<Checked, DestinationError> {
        let failed = failed(&self.address.name);
        let read = async {
            let mut checked = check::check(&self.address, &self.options).await?;
            if check::is_pooled(&self.address).await? {
                checked.note(
                    "a pool by transaction stands before it",
                    "nothing: Livelist leaves nothing in a session",
                );
            }
            Ok(checked)
        };
        read.await.map_err(failed)
    }
}
