//! Reading one document and checking its fields.

use std::net::IpAddr;

use serde::de::DeserializeOwned;
use url::{Host, Url};

use super::Finding;
use super::reading::read;
use crate::notice::is_public;

/// The findings of one document.
pub(super) struct Findings<'a> {
    file: &'a str,
    /// So far.
    pub(super) list: Vec<Finding>,
    /// Fields whose value could not be read and was replaced. Nothing more is reported about them.
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

    /// Reads the document. Errors of reading come first among the findings. `None` if it cannot be read
    /// well enough to check its fields.
    pub(super) fn read<T: DeserializeOwned>(&mut self, text: &[u8]) -> Option<T> {
        let read = read(text);
        for fault in read.faults {
            self.add(&fault.field, fault.problem, fault.remedy);
        }
        self.made_up.extend(read.made_up);
        read.value
    }

    /// Whether the field has the document's own value.
    pub(super) fn is_read(&self, field: &str) -> bool {
        !self.made_up.iter().any(|made_up| is_within(field, made_up))
    }

    /// Adds a finding, unless the field's value was replaced.
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

    /// Checks a URL for notices. Its query belongs to the site (WordPress: `?rest_route=`). A literal
    /// address has to be one that notices may be sent to.
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
