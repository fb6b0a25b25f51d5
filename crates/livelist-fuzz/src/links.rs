//! Links: every accepted link leads to an allowed host, as the `url` crate reads it.

use http::header::LINK;
use http::{HeaderMap, HeaderValue, Uri};
use livelist_reso::allow::{self, AllowList};
use livelist_reso::link_header;
use url::Url;

/// Base URL and allowed hosts of each feed, and the pages on which links are found.
const FEEDS: [(&str, &[&str]); 4] = [
    (
        "https://api.mls.example/v2/Property?$top=5",
        &["replica.mls.example"],
    ),
    ("https://api.mls.example:8443/odata/x/Property", &[]),
    ("http://127.0.0.1:8080/odata/Property", &["localhost"]),
    ("http://[::1]:8080/odata/Property", &["127.0.0.1"]),
];

/// A link is refused, or leads to an allowed host over an allowed scheme with unchanged bytes, and means
/// the same after it was stored.
pub fn link(bytes: &[u8]) {
    let Ok(link) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(uri) = allow::parse(link) {
        let again = allow::parse(&uri.to_string());
        assert_eq!(again.as_ref(), Ok(&uri), "parsed again");
        let _ = AllowList::new(&uri, &[]);
    }
    for (base, hosts) in FEEDS {
        let from = allow::parse(base).expect("a URL");
        let hosts: Vec<String> = hosts.iter().map(|h| (*h).to_owned()).collect();
        let allow = AllowList::new(&from, &hosts).expect("a feed");
        let Ok(uri) = allow.resolve(&from, link) else {
            continue;
        };
        leads_to_an_allowed_host(&uri, &from, &hosts);
        keeps_its_bytes(&uri, &from, link);
        // The continuation holds the resolved link; it is resolved once more when it is taken up.
        assert_eq!(allow.resolve(&from, &uri.to_string()).as_ref(), Ok(&uri));
        if let Ok(next) = allow.resolve(&uri, link) {
            leads_to_an_allowed_host(&next, &from, &hosts);
        }
    }
}

fn leads_to_an_allowed_host(uri: &Uri, base: &Uri, hosts: &[String]) {
    let text = uri.to_string();
    assert!(text.len() <= allow::MAX_URL, "{} bytes", text.len());
    let url = Url::parse(&text).unwrap_or_else(|e| panic!("{text:?} is no URL: {e}"));
    let base = Url::parse(&base.to_string()).expect("a URL");
    let host = url.host_str().unwrap_or_default();
    assert_eq!(
        uri.host().map(str::to_ascii_lowercase).as_deref(),
        Some(host)
    );
    assert!(
        url.username().is_empty() && url.password().is_none(),
        "{text:?}"
    );
    assert!(url.fragment().is_none(), "{text:?}");
    let is_loopback = |host: &str| matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    let is_plain = base.scheme() == "http" && is_loopback(host);
    assert!(
        url.scheme() == "https" || url.scheme() == "http" && is_plain,
        "{text:?}"
    );
    let port = url.port_or_known_default();
    // The connecting code reads the port in this way.
    let standard = if url.scheme() == "https" { 443 } else { 80 };
    assert_eq!(uri.port_u16().or(Some(standard)), port, "{text:?}");
    let is_base = Some(host) == base.host_str() && port == base.port_or_known_default();
    let is_listed = hosts.iter().any(|h| h == host) && (port == Some(443) || is_loopback(host));
    assert!(is_base || is_listed, "{text:?} leads to {host}:{port:?}");
}

/// The only changes are the documented ones: characters that a request cannot contain are percent-encoded,
/// the scheme becomes lower-case, and an empty path becomes `/`.
fn keeps_its_bytes(uri: &Uri, from: &Uri, link: &str) {
    let (text, encoded) = (uri.to_string(), encoded(link));
    let scheme = encoded
        .split_once("://")
        .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let expected = match scheme {
        Some((scheme, rest)) if scheme == "https" || scheme == "http" => {
            format!("{scheme}://{}", with_path(rest))
        }
        _ => match encoded.strip_prefix("//") {
            Some(rest) => format!("{}://{}", from.scheme_str().unwrap_or(""), with_path(rest)),
            None => {
                let origin = format!(
                    "{}://{}/",
                    from.scheme_str().unwrap_or(""),
                    from.authority().map_or("", |a| a.as_str())
                );
                assert!(
                    text.starts_with(&origin) && text.ends_with(&encoded),
                    "{text:?}"
                );
                return;
            }
        },
    };
    assert_eq!(text, expected);
}

fn with_path(rest: &str) -> String {
    match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('/') => rest.to_owned(),
        Some(at) => format!("{}/{}", &rest[..at], &rest[at..]),
        None => format!("{rest}/"),
    }
}

fn encoded(link: &str) -> String {
    let mut encoded = String::new();
    for byte in link.bytes() {
        match byte {
            b'"' | b'<' | b'>' | b'#' | 0..=0x20 | 0x7f.. => {
                encoded.push_str(&format!("%{byte:02X}"));
            }
            _ => encoded.push(char::from(byte)),
        }
    }
    encoded
}

/// The target of `rel="next"` is found in any context, and nothing else is.
///
/// The input's first line is the value of a header. The following lines are links from which another value
/// is built: target, title and relations, with `|` between them.
pub fn link_header(bytes: &[u8]) {
    let mut lines = bytes.split(|b| *b == b'\n');
    let first = lines.next().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_bytes(first) {
        any_value(&value);
    }
    let links: Vec<Link> = lines.filter_map(Link::of).collect();
    let value = links
        .iter()
        .map(Link::text)
        .collect::<Vec<_>>()
        .join(&b", "[..]);
    let expected = links
        .iter()
        .find(|link| link.is_next())
        .map(|link| escaped(link.target));
    let value = HeaderValue::from_bytes(&value).expect("made of what a header may hold");
    assert_eq!(link_header::next(&headers(&[&value])), expected);
}

fn any_value(value: &HeaderValue) {
    let found = link_header::next(&headers(&[value]));
    let before = HeaderValue::from_static("</before>; rel=\"prev\"");
    assert_eq!(link_header::next(&headers(&[&before, value])), found);
    let after = HeaderValue::from_static("</after>; rel=\"next\"");
    let with_after = link_header::next(&headers(&[value, &after]));
    match found {
        Some(target) => {
            assert!(escaped(value.as_bytes()).contains(&target), "{target:?}");
            assert_eq!(with_after, Some(target));
        }
        None => assert_eq!(with_after.as_deref(), Some("/after")),
    }
}

fn headers(values: &[&HeaderValue]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(LINK, (*value).clone());
    }
    headers
}

/// Bytes outside ASCII percent-encoded: a header may hold them, a URL may not.
fn escaped(bytes: &[u8]) -> String {
    let escape = |b: &u8| match b.is_ascii() {
        true => char::from(*b).to_string(),
        false => format!("%{b:02X}"),
    };
    bytes.iter().map(escape).collect()
}

struct Link<'a> {
    target: &'a [u8],
    title: &'a [u8],
    relations: &'a [u8],
}

impl<'a> Link<'a> {
    fn of(line: &'a [u8]) -> Option<Self> {
        let mut parts = line.splitn(3, |b| *b == b'|');
        let link = Link {
            target: parts.next()?,
            title: parts.next()?,
            relations: parts.next()?,
        };
        let is_target = |b: &u8| *b > 0x20 && *b != 0x7f && !matches!(b, b'<' | b'>');
        let is_text = |b: &u8| *b >= 0x20 && *b != 0x7f;
        let is_relation = |b: &u8| b.is_ascii_alphanumeric() || *b == b' ';
        let fits = link.target.iter().all(is_target)
            && link.title.iter().all(is_text)
            && link.relations.iter().all(is_relation);
        fits.then_some(link)
    }

    /// As RFC 8288, 3, has it; the title as a quoted string (RFC 9110, 5.6.4).
    fn text(&self) -> Vec<u8> {
        let mut text = [b"<", self.target, b">; title=\""].concat();
        for byte in self.title {
            if matches!(byte, b'"' | b'\\') {
                text.push(b'\\');
            }
            text.push(*byte);
        }
        text.extend_from_slice(b"\"; rel=\"");
        text.extend_from_slice(self.relations);
        text.push(b'"');
        text
    }

    fn is_next(&self) -> bool {
        self.relations
            .split(|b| *b == b' ')
            .any(|relation| relation.eq_ignore_ascii_case(b"next"))
    }
}
