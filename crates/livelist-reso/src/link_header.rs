//! The `Link` header (RFC 8288), as far as paging needs it: the target of `rel="next"`, byte for byte. The
//! published parsers split targets at commas, which OData's `$select=A,B` contains, or return a rewritten
//! URL.

use http::HeaderMap;
use http::header::LINK;

/// The target of the link with the relation `next`. Non-ASCII bytes, which a header may contain and a URL
/// may not, are percent-encoded.
///
/// A malformed header is read leniently, so that a `next` is not missed: a wrong link is refused or leads
/// nowhere, but a missed link looks like the end.
pub fn next(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(LINK).iter();
    values.find_map(|value| next_in(value.as_bytes()))
}

fn next_in(mut text: &[u8]) -> Option<String> {
    loop {
        let begin = text.iter().position(|b| *b == b'<')? + 1;
        let end = begin + text[begin..].iter().position(|b| *b == b'>')?;
        let (is_next, rest) = parameters(&text[end + 1..]);
        if is_next {
            return Some(encoded(text[begin..end].trim_ascii()));
        }
        text = rest;
    }
}

fn encoded(target: &[u8]) -> String {
    let encode = |b: &u8| match b.is_ascii() {
        true => char::from(*b).to_string(),
        false => format!("%{b:02X}"),
    };
    target.iter().map(encode).collect()
}

/// Whether the parameters after a target contain `next`, and the rest of the header. Commas, semicolons and
/// other characters in a quoted string are text (RFC 9110, 5.6.4).
fn parameters(text: &[u8]) -> (bool, &[u8]) {
    let (mut begin, mut quoted, mut escaped, mut is_next) = (0, false, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' | b',' if !quoted => {
                is_next |= says_next(&text[begin..at]);
                begin = at + 1;
                let rest = text[begin..].trim_ascii_start();
                if *byte == b',' && rest.first() == Some(&b'<') {
                    return (is_next, rest);
                }
            }
            _ => {}
        }
    }
    let mut last = text[begin..].split(|b| quoted && matches!(b, b';' | b','));
    (is_next || last.any(says_next), &[])
}

/// Whether a parameter is `rel` with `next` among its relations.
fn says_next(parameter: &[u8]) -> bool {
    let mut parts = parameter.splitn(2, |b| *b == b'=');
    let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
        return false;
    };
    name.trim_ascii().eq_ignore_ascii_case(b"rel")
        && value
            .split(|b| b.is_ascii_whitespace() || *b == b'"')
            .any(|relation| relation.eq_ignore_ascii_case(b"next"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(values: &[&'static str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, http::HeaderValue::from_static(value));
        }
        next(&headers)
    }

    #[test]
    fn the_next_link_keeps_its_bytes() {
        let url = "https://x.example/P/replication?$select=A,B&next=a;b'c";
        let link = "<https://x.example/P/replication?$select=A,B&next=a;b'c>; rel=\"next\"";
        assert_eq!(found(&[link]).as_deref(), Some(url));
        assert_eq!(
            found(&[
                "</first>; rel=first, </second>; title=x; rel=\"prev next\", </last>; rel=last"
            ]),
            Some("/second".to_owned())
        );
        assert_eq!(
            found(&["</a>; rel=prev", "</b>; rel=next"]).as_deref(),
            Some("/b")
        );
    }

    #[test]
    fn what_stands_in_a_title_is_text() {
        let quoted = r#"</a>; title="a, <x>; rel=next; \"", </b>; rel=next"#;
        assert_eq!(found(&[quoted]).as_deref(), Some("/b"));
        let foreign = http::HeaderValue::from_bytes("</é>; title=\"Señor\"; rel=next".as_bytes());
        let headers = HeaderMap::from_iter([(LINK, foreign.unwrap())]);
        assert_eq!(next(&headers).as_deref(), Some("/%C3%A9"));
    }

    #[test]
    fn a_next_link_in_a_header_that_is_not_well_formed_is_seen() {
        for value in [
            "</a>; title=\"x; rel=next",
            "</a>; x, rel=next",
            "</a>;rel=\"next",
        ] {
            assert_eq!(found(&[value]).as_deref(), Some("/a"), "{value}");
        }
    }

    #[test]
    fn what_is_no_next_link_is_none() {
        for value in [
            "",
            "<",
            "</a",
            "</a>",
            "</a>; rel=prev",
            "</a>; rev=next",
            "rel=next",
        ] {
            assert_eq!(found(&[value]), None, "{value}");
        }
    }
}
