//! SQLite: one file, a table a resource under the resource's own name, which users query.
//!
//! The driver (rusqlite) blocks. Each call takes a thread of its own for as long as it lasts; one
//! connection is used by one call at a time.

mod apply;
mod check;
mod children;
mod error;
mod layout;
mod state;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use livelist_records::Schema;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::destination::{Batch, Destination, Held, KeyStamp, LogId, Position, Prepared, Written};
use crate::error::DestinationError;
use crate::layout::{Checked, Layout};
use crate::options::Options;

use error::failed;
use layout::Table;

/// How long a statement waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(10);

/// A copy in a SQLite file.
pub struct Sqlite {
    path: PathBuf,
    options: Options,
    /// The schemas that were prepared.
    schemas: Arc<BTreeMap<String, Schema>>,
    connection: Arc<Mutex<Connection>>,
}

impl Sqlite {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// It cannot be opened, is no SQLite database, or cannot be written.
    pub async fn open(path: &Path, options: Options) -> Result<Sqlite, DestinationError> {
        let path = path.to_owned();
        let opened = path.clone();
        let connection = blocking(move || connect(&opened)).await?;
        Ok(Sqlite {
            path,
            options,
            schemas: Arc::default(),
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Runs `work` with the connection, on a thread that may block.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &Path, &Options) -> Result<T, DestinationError>
        + Send
        + 'static,
    ) -> Result<T, DestinationError> {
        let connection = self.connection.clone();
        let (path, options) = (self.path.clone(), self.options.clone());
        blocking(move || {
            // A call that panicked left no transaction open: dropping one rolls it back.
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection, &path, &options)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DestinationError> + Send + 'static,
) -> Result<T, DestinationError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(DestinationError::Unavailable {
            destination: "SQLite".to_owned(),
            reason: error.to_string(),
        })
    })
}

fn connect(path: &Path) -> Result<Connection, DestinationError> {
    let failed = failed(path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    connection.busy_timeout(BUSY).map_err(&failed)?;
    // WAL: readers continue during a pass. NORMAL: after a power failure the last transactions may be lost,
    // together with their position, so the next pass applies them again.
    let pragmas =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF;";
    connection.execute_batch(pragmas).map_err(&failed)?;
    state::make(&connection).map_err(&failed)?;
    Ok(connection)
}

#[async_trait]
impl Destination for Sqlite {
    async fn position(&mut self, log: &LogId) -> Result<Option<Position>, DestinationError> {
        let log = log.clone();
        let read = move |connection: &mut Connection, path: &Path, options: &Options| {
            let read = state::position(connection, &log, &options.print());
            read.map_err(failed(path))
        };
        self.with(read).await
    }

    async fn prepare(&mut self, schema: &Schema) -> Result<Prepared, DestinationError> {
        Arc::make_mut(&mut self.schemas).insert(schema.resource.clone(), schema.clone());
        let schema = schema.clone();
        let make = move |connection: &mut Connection, path: &Path, options: &Options| {
            layout::prepare(connection, &schema, options).map_err(failed(path))
        };
        self.with(make).await
    }

    async fn write(
        &mut self,
        log: &LogId,
        from: Option<&Position>,
        batch: &Batch,
    ) -> Result<Written, DestinationError> {
        let (log, from, batch) = (log.clone(), from.cloned(), batch.clone());
        let schemas = self.schemas.clone();
        let write = move |connection: &mut Connection, path: &Path, options: &Options| {
            let failed = failed(path);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate);
            let transaction = transaction.map_err(&failed)?;
            let is = state::position(&transaction, &log, &options.print()).map_err(&failed)?;
            if is != from {
                return Err(DestinationError::Moved {
                    destination: path.display().to_string(),
                });
            }
            if is.is_none() {
                state::forget(&transaction, &log, options).map_err(&failed)?;
            }
            let written = apply::apply(&transaction, path, options, &schemas, &log, &batch)?;
            state::advance(&transaction, &log, &batch, &options.print()).map_err(&failed)?;
            transaction.commit().map_err(&failed)?;
            Ok(written)
        };
        self.with(write).await
    }

    async fn keys(
        &mut self,
        resource: &str,
        behind: Option<&str>,
        most: usize,
    ) -> Result<Vec<KeyStamp>, DestinationError> {
        let (resource, behind) = (resource.to_owned(), behind.unwrap_or_default().to_owned());
        let read = move |connection: &mut Connection, path: &Path, options: &Options| {
            let read = Table::find(connection, options, &resource).and_then(|table| match table {
                Some(table) => table.keys(connection, &behind, most),
                None => Ok(Vec::new()),
            });
            read.map_err(failed(path))
        };
        self.with(read).await
    }

    async fn record(
        &mut self,
        resource: &str,
        key: &str,
    ) -> Result<Option<Held>, DestinationError> {
        let (resource, key) = (resource.to_owned(), key.to_owned());
        let read = move |connection: &mut Connection, path: &Path, options: &Options| {
            let read = Table::find(connection, options, &resource).and_then(|table| match table {
                Some(table) => table.record(connection, &key),
                None => Ok(None),
            });
            read.map_err(failed(path))
        };
        self.with(read).await
    }

    async fn layout(&mut self, schema: &Schema) -> Result<Layout, DestinationError> {
        let schema = schema.clone();
        let read = move |connection: &mut Connection, path: &Path, options: &Options| {
            layout::layout(connection, &schema, options).map_err(failed(path))
        };
        self.with(read).await
    }

    async fn check(&mut self) -> Result<Checked, DestinationError> {
        let read = move |connection: &mut Connection, path: &Path, _: &Options| {
            check::check(connection, path).map_err(failed(path))
        };
        self.with(read).await
    }
}
