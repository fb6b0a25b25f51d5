//! Only a certificate for the host, from a trusted authority, is accepted.

use std::sync::{Arc, Mutex};

use livelist_notify::{PostError, Sender, SigningKeys};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::receiver::{Got, Manner, Receiver, serve};
use crate::world::{LOOPBACK, Names, SECRET};

/// A site with a certificate for `name`, and what trusts it.
async fn site(name: &str) -> (u16, RootCertStore, Arc<Mutex<Vec<Got>>>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let got = Arc::<Mutex<Vec<Got>>>::default();
    let seen = got.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, Manner::Status(204), seen.clone()).await;
            }
        }
    });
    (port, roots, got)
}

async fn post(sender: &Sender, port: u16) -> Result<u16, PostError> {
    let keys = SigningKeys::read(&SECRET.into()).unwrap();
    let signed = keys.sign("msg_1", jiff::Timestamp::UNIX_EPOCH, "{}");
    let url = format!("https://site.example:{port}/hook");
    let answer = sender.post(&url, &signed, "{}".to_owned()).await;
    answer.map(|status| status.as_u16())
}

fn names() -> Arc<Names> {
    Names::of("site.example", &[&["127.0.0.1"]])
}

#[tokio::test]
async fn a_certificate_is_checked_against_the_hosts_name() {
    let (port, roots, got) = site("site.example").await;
    let sender = Sender::trusting(LOOPBACK, names(), roots).unwrap();
    assert_eq!(post(&sender, port).await.unwrap(), 204);
    assert_eq!(
        got.lock().unwrap()[0].header("host"),
        format!("site.example:{port}")
    );

    let (port, roots, got) = site("other.example").await;
    let sender = Sender::trusting(LOOPBACK, names(), roots).unwrap();
    let error = post(&sender, port).await.unwrap_err();
    assert_eq!(error.name(), "tls_failed", "another host's");
    assert!(got.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_certificate_of_nobody_is_refused() {
    let (port, _, got) = site("site.example").await;
    let sender = Sender::new(LOOPBACK, names()).unwrap();
    let error = post(&sender, port).await.unwrap_err();
    assert_eq!(error.name(), "tls_failed");
    assert!(got.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_site_without_tls_gets_nothing() {
    let site = Receiver::start(&[Manner::Noise]).await;
    let sender = Sender::new(LOOPBACK, names()).unwrap();
    let sender = sender.within(std::time::Duration::from_secs(1));
    let error = post(&sender, site.address.port()).await.unwrap_err();
    assert!(
        ["tls_failed", "timed_out"].contains(&error.name()),
        "{error:?}"
    );
    assert!(site.got().is_empty());
}
