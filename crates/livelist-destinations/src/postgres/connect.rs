//! Connects to PostgreSQL, and sets up transactions.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, IsolationLevel, Transaction};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::Fault;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The address of the database.
pub(super) struct Address {
    config: Config,
    tls: MakeRustlsConnect,
    /// How it is called in errors: without user and password.
    pub(super) name: String,
}

impl Address {
    /// Reads a URL, and the certificates that it names.
    pub(super) fn read(url: &str) -> Result<Address, Fault> {
        let (url, root) = without_certificates(url);
        // The driver's own error could repeat the URL.
        let unread = |_| Fault::Refused("its URL cannot be read".to_owned());
        let mut config = Config::from_str(&url).map_err(unread)?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(Fault::Refused("its URL names no host".to_owned()));
        }
        if config.get_application_name().is_none() {
            config.application_name("livelist");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        // A peer that is gone without a word is noticed within a minute.
        config.keepalives_idle(Duration::from_secs(30));
        config.keepalives_interval(Duration::from_secs(10));
        config.keepalives_retries(3);
        config.tcp_user_timeout(Duration::from_secs(60));
        let name = name(&config);
        Ok(Address {
            tls: MakeRustlsConnect::new(tls(root)?),
            config,
            name,
        })
    }

    /// Connects. The task that drives the connection ends with it.
    pub(super) async fn connect(&self) -> Result<Client, Fault> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let name = self.name.clone();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("{name}: {}", super::error::text(&error));
            }
        });
        Ok(client)
    }
}

/// The URL in the driver's form: `sslrootcert` is read here. Certificates are always verified, so `require`
/// already means `verify-full`.
fn without_certificates(url: &str) -> (String, Option<PathBuf>) {
    let Some((base, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let mut root = None;
    let mut kept = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslrootcert", "system")) => {}
            Some(("sslrootcert", path)) => root = Some(PathBuf::from(path)),
            Some(("sslmode", "verify-full" | "verify-ca")) => kept.push("sslmode=require"),
            _ => kept.push(pair),
        }
    }
    let query = kept.join("&");
    match query.is_empty() {
        true => (base.to_owned(), root),
        false => (format!("{base}?{query}"), root),
    }
}

/// TLS by rustls with ring: the server's certificate has to be of a public authority, or of one in `root`.
fn tls(root: Option<PathBuf>) -> Result<ClientConfig, Fault> {
    let mut roots = RootCertStore::empty();
    match root {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            let unread =
                |error: String| Fault::Refused(format!("sslrootcert {} : {error}", path.display()));
            let certificates =
                CertificateDer::pem_file_iter(&path).map_err(|error| unread(error.to_string()))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unread(error.to_string()))?;
                roots
                    .add(certificate)
                    .map_err(|error| unread(error.to_string()))?;
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Fault::Refused(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn name(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => config
            .get_hostaddrs()
            .first()
            .map(ToString::to_string)
            .unwrap_or_default(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5_432);
    let database = config
        .get_dbname()
        .or(config.get_user())
        .unwrap_or_default();
    format!("PostgreSQL {host}:{port}/{database}")
}

/// Begins a transaction that does not depend on the defaults of the server, database or role, and leaves
/// nothing in the session, so that it works with transaction pooling.
pub(super) async fn begin<'a>(
    client: &'a mut Client,
    schema: &str,
    lock: Duration,
) -> Result<Transaction<'a>, tokio_postgres::Error> {
    let begin = client
        .build_transaction()
        .isolation_level(IsolationLevel::ReadCommitted)
        .read_only(false);
    let transaction = begin.start().await?;
    // An owner's deferred constraint has to be checked while its row can still be identified. Names in the
    // owner's triggers refer to our schema or to `public`.
    let sql = format!(
        "SET LOCAL search_path = {}, public, pg_temp;
         SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD';
         SET LOCAL standard_conforming_strings = on; SET LOCAL client_min_messages = warning;
         SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0;
         SET LOCAL idle_in_transaction_session_timeout = '10min'; SET LOCAL jit = off;
         SET CONSTRAINTS ALL IMMEDIATE",
        quote(schema),
        lock.as_millis()
    );
    transaction.batch_execute(&sql).await?;
    Ok(transaction)
}

/// A name as SQL has it.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as an SQL literal, with `standard_conforming_strings`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_becomes_the_driver_s_and_no_name_holds_a_password() {
        let (url, root) = without_certificates(
            "postgres://u:p@h:5433/d?sslmode=verify-full&sslrootcert=/etc/ca.pem&application_name=x",
        );
        assert_eq!(
            url,
            "postgres://u:p@h:5433/d?sslmode=require&application_name=x"
        );
        assert_eq!(root, Some(PathBuf::from("/etc/ca.pem")));
        let address = Address::read("postgres://me:secret@db.example:5433/homes").ok();
        let name = address.map(|address| address.name);
        assert_eq!(name.as_deref(), Some("PostgreSQL db.example:5433/homes"));
        for url in [
            "postgres://me:secret@h:port/d",
            "mysql://me:secret@h/d",
            "postgres:///d",
        ] {
            let Err(Fault::Refused(reason)) = Address::read(url) else {
                panic!("{url}");
            };
            assert!(!reason.contains("secret"), "{reason}");
        }
    }
}
