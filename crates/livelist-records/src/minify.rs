//! JSON on one line: the provider's text, without the white space between its tokens. A log has one record
//! per line, and people read it.

use std::borrow::Cow;

/// `json` without white space outside of its strings. `json` has to be JSON.
pub fn minify(json: &str) -> Cow<'_, str> {
    let is_plain = !json
        .bytes()
        .any(|b| matches!(b, b'\n' | b'\r' | b'\t' | b' '));
    if is_plain {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    let mut in_string = false;
    while let Some(at) = rest.find(stop(in_string)) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let taken = match (in_string, from.as_bytes()[0]) {
            (true, b'\\') => {
                let pair = from.chars().take(2).map(char::len_utf8).sum();
                out.push_str(&from[..pair]);
                pair
            }
            (_, b'"') => {
                out.push('"');
                in_string = !in_string;
                1
            }
            // White space between tokens.
            _ => 1,
        };
        rest = &from[taken..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn stop(in_string: bool) -> &'static [char] {
    match in_string {
        true => &['"', '\\'],
        false => &['"', ' ', '\n', '\r', '\t'],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blanks_between_tokens_go_and_those_in_strings_stay() {
        let json = "{ \"a b\" :\t[ 1 , \"x \\\" y\\\\\" ,\n null ] }";
        assert_eq!(minify(json), "{\"a b\":[1,\"x \\\" y\\\\\",null]}");
        assert!(matches!(minify("{\"a\":1}"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn the_value_stays_the_same(texts in proptest::collection::vec(".*", 0..6)) {
            let value = serde_json::json!({"a": texts, "b": [1, {"c": null}]});
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let small = minify(&pretty);
            prop_assert!(!small.contains('\n'));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&small).unwrap(), value);
        }
    }
}
