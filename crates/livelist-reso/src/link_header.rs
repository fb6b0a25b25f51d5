//! The `Link` header (RFC 8288), as far as paging needs it: the target of `rel="next"`, byte for
//! byte. The published parsers split targets at commas, which OData's `$select=A,B` is full of, or
//! hand back a rewritten URL.

use http::HeaderMap;
use http::header::LINK;

/// The target of the link with the relation `next`.
pub fn next(headers: &HeaderMap) -> Option<String> {
    headers.get_all(LINK).iter().find_map(|value| {
        let mut rest = value.to_str().ok()?;
        while let Some((_, from_target)) = rest.split_once('<') {
            let (target, after) = from_target.split_once('>')?;
            // The parameters reach to the next link, which begins with the next `<`.
            let parameters = after.split('<').next().unwrap_or("");
            if parameters.split([';', ',']).any(is_next) {
                return Some(target.trim().to_owned());
            }
            rest = after;
        }
        None
    })
}

/// Whether a parameter is `rel` with `next` among its relations.
fn is_next(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("rel")
            && value
                .trim()
                .trim_matches('"')
                .split_whitespace()
                .any(|r| r.eq_ignore_ascii_case("next"))
    })
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
