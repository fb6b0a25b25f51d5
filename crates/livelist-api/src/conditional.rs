//! `If-None-Match` (RFC 9110, section 13.1.2): lists, weak tags and `*`. Proxies that compress make
//! strong tags weak, so the comparison is the weak one, as the standard asks.

use axum::http::{HeaderMap, header};

/// Whether a caller with these headers already has the version `tag` (without quotes). Headers that cannot
/// be parsed are no match: then the full answer is sent.
pub fn is_held(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.trim() == "*" || lists(value, tag))
}

fn lists(value: &str, tag: &str) -> bool {
    let mut rest = value;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        rest = rest.strip_prefix("W/").unwrap_or(rest);
        let Some((one, behind)) = rest
            .strip_prefix('"')
            .and_then(|opened| opened.split_once('"'))
        else {
            return false;
        };
        if one == tag {
            return true;
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
        is_held(&headers, "v-1")
    }

    #[test]
    fn lists_weak_tags_and_the_star_match() {
        for value in [
            "\"v-1\"",
            "W/\"v-1\"",
            "*",
            " * ",
            "\"v-0\", \"v-1\"",
            "\"v-0\",W/\"v-1\"",
            "\"a,b\" , , \"v-1\"",
            "\"\", \"v-1\"",
        ] {
            assert!(held(value), "{value}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        for value in [
            "",
            "v-1",
            "\"v-1",
            "\"v-10\"",
            "\"V-1\"",
            "w/\"v-1\"",
            "\"*\"",
            "\"x\" v-1",
            "\"x, v-1, y\"",
        ] {
            assert!(!held(value), "{value}");
        }
    }

    #[test]
    fn several_header_lines_are_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::IF_NONE_MATCH, "\"v-0\"".parse().unwrap());
        headers.append(header::IF_NONE_MATCH, "\"v-1\"".parse().unwrap());
        assert!(is_held(&headers, "v-1"));
    }
}
