//! Which URLs may receive the token: the configured ones, links on the same host, and allow-listed
//! hosts. The URL is checked with the parser that also sends it, so the two cannot disagree about a
//! URL.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use livelist_model::guard_switch::{Guard, is_off};

/// The longest URL that is followed.
pub const MAX_URL: usize = 16 * 1024;

/// Why a link is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It leads to a host that may not see the token (F13).
    #[error("it leads to {host}, which is neither the provider's host nor in allow_hosts")]
    Host {
        /// The host.
        host: String,
    },
    /// It leads to an allowed host, but to another port than the allowed one.
    #[error("it leads to port {port} of {host}, and the token may go to its port {right} alone")]
    Port {
        /// The host.
        host: String,
        /// The link's port.
        port: u16,
        /// The port that may.
        right: u16,
    },
    /// It leads from https to http.
    #[error("it leads to an unencrypted connection")]
    Downgrade,
    /// It is no URL.
    #[error("it is not a valid URL")]
    Malformed,
    /// It is longer than [`MAX_URL`].
    #[error("it is longer than 16 KiB")]
    TooLong,
}

/// The hosts of one feed.
#[derive(Debug, Clone)]
pub struct AllowList {
    scheme: Scheme,
    authority: Authority,
    hosts: Vec<String>,
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

/// Parses a URL, and percent-encodes only what a request cannot contain (`"`, `<`, `>`, `#`, blanks,
/// control characters, non-ASCII bytes). All other bytes stay, except that the scheme becomes lower-case
/// and an empty path becomes `/`.
pub fn parse(text: &str) -> Result<Uri, LinkError> {
    if text.len() > MAX_URL {
        return Err(LinkError::TooLong);
    }
    let encoded: String;
    let needs_encoding = |b: u8| !b.is_ascii_graphic() || matches!(b, b'"' | b'<' | b'>' | b'#');
    let text = if text.bytes().any(needs_encoding) {
        encoded = text
            .bytes()
            .map(|b| {
                if needs_encoding(b) {
                    format!("%{b:02X}")
                } else {
                    char::from(b).to_string()
                }
            })
            .collect();
        &encoded
    } else {
        text
    };
    let uri: Uri = text.parse().map_err(|_| LinkError::Malformed)?;
    if uri.authority().is_some_and(|a| !has_port_or_none(a)) {
        return Err(LinkError::Malformed);
    }
    Ok(uri)
}

/// Whether the text after the host is a port or empty (RFC 3986, 3.2.3). `http` accepts any text there, and
/// treats a text that is no number as the scheme's default port.
fn has_port_or_none(authority: &Authority) -> bool {
    let text = authority.as_str();
    let host_and_port = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    let port = &host_and_port[authority.host().len().min(host_and_port.len())..];
    match port.strip_prefix(':') {
        Some(digits) if !digits.is_empty() => {
            digits.bytes().all(|b| b.is_ascii_digit()) && authority.port_u16().is_some()
        }
        _ => true,
    }
}

impl AllowList {
    /// The list for a feed at `base`, with additional `hosts`.
    pub fn new(base: &Uri, hosts: &[String]) -> Result<Self, LinkError> {
        let (Some(scheme), Some(authority)) = (base.scheme(), base.authority()) else {
            return Err(LinkError::Malformed);
        };
        if authority.as_str().contains('@') {
            return Err(LinkError::Malformed);
        }
        let is_plain = *scheme == Scheme::HTTP && is_loopback(authority.host());
        if *scheme != Scheme::HTTPS && !is_plain {
            return Err(LinkError::Downgrade);
        }
        Ok(AllowList {
            scheme: scheme.clone(),
            authority: authority.clone(),
            hosts: hosts.iter().map(|h| h.to_ascii_lowercase()).collect(),
        })
    }

    /// The URL to ask for `link`, found in the answer to `from`; relative links are relative to it.
    pub fn resolve(&self, from: &Uri, link: &str) -> Result<Uri, LinkError> {
        let uri = if link.starts_with("//") {
            parse(&format!("{}:{link}", self.scheme))?
        } else if has_scheme(link) {
            parse(link)?
        } else {
            self.relative(from, link)?
        };
        if !is_off(Guard::AllowList) {
            self.check(&uri)?;
        }
        // Encoded and made absolute it is longer, and it is kept so.
        if uri.to_string().len() > MAX_URL {
            return Err(LinkError::TooLong);
        }
        Ok(uri)
    }

    fn relative(&self, from: &Uri, link: &str) -> Result<Uri, LinkError> {
        let path = if link.starts_with('/') {
            link.to_owned()
        } else if link.starts_with('?') {
            format!("{}{link}", from.path())
        } else {
            let folder = from
                .path()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            format!("{folder}/{link}")
        };
        let path: PathAndQuery = parse(&path)?
            .path_and_query()
            .cloned()
            .ok_or(LinkError::Malformed)?;
        let mut parts = from.clone().into_parts();
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).map_err(|_| LinkError::Malformed)
    }

    fn check(&self, uri: &Uri) -> Result<(), LinkError> {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(LinkError::Malformed);
        };
        let host = authority.host().to_ascii_lowercase();
        let refuse = || {
            let host = host.clone();
            Err(LinkError::Host { host })
        };
        if authority.as_str().contains('@') {
            return refuse();
        }
        if *scheme == self.scheme && *authority == self.authority {
            return Ok(());
        }
        let is_plain = *scheme == Scheme::HTTP && is_loopback(&host);
        if *scheme != Scheme::HTTPS && !(is_plain && self.scheme == Scheme::HTTP) {
            return Err(LinkError::Downgrade);
        }
        let standard_port = authority.port_u16().is_none_or(|port| port == 443);
        let own_port = port_of(&self.scheme, &self.authority);
        let is_own = host == self.authority.host().to_ascii_lowercase();
        let is_listed = self.hosts.contains(&host);
        if (is_own && port(uri) == own_port) || (is_listed && (standard_port || is_loopback(&host)))
        {
            return Ok(());
        }
        let right = if is_own { own_port } else { Some(443) };
        match (port(uri), right) {
            (Some(port), Some(right)) if is_own || is_listed => {
                Err(LinkError::Port { host, port, right })
            }
            _ => refuse(),
        }
    }
}

/// Whether a link is absolute: a `:` comes before any `/`, `?` or `'` (RFC 3986, 4.2).
fn has_scheme(link: &str) -> bool {
    let scheme = link.split([':', '/', '?', '\'', '(']).next().unwrap_or("");
    !scheme.is_empty() && link[scheme.len()..].starts_with("://")
}

fn port(uri: &Uri) -> Option<u16> {
    port_of(uri.scheme()?, uri.authority()?)
}

fn port_of(scheme: &Scheme, authority: &Authority) -> Option<u16> {
    authority.port_u16().or(match scheme.as_str() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> (AllowList, Uri) {
        let base = parse("https://api.mls.example/v2/Property?$top=5").unwrap();
        (
            AllowList::new(&base, &["replica.mls.example".to_owned()]).unwrap(),
            base,
        )
    }

    #[test]
    fn links_keep_their_bytes() {
        let (allow, from) = list();
        for link in [
            "https://api.mls.example/v2/Property?$filter=OriginatingSystemName%20eq%20'actris'&$top=5&$skip=5",
            "https://api.mls.example/odata/Property?$filter=ModificationTimestamp+gt+2022-03-29T18%3a49%3a08.340000Z&$skip=32000",
            "https://api.mls.example/odata/Property?%24select=ListingKey%2cX(Y)&id=1-7bfb4d3c|x",
        ] {
            assert_eq!(allow.resolve(&from, link).unwrap().to_string(), link);
        }
    }

    #[test]
    fn relative_links_are_relative_to_the_request() {
        let (allow, from) = list();
        for (link, url) in [
            (
                "Property?$skip=5",
                "https://api.mls.example/v2/Property?$skip=5",
            ),
            ("?$skip=5", "https://api.mls.example/v2/Property?$skip=5"),
            (
                "/v2/Property?$skip=5",
                "https://api.mls.example/v2/Property?$skip=5",
            ),
            (
                "Property?next=a b",
                "https://api.mls.example/v2/Property?next=a%20b",
            ),
            (
                "Property?u=https://x.example/",
                "https://api.mls.example/v2/Property?u=https://x.example/",
            ),
        ] {
            let resolved = allow.resolve(&from, link).map(|u| u.to_string());
            assert_eq!(resolved.as_deref(), Ok(url), "{link}");
        }
    }

    #[test]
    fn another_port_of_the_right_host_is_told_as_that() {
        let (allow, from) = list();
        for (link, told) in [
            (
                "https://api.mls.example:8443/v2",
                "port 8443 of api.mls.example",
            ),
            (
                "https://replica.mls.example:444/v2",
                "port 444 of replica.mls.example",
            ),
        ] {
            let error = allow.resolve(&from, link).unwrap_err().to_string();
            assert!(
                error.contains(told) && error.contains("port 443"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_token_goes_nowhere_else() {
        let (allow, from) = list();
        for link in [
            "https://evil.example/v2/Property",
            "https://api.mls.example.evil.example/",
            "https://api.mls.example@evil.example/",
            "https://user:pw@api.mls.example/",
            "https://api.mls.example:8443/",
            "//evil.example/v2",
            "http://api.mls.example/v2/Property",
            "http://127.0.0.1/v2",
            "ftp://api.mls.example/",
            "https://replica.mls.example:444/",
            "https://api.mls.example:99999/",
            "https://api.mls.example:+443/",
            "https://api.mls.example\\@evil.example/",
        ] {
            assert!(allow.resolve(&from, link).is_err(), "{link}");
        }
        let local = parse("http://127.0.0.1:8080/odata").unwrap();
        let loopback = AllowList::new(&local, &[]).unwrap();
        assert!(loopback.resolve(&local, "ftp://127.0.0.1:8080/").is_err());
        assert!(AllowList::new(&parse("ftp://127.0.0.1/").unwrap(), &[]).is_err());
        assert!(
            allow
                .resolve(&from, "https://replica.mls.example/v2")
                .is_ok()
        );
        assert!(
            allow
                .resolve(&from, "https://API.mls.example:443/v2")
                .is_ok()
        );
        for long in [
            "x".repeat(MAX_URL),
            "x".repeat(MAX_URL - 1),
            "é".repeat(4_000),
        ] {
            let link = format!("/{long}");
            assert_eq!(allow.resolve(&from, &link), Err(LinkError::TooLong));
        }
    }
}
