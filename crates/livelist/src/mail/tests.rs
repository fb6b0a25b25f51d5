//! A mail server over TLS: the certificate is checked, and the password goes only to the server that has it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::*;

/// What the server does.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// It offers STARTTLS.
    Starttls,
    /// It speaks TLS from the beginning.
    Tls,
    /// It offers no encryption, as if somebody in between had removed the offer.
    Stripped,
    /// It refuses the password.
    Refuses,
}

/// A mail server for one connection, and what it was told.
struct Server {
    port: u16,
    root: Certificate,
    told: JoinHandle<Vec<String>>,
}

fn server(manner: Manner, name: &str) -> Server {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let (certificate, key) = (made.cert.der().clone(), made.signing_key.serialize_der());
    let root = Certificate::from_der(certificate.to_vec()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key.try_into().unwrap())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let told = std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut told = Vec::new();
        let secured = |stream: TcpStream| {
            let connection = ServerConnection::new(Arc::new(config)).unwrap();
            StreamOwned::new(connection, stream)
        };
        if manner == Manner::Tls {
            talk(secured(stream), manner, &mut told, true);
        } else if talk(stream.try_clone().unwrap(), manner, &mut told, false) {
            told.push("(encrypted)".to_owned());
            talk(secured(stream), manner, &mut told, true);
        }
        told
    });
    Server { port, root, told }
}

/// Answers until the end, or until TLS begins: then `true`.
fn talk<S: Read + Write>(stream: S, manner: Manner, told: &mut Vec<String>, inside: bool) -> bool {
    let mut stream = BufReader::new(stream);
    let say = |stream: &mut BufReader<S>, text: &str| {
        // The client may have hung up.
        let _ = stream.get_mut().write_all(text.as_bytes());
        let _ = stream.get_mut().flush();
    };
    if !inside || manner == Manner::Tls {
        say(&mut stream, "220 mail.example ESMTP\r\n");
    }
    let mut data = false;
    loop {
        let mut line = String::new();
        if !stream.read_line(&mut line).is_ok_and(|read| read > 0) {
            return false;
        }
        let line = line.trim_end().to_owned();
        told.push(line.clone());
        let verb = line.split_whitespace().next().unwrap_or_default();
        match (data, verb) {
            (true, ".") => {
                data = false;
                say(&mut stream, "250 taken\r\n");
            }
            (true, _) => {}
            (_, "EHLO") if inside => say(&mut stream, "250-mail.example\r\n250 AUTH PLAIN\r\n"),
            (_, "EHLO") if manner == Manner::Stripped => {
                say(&mut stream, "250-mail.example\r\n250 AUTH PLAIN\r\n");
            }
            (_, "EHLO") => say(&mut stream, "250-mail.example\r\n250 STARTTLS\r\n"),
            (_, "STARTTLS") => {
                say(&mut stream, "220 go on\r\n");
                return true;
            }
            (_, "AUTH") if manner == Manner::Refuses => say(&mut stream, "535 no\r\n"),
            (_, "AUTH") => say(&mut stream, "235 yes\r\n"),
            (_, "DATA") => {
                data = true;
                say(&mut stream, "354 go on\r\n");
            }
            (_, "QUIT") => {
                say(&mut stream, "221 bye\r\n");
                return false;
            }
            _ => say(&mut stream, "250 yes\r\n"),
        }
    }
}

async fn sent(manner: Manner, tls: MailTls, name: &str) -> (Result<u16, MailError>, Vec<String>) {
    let server = server(manner, name);
    let email = Email {
        to: vec!["ops@x.example".to_owned()],
        from: "livelist@x.example".to_owned(),
        server: "localhost".to_owned(),
        port: Some(server.port),
        tls,
        user: Some("livelist".to_owned()),
        credential: None,
    };
    let mail = Mail {
        id: "msg_1".to_owned(),
        at: "2026-11-29T10:00:00Z".parse().unwrap(),
        subject: "Livelist: 1 new".to_owned(),
        text: "New:\n- one\n.\n- two\n".to_owned(),
    };
    let smtp = Smtp {
        roots: vec![server.root],
    };
    let password = SecretString::from("p1anted");
    let sent = smtp.send(&email, Some(&password), &mail).await;
    (sent, server.told.join().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_goes_over_tls_with_the_password_behind_it() {
    for (manner, tls) in [
        (Manner::Starttls, MailTls::Starttls),
        (Manner::Tls, MailTls::Tls),
    ] {
        let (sent, told) = sent(manner, tls, "localhost").await;
        assert_eq!(sent.unwrap(), 250);
        let place = |begin: &str| told.iter().position(|line| line.starts_with(begin));
        let login = place("AUTH PLAIN").unwrap();
        if tls == MailTls::Starttls {
            assert!(place("(encrypted)").unwrap() < login, "{told:?}");
        }
        for line in [
            "RCPT TO:<ops@x.example>",
            "From: livelist@x.example",
            "Subject: Livelist: 1 new",
            "Message-ID: <msg_1@x.example>",
            "Date: Sun, 29 Nov 2026 10:00:00 +0000",
            "- one",
            "- two",
        ] {
            assert!(place(line).is_some(), "{line} in {told:?}");
        }
        // RFC 5321, 4.5.2: a dot alone does not end the text.
        assert!(place("..").is_some(), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_goes_to_no_other_server_and_never_in_the_clear() {
    for (manner, tls, name, error) in [
        (
            Manner::Starttls,
            MailTls::Starttls,
            "other.example",
            "connect_failed",
        ),
        (Manner::Tls, MailTls::Tls, "other.example", "connect_failed"),
        (
            Manner::Stripped,
            MailTls::Starttls,
            "localhost",
            "connect_failed",
        ),
    ] {
        let (sent, told) = sent(manner, tls, name).await;
        let failed = sent.unwrap_err();
        assert!([error, "tls_failed"].contains(&failed.name), "{failed:?}");
        let secret = told.iter().any(|line| line.starts_with("AUTH"));
        assert!(!secret, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_named_and_holds_no_password() {
    let (sent, _) = sent(Manner::Refuses, MailTls::Starttls, "localhost").await;
    let failed = sent.unwrap_err();
    assert_eq!((failed.name, failed.status), ("login_refused", Some(535)));
    let shown = livelist_model::with_causes(&failed);
    assert!(
        !shown.contains("p1anted") && shown.contains("no"),
        "{shown}"
    );
}
