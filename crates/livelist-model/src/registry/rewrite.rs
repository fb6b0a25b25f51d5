//! Changes the site keys in a client's document, and leaves every other byte as it was. People write
//! these documents, so their order, spaces and line ends stay. Pure; works on the text.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::ApiKey;

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    client: &'a RawValue,
    #[serde(borrow, default)]
    api_keys: Option<&'a RawValue>,
}

/// The client document `text` with these site keys instead of those that it has. All other bytes stay
/// as they are.
///
/// # Errors
/// The text is not a JSON object with the member `client`.
pub fn with_keys(text: &str, keys: &[ApiKey]) -> Result<String, serde_json::Error> {
    let outline: Outline<'_> = serde_json::from_str(text)?;
    let list = serde_json::to_string_pretty(keys)?.replace('\n', "\n  ");
    let end = |part: &str| start_of(part, text) + part.len();
    let (from, to, insert) = match outline.api_keys {
        Some(old) => (start_of(old.get(), text), end(old.get()), list),
        None => {
            let behind = end(outline.client.get());
            (behind, behind, format!(",\n  \"api_keys\": {list}"))
        }
    };
    Ok([&text[..from], &insert, &text[to..]].concat())
}

/// The position of `part`, which was borrowed from `text`, in `text`.
fn start_of(part: &str, text: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::parse_client;

    fn key(id: &str) -> ApiKey {
        ApiKey {
            id: id.to_owned(),
            sha256: "a".repeat(64),
            created: None,
            expires: None,
            feeds: None,
        }
    }

    const WRITTEN: &str = "{ \"pairs\" :[{\"resource\":\"Property\",\r\n\"mls\":\"abor\"}],\n\
        \t\"api_keys\":[ {\"id\": \"x\", \"sha256\":\"b\"} ] ,\n\n  \"client\": \"acme\"}  \n";

    #[test]
    fn all_but_the_keys_stays_as_it_was_written() {
        let text = with_keys(WRITTEN, &[key("one"), key("two")]).unwrap();
        let (before, behind) = WRITTEN
            .split_once("[ {\"id\": \"x\", \"sha256\":\"b\"} ]")
            .unwrap();
        let new = text
            .strip_prefix(before)
            .and_then(|t| t.strip_suffix(behind));
        let new: Vec<ApiKey> = serde_json::from_str(new.unwrap()).unwrap();
        assert_eq!(new, [key("one"), key("two")]);
        assert_eq!(with_keys(&text, &new).unwrap(), text);
    }

    #[test]
    fn keys_come_behind_the_name_where_there_were_none() {
        let text = with_keys("{\"client\": \"acme\"}", &[key("one")]).unwrap();
        let client = parse_client("clients/acme.json", text.as_bytes()).unwrap();
        assert_eq!(client.api_keys, [key("one")]);
        let none = with_keys(&text, &[]).unwrap();
        let client = parse_client("clients/acme.json", none.as_bytes()).unwrap();
        assert!(client.api_keys.is_empty());
    }

    #[test]
    fn what_is_no_client_is_refused() {
        for text in ["", "[]", "{}", "{\"client\":\"acme\",}"] {
            assert!(with_keys(text, &[]).is_err(), "{text}");
        }
    }
}
