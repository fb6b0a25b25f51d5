//! Connects to MySQL or MariaDB, and sets up the session.

use std::path::PathBuf;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Row, SslOpts, Value};

use super::error::Fault;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Statements are limited to this size, or to the server's limit if that is lower.
const STATEMENT: usize = 1024 * 1024;

/// The address of the database.
pub(super) struct Address {
    opts: Opts,
    /// How it is called in errors: without user and password.
    pub(super) name: String,
    /// The database.
    pub(super) database: String,
}

/// A connection.
pub(super) struct Session {
    conn: Conn,
    /// The longest statement that the server takes, in bytes.
    pub(super) packet: usize,
}

impl Address {
    /// Reads a URL, and the certificates that it names.
    pub(super) fn read(url: &str) -> Result<Address, Fault> {
        let (url, tls) = without_tls(url)?;
        // The driver's own error could repeat the URL.
        let unread = |_| Fault::Refused("its URL cannot be read".to_owned());
        let opts = Opts::from_url(&url).map_err(unread)?;
        let Some(database) = opts.db_name().map(str::to_owned) else {
            return Err(Fault::Refused("its URL names no database".to_owned()));
        };
        let name = format!(
            "MySQL {}:{}/{database}",
            opts.ip_or_hostname(),
            opts.tcp_port()
        );
        let ssl = opts.ssl_opts().cloned();
        let opts = OptsBuilder::from_opts(opts)
            .client_found_rows(true)
            .prefer_socket(Some(false))
            .stmt_cache_size(Some(0))
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .ssl_opts(tls.or(ssl));
        Ok(Address {
            opts: opts.into(),
            name,
            database,
        })
    }

    /// Connects. The session owes nothing to the server's or the database's defaults.
    pub(super) async fn connect(&self) -> Result<Session, Fault> {
        let conn = tokio::time::timeout(CONNECT, Conn::new(self.opts.clone())).await;
        let late = |_| {
            let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
            Fault::Sql(mysql_async::Error::Io(mysql_async::IoError::Io(late)))
        };
        let mut session = Session {
            conn: conn.map_err(late)??,
            packet: STATEMENT,
        };
        // Without NO_BACKSLASH_ESCAPES and ANSI_QUOTES, by which literals would be others; strict, so that no
        // value is cut without a word. Rows that are read after our lock are those of its time.
        session
            .run(
                "SET NAMES utf8mb4 COLLATE utf8mb4_bin, SESSION
                 sql_mode = 'STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO',
                 time_zone = '+00:00', autocommit = 1, completion_type = 0, foreign_key_checks = 1,
                 unique_checks = 1, sql_safe_updates = 0, sql_select_limit = 18446744073709551615,
                 lock_wait_timeout = 10, innodb_lock_wait_timeout = 10",
            )
            .await?;
        session
            .run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            .await?;
        session.run("SET SESSION TRANSACTION READ WRITE").await?;
        let rows = session.ask("SELECT @@max_allowed_packet").await?;
        if let Some(packet) = rows.first().and_then(|row| number::<usize>(row, 0)) {
            session.packet = packet;
        }
        Ok(session)
    }
}

impl Session {
    /// Runs a statement.
    pub(super) async fn run(
        &mut self,
        sql: impl AsRef<[u8]> + Send + Sync,
    ) -> Result<u64, mysql_async::Error> {
        self.conn.query_drop(sql.as_ref()).await?;
        Ok(self.conn.affected_rows())
    }

    /// Runs a query. All values are texts.
    pub(super) async fn ask(
        &mut self,
        sql: impl AsRef<[u8]> + Send + Sync,
    ) -> Result<Vec<Row>, mysql_async::Error> {
        self.conn.query(sql.as_ref()).await
    }

    /// Whether the server is still there.
    pub(super) async fn is_there(&mut self) -> bool {
        self.conn.ping().await.is_ok()
    }

    /// At which size statements are cut.
    pub(super) fn cut(&self) -> usize {
        STATEMENT.min(self.packet / 2)
    }
}

/// Removes `ssl-mode` and `ssl-ca` from a URL, which MySQL's programs know and the driver does not.
fn without_tls(url: &str) -> Result<(String, Option<SslOpts>), Fault> {
    let Some((base, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), None));
    };
    let mut tls = None;
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("ssl-ca", path)) => {
                let path = PathBuf::from(path);
                if let Err(error) = std::fs::metadata(&path) {
                    let reason = format!("ssl-ca {}: {error}", path.display());
                    return Err(Fault::Refused(reason));
                }
                tls = Some(SslOpts::default().with_root_certs(vec![path.into()]));
            }
            Some(("ssl-mode", "REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY")) => {
                tls = tls.or(Some(SslOpts::default()));
            }
            Some(("ssl-mode", "DISABLED" | "PREFERRED")) => {}
            Some(("ssl-mode", _)) => {
                return Err(Fault::Refused("its ssl-mode is none".to_owned()));
            }
            _ => kept.push(pair),
        }
    }
    let query = kept.join("&");
    match query.is_empty() {
        true => Ok((base.to_owned(), tls)),
        false => Ok((format!("{base}?{query}"), tls)),
    }
}

/// The text of a value.
pub(super) fn text(row: &Row, at: usize) -> Option<String> {
    match row.as_ref(at)? {
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

/// The number that a value is.
pub(super) fn number<T: std::str::FromStr>(row: &Row, at: usize) -> Option<T> {
    match row.as_ref(at)? {
        Value::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        Value::Int(number) => number.to_string().parse().ok(),
        Value::UInt(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_and_no_error_holds_a_password() {
        let address = Address::read("mysql://me:secret@db.example:3307/homes").ok();
        let name = address.map(|address| address.name);
        assert_eq!(name.as_deref(), Some("MySQL db.example:3307/homes"));
        for url in [
            "mysql://me:secret@h:port/d",
            "postgres://me:secret@h/d",
            "mysql://me:secret@h",
            "mysql://me:secret@h/d?ssl-mode=maybe",
            "mysql://me:secret@h/d?ssl-ca=/nowhere.pem",
        ] {
            let Err(Fault::Refused(reason)) = Address::read(url) else {
                panic!("{url}");
            };
            assert!(!reason.contains("secret"), "{reason}");
        }
    }
}
