//! One document: how it is read, and what may stand in its fields.

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::Finding;
use crate::notice::is_public;

/// What is wrong with one document, gathered on the way through it.
pub(super) struct Findings<'a> {
    file: &'a str,
    /// So far.
    pub(super) list: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(super) fn of(file: &'a str) -> Findings<'a> {
        Findings {
            file,
            list: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, field: &str, problem: impl Into<String>, remedy: &str) {
        self.list.push(Finding {
            file: self.file.to_owned(),
            field: field.to_owned(),
            problem: problem.into(),
            remedy: remedy.to_owned(),
        });
    }

    pub(super) fn url(&mut self, field: &str, text: &str) {
        let Some(url) = self.plain_url(field, text) else {
            return;
        };
        if url.query().is_some() || url.fragment().is_some() {
            self.add(
                field,
                "the URL holds a query or a fragment",
                "give the bare URL; a token belongs behind `credential`",
            );
        }
    }

    /// A URL that notices are sent to: its query is the site's (WordPress: `?rest_route=`), and a
    /// literal address has to be one that a notice may be sent to.
    pub(super) fn notice_url(&mut self, field: &str, text: &str) {
        let Some(url) = self.plain_url(field, text) else {
            return;
        };
        if url.fragment().is_some() {
            self.add(
                field,
                "the URL holds a fragment",
                "give the URL without what begins with `#`",
            );
        }
        let address: Option<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if address.is_some_and(|a| !a.is_loopback() && !is_public(a)) {
            self.add(
                field,
                "this is not a public address, so nothing is sent to it",
                "give the name under which the internet knows the site",
            );
        }
    }

    /// A URL without a user, over an encrypted connection.
    fn plain_url(&mut self, field: &str, text: &str) -> Option<Url> {
        let Ok(url) = Url::parse(text) else {
            self.add(field, "this is not a URL", "give an absolute https URL");
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.add(
                field,
                "the URL holds a user name or password",
                "put secrets behind `credential`",
            );
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => self.add(
                field,
                "the connection would not be encrypted",
                "use https; http is for loopback addresses only",
            ),
        }
        Some(url)
    }

    pub(super) fn result<T>(self, value: T) -> Result<T, Vec<Finding>> {
        if self.list.is_empty() {
            Ok(value)
        } else {
            Err(self.list)
        }
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A name under which people are used to putting a secret into a URL.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "key", "auth"]
        .iter()
        .any(|word| name.contains(word))
}

pub(super) fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.as_bytes()[0].is_ascii_digit()
}

pub(super) fn check_file_name(findings: &mut Findings<'_>, field: &str, name: &str) {
    let stem = findings
        .file
        .rsplit('/')
        .next()
        .unwrap_or("")
        .trim_end_matches(".json");
    if stem != name {
        findings.add(
            field,
            format!("the document says `{name}`, its file `{stem}`"),
            "name the file after the document",
        );
    }
}

pub(super) fn parse<T: DeserializeOwned>(file: &str, text: &[u8]) -> Result<T, Vec<Finding>> {
    let mut json = serde_json::Deserializer::from_slice(crate::without_bom(text));
    let (path, error) = match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => match json.end() {
            Ok(()) => return Ok(value),
            Err(error) => (String::new(), error),
        },
        Err(error) => (error.path().to_string(), error.into_inner()),
    };
    let remedy = if error.is_data() {
        "See docs/registry.md for the fields and their forms"
    } else {
        "Mend the JSON syntax"
    };
    Err(vec![Finding {
        file: file.to_owned(),
        field: if matches!(path.as_str(), "." | "?") {
            String::new()
        } else {
            path
        },
        problem: without_values(&error),
        remedy: remedy.to_owned(),
    }])
}

/// serde_json quotes strings of the wrong type: a secret pasted into the wrong field must not reach
/// a log. What it says behind the value is its own, so that is looked for from the end: the value
/// may hold the same words.
fn without_values(error: &serde_json::Error) -> String {
    let message = error.to_string();
    if !error.is_data() {
        return message;
    }
    let message = message
        .rsplit_once(" at line ")
        .map_or(&*message, |(m, _)| m);
    let expected = || message.rsplit_once(", expected ").map_or("", |(_, e)| e);
    if message.starts_with("unknown variant `") {
        return format!("the value is not a known one, expected {}", expected());
    }
    if message.starts_with("invalid type: string \"") {
        return format!("invalid type: a string, expected {}", expected());
    }
    message.to_owned()
}
