//! MySQL 8 and MariaDB 10.6 or newer: tables of at most a page's row (`Property__1`, `Property__2`, …), and
//! a view with the resource's name that users query.
//!
//! A change of a table ends a transaction of these servers, so columns are made before one. A connection
//! that a call did not bring to its end is thrown away, and made anew by the next call.

mod apply;
mod catalog;
mod check;
mod children;
mod connect;
mod error;
mod history;
mod layout;
mod read;
mod rows;
mod state;
mod values;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use livelist_records::{Kind, Schema};

use crate::destination::{Batch, Destination, Held, KeyStamp, LogId, Position, Prepared, Written};
use crate::error::DestinationError;
use crate::layout::{Checked, Layout};
use crate::options::Options;
use crate::sql::Whose;

use apply::{Applying, Outcome};
use connect::{Address, Session, number};
use error::{Fault, failed, is_locked};

/// How many seconds a statement waits for another transaction.
const LOCK: u32 = 10;
/// How many seconds a new column waits for its lock: all other users of the table wait behind it.
const ALTER: u32 = 2;

/// A copy in a MySQL or MariaDB database.
pub struct MySql {
    address: Address,
    options: Options,
    /// The schemas that were prepared.
    schemas: BTreeMap<String, Schema>,
    session: Option<Session>,
}

impl MySql {
    /// Connects to the database at `url` (`mysql://user:password@host:port/database`), and makes its own
    /// tables where they are not there. Beside the driver's parameters the URL takes `ssl-mode` and
    /// `ssl-ca=FILE`; a certificate is always verified where TLS is used.
    ///
    /// # Errors
    /// It cannot be reached, refuses, or may not make tables.
    pub async fn open(url: &str, options: Options) -> Result<MySql, DestinationError> {
        let mut mysql = MySql::new(url, options)?;
        let name = mysql.address.name.clone();
        let session = mysql.session().await.map_err(failed(&name))?;
        mysql.session = Some(session);
        Ok(mysql)
    }

    /// The same, not connected yet: for [`Destination::check`], which makes nothing.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn new(url: &str, options: Options) -> Result<MySql, DestinationError> {
        let address = Address::read(url).map_err(failed("MySQL"))?;
        Ok(MySql {
            address,
            options,
            schemas: BTreeMap::new(),
            session: None,
        })
    }

    /// Takes the session, or connects. Who has ended well puts it back; else it is closed, and its
    /// transaction with it.
    async fn session(&mut self) -> Result<Session, Fault> {
        if let Some(mut session) = self.session.take()
            && session.is_there().await
        {
            return Ok(session);
        }
        let mut session = self.address.connect().await?;
        state::make(&mut session).await?;
        Ok(session)
    }

    /// Alters tables as the only one: others wait. `seconds` is how long a table is waited for.
    async fn alone(&self, session: &mut Session, seconds: u32) -> Result<(), Fault> {
        let name: String = format!("livelist {}", self.address.database);
        let name: String = name.chars().take(60).collect();
        let sql = format!("SELECT GET_LOCK({}, {LOCK})", values::text(Some(&name)));
        let rows = session.ask(sql).await?;
        if rows.first().and_then(|row| number::<u8>(row, 0)) != Some(1) {
            let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
            let late = mysql_async::Error::Io(mysql_async::IoError::Io(late));
            return Err(Fault::Sql(late));
        }
        let sql = format!("SET SESSION lock_wait_timeout = {seconds}");
        session.run(sql).await?;
        Ok(())
    }

    /// Others may alter tables.
    async fn no_more_alone(&self, session: &mut Session) -> Result<(), Fault> {
        let name: String = format!("livelist {}", self.address.database);
        let name: String = name.chars().take(60).collect();
        let sql = format!("DO RELEASE_LOCK({})", values::text(Some(&name)));
        session.run(sql).await?;
        let sql = format!("SET SESSION lock_wait_timeout = {LOCK}");
        session.run(sql).await?;
        Ok(())
    }

    /// Makes columns, unless the table is in use for longer than seconds: then there are none.
    async fn grow(
        &self,
        session: &mut Session,
        whose: &Whose,
        wanted: &[(String, Kind)],
    ) -> Result<Option<Vec<String>>, Fault> {
        self.alone(session, ALTER).await?;
        let made = layout::grow(session, &self.options, whose, wanted).await;
        self.no_more_alone(session).await?;
        match made {
            Err(Fault::Sql(error)) if is_locked(&error) => {
                tracing::warn!(
                    "{}: {} is in use; new columns wait for the next pass",
                    self.address.name,
                    whose.shown()
                );
                Ok(None)
            }
            made => made.map(Some),
        }
    }

    async fn prepared(&mut self, schema: &Schema) -> Result<Prepared, Fault> {
        self.schemas.insert(schema.resource.clone(), schema.clone());
        let mut session = self.session().await?;
        self.alone(&mut session, LOCK).await?;
        let (mut prepared, wanted) = layout::prepare(&mut session, &self.options, schema).await?;
        self.no_more_alone(&mut session).await?;
        for (whose, wanted) in wanted {
            match self.grow(&mut session, &whose, &wanted).await? {
                Some(made) => prepared.columns.extend(made),
                None => {
                    let found = catalog::find(&mut session, &self.options, &whose);
                    if let Some(table) = found.await? {
                        catalog::wait(&mut session, &self.options, &table, &wanted).await?;
                    }
                }
            }
        }
        self.session = Some(session);
        Ok(prepared)
    }

    async fn written(
        &mut self,
        log: &LogId,
        from: Option<&Position>,
        batch: &Batch,
    ) -> Result<Written, Fault> {
        let mut waiting = BTreeSet::new();
        let mut session = self.session().await?;
        loop {
            session.run("START TRANSACTION READ WRITE").await?;
            let applying = Applying {
                on: &mut session,
                options: &self.options,
                schemas: &self.schemas,
                log,
                waiting: &waiting,
                now: values::instant(batch.now),
                written: Written::default(),
            };
            match applying.write(from, batch).await {
                Ok(Outcome::Done(written)) => {
                    session.run("COMMIT").await?;
                    self.session = Some(session);
                    return Ok(written);
                }
                Ok(Outcome::Columns(whose, wanted)) => {
                    session.run("ROLLBACK").await?;
                    let made = self.grow(&mut session, &whose, &wanted).await?;
                    if made.is_none() {
                        waiting.insert(whose);
                    }
                }
                Err(fault) => {
                    if session.run("ROLLBACK").await.is_ok() {
                        self.session = Some(session);
                    }
                    return Err(fault);
                }
            }
        }
    }
}

#[async_trait]
impl Destination for MySql {
    async fn position(&mut self, log: &LogId) -> Result<Option<Position>, DestinationError> {
        let failed = failed(&self.address.name);
        let read = async {
            let mut session = self.session().await?;
            let config = self.options.print();
            let read = state::position(&mut session, log, &config, false).await?;
            self.session = Some(session);
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
            let mut session = self.session().await?;
            let keys =
                match catalog::find(&mut session, &self.options, &Whose::of(resource)).await? {
                    Some(table) => {
                        let behind = behind.unwrap_or_default();
                        read::keys(&mut session, &table, behind, most).await?
                    }
                    None => Vec::new(),
                };
            self.session = Some(session);
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
            let mut session = self.session().await?;
            let held =
                match catalog::find(&mut session, &self.options, &Whose::of(resource)).await? {
                    Some(table) => read::record(&mut session, &table, key).await?,
                    None => None,
                };
            self.session = Some(session);
            Ok(held)
        };
        read.await.map_err(failed)
    }

    async fn layout(&mut self, schema: &Schema) -> Result<Layout, DestinationError> {
        let failed = failed(&self.address.name);
        let read = async {
            let mut session = self.session().await?;
            let layout = layout::layout(&mut session, &self.options, schema).await?;
            self.session = Some(session);
            Ok(layout)
        };
        read.await.map_err(failed)
    }

    async fn check(&mut self) -> Result<Checked, DestinationError> {
        let failed = failed(&self.address.name);
        let read = async {
            let mut session = self.address.connect().await?;
            check::check(&mut session, &self.address.database).await
        };
        read.await.map_err(failed)
    }
}
