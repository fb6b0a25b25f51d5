//! One document: how it is read, and what may stand in its fields.

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::Finding;
use super::reading::read;
use crate::notice::is_public;

/// What is wrong with one document, gathered on the way through it.
pub(super) struct Findings<'a> {
    file: &'a str,
    /// So far.
    pub(super) list: Vec<Finding>,
    /// Fields that hold what stands in for a value that cannot be read: nothing is said of them again.
    made_up: Vec<String>,
}

impl<'a> Findings<'a> {
    pub(super) fn of(file: &'a str) -> Findings<'a> {
        Findings {
            file,
            list: Vec::new(),
            made_up: Vec::new(),
        }
    }

    /// Reads the document; what is wrong with it comes first among the findings. Nothing where it cannot be
    /// read so far that its fields could be checked.
    pub(super) fn read<T: DeserializeOwned>(&mut self, text: &[u8]) -> Option<T> {
        let read = read(text);
        for fault in read.faults {
            self.add(&fault.field, fault.problem, fault.remedy);
        }
        self.made_up.extend(read.made_up);
        read.value
    }

    /// Whether the field holds what the document says.
    pub(super) fn is_read(&self, field: &str) -> bool {
        !self.made_up.iter().any(|made_up| is_within(field, made_up))
    }

    /// A finding, unless what it is about is made up.
    pub(super) fn add(&mut self, field: &str, problem: impl Into<String>, remedy: &str) {
        if !self.is_read(field) {
            return;
        }
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

/// Whether `field` is `other` or a part of it.
fn is_within(field: &str, other: &str) -> bool {
    field
        .strip_prefix(other)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
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
