//! The parser of `$filter` (already decoded). Unknown syntax is an error, and is never silently ignored.

use super::{Field, Filter, Literal, Op};
use crate::spec::KeyType;

/// Parentheses deeper than this are refused, so that no request can exhaust the stack.
const DEEPEST: usize = 64;

/// Reads a filter of a server whose keys are text.
#[cfg(test)]
pub(crate) fn parse(text: &str) -> Result<Filter, String> {
    parse_typed(text, KeyType::Text)
}

/// Reads a filter of a server whose keys have this type.
pub(crate) fn parse_typed(text: &str, keys: KeyType) -> Result<Filter, String> {
    parse_named(text, keys, &Field::named)
}

/// Reads a filter whose fields have these names.
pub(crate) fn parse_named(
    text: &str,
    keys: KeyType,
    names: &dyn Fn(&str) -> Option<Field>,
) -> Result<Filter, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        keys,
        names,
    };
    let filter = parser.any_of()?;
    match parser.next() {
        None => Ok(filter),
        Some(token) => Err(format!("unexpected {token:?}")),
    }
}

/// The timestamps in a filter as they are written; empty if it cannot be parsed.
pub(crate) fn instants(text: &str) -> Vec<String> {
    let tokens = tokens(text).unwrap_or_default();
    let words = tokens.into_iter().filter_map(|token| match token {
        Token::Word(word) => Some(word),
        _ => None,
    });
    let instant = |word: &String| {
        word.starts_with(|c: char| c.is_ascii_digit())
            && word.contains('-')
            && guid(word.clone()).is_err()
    };
    words.filter(instant).collect()
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&c) = rest.peek() {
        match c {
            '(' | ')' | ',' => {
                rest.next();
                tokens.push(match c {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                });
            }
            '\'' => {
                rest.next();
                let mut value = String::new();
                loop {
                    match rest.next() {
                        // A doubled quote is an escaped quote.
                        Some('\'') if rest.peek() == Some(&'\'') => {
                            rest.next();
                            value.push('\'');
                        }
                        Some('\'') => break,
                        Some(c) => value.push(c),
                        None => return Err("a string literal does not end".into()),
                    }
                }
                tokens.push(Token::Text(value));
            }
            c if c.is_ascii_whitespace() => {
                rest.next();
            }
            _ => {
                let mut word = String::new();
                while let Some(&c) = rest.peek() {
                    if c.is_ascii_whitespace() || "(),'".contains(c) {
                        break;
                    }
                    word.push(c);
                    rest.next();
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    keys: KeyType,
    names: &'a dyn Fn(&str) -> Option<Field>,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(w)) if w == word);
        self.at += usize::from(found);
        found
    }

    fn any_of(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.all_of()?];
        while self.take_word("or") {
            parts.push(self.all_of()?);
        }
        Ok(joined(parts, Filter::Or))
    }

    fn all_of(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.condition()?];
        while self.take_word("and") {
            parts.push(self.condition()?);
        }
        Ok(joined(parts, Filter::And))
    }

    fn condition(&mut self) -> Result<Filter, String> {
        match self.next() {
            Some(Token::Open) => {
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err("parentheses are nested too deep".into());
                }
                let inner = self.any_of()?;
                self.depth -= 1;
                match self.next() {
                    Some(Token::Close) => Ok(inner),
                    other => Err(format!("expected ')', found {other:?}")),
                }
            }
            Some(Token::Word(name)) => {
                let field = (self.names)(&name)
                    .ok_or_else(|| format!("could not find a property named '{name}'"))?;
                // Numbers are compared as numbers, whatever the field is called.
                self.comparison(match (field, self.keys) {
                    (Field::ListingKey, KeyType::Int64) => Field::ListingKeyNumeric,
                    (field, _) => field,
                })
            }
            other => Err(format!("expected a condition, found {other:?}")),
        }
    }

    fn comparison(&mut self, field: Field) -> Result<Filter, String> {
        let Some(Token::Word(op)) = self.next() else {
            return Err("expected an operator".into());
        };
        let op = match op.as_str() {
            "eq" => Op::Eq,
            "ne" => Op::Ne,
            "gt" => Op::Gt,
            "ge" => Op::Ge,
            "lt" => Op::Lt,
            "le" => Op::Le,
            "in" => return self.list(field),
            other => return Err(format!("unknown operator '{other}'")),
        };
        let was_quoted = matches!(self.tokens.get(self.at), Some(Token::Text(_)));
        let literal = match self.next() {
            Some(Token::Text(text)) => Literal::Text(text),
            Some(Token::Word(word)) if word == "true" => Literal::Truth(true),
            Some(Token::Word(word)) if word == "false" => Literal::Truth(false),
            Some(Token::Word(word)) if self.takes_guid(field) => Literal::Text(guid(word)?),
            Some(Token::Word(word)) => match (word.parse(), word.parse::<jiff::Timestamp>()) {
                (Ok(number), _) => Literal::Number(number, number.to_string()),
                (_, Ok(moment)) => Literal::Moment(moment.as_microsecond()),
                _ => return Err(format!("not a literal: {word}")),
            },
            other => return Err(format!("expected a literal, found {other:?}")),
        };
        let fits = match field {
            Field::ListingKey if self.keys == KeyType::Guid => !was_quoted,
            Field::ListingKey
            | Field::ListingId
            | Field::StandardStatus
            | Field::PropertyType
            | Field::ListOfficeMlsId
            | Field::OriginatingSystemName => {
                matches!(literal, Literal::Text(_))
            }
            Field::ListingKeyNumeric => matches!(literal, Literal::Number(..)),
            Field::ModificationTimestamp
            | Field::BridgeModificationTimestamp
            | Field::RFModificationTimestamp
            | Field::PhotosChangeTimestamp => {
                matches!(literal, Literal::Moment(_))
            }
            Field::MlgCanView => matches!(literal, Literal::Truth(_)),
        };
        if !fits {
            return Err(format!("incompatible types: {field:?} and {literal:?}"));
        }
        Ok(Filter::Compare(field, op, literal))
    }

    fn takes_guid(&self, field: Field) -> bool {
        field == Field::ListingKey && self.keys == KeyType::Guid
    }

    fn list(&mut self, field: Field) -> Result<Filter, String> {
        let texts = [
            Field::ListingKey,
            Field::ListingId,
            Field::StandardStatus,
            Field::PropertyType,
            Field::ListOfficeMlsId,
            Field::OriginatingSystemName,
        ];
        let numbers = field == Field::ListingKeyNumeric;
        let guids = self.takes_guid(field);
        if !(numbers || texts.contains(&field)) || self.next() != Some(Token::Open) {
            return Err(format!("'in' needs a list after {field:?}"));
        }
        let mut values = Vec::new();
        loop {
            match self.next() {
                Some(Token::Text(text)) if !numbers && !guids => values.push(text),
                Some(Token::Word(word)) if guids => values.push(guid(word)?),
                Some(Token::Word(word)) if numbers => {
                    let number: i64 = word.parse().map_err(|_| format!("no number: {word}"))?;
                    values.push(number.to_string());
                }
                other => return Err(format!("expected a value, found {other:?}")),
            }
            match self.next() {
                Some(Token::Comma) => {}
                Some(Token::Close) => return Ok(Filter::In(field, values)),
                other => return Err(format!("expected ',' or ')', found {other:?}")),
            }
        }
    }
}

/// A GUID as rows show it.
fn guid(word: String) -> Result<String, String> {
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    let hex = word.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
    if hex && groups == [8, 4, 4, 4, 12] {
        Ok(word.to_ascii_lowercase())
    } else {
        Err(format!("no GUID: {word}"))
    }
}

fn joined(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        join(parts)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;
    use crate::filter::Facts;

    struct Listing {
        key: String,
        changed: i64,
    }

    impl Facts for Listing {
        fn compare_key(&self, other: &str) -> Ordering {
            self.key.as_str().cmp(other)
        }
        fn is_listing(&self, id: &str) -> bool {
            id == "1000007"
        }
        fn listing_id(&self) -> String {
            "1000007".to_owned()
        }
        fn number(&self) -> i64 {
            42
        }
        fn status(&self) -> &str {
            "Active"
        }
        fn property_type(&self) -> &str {
            "Land"
        }
        fn office(&self) -> String {
            "OFF3".into()
        }
        fn system(&self) -> &str {
            "actris"
        }
        fn changed(&self) -> i64 {
            self.changed
        }
        fn photos_changed(&self) -> i64 {
            self.changed
        }
        fn live(&self) -> bool {
            true
        }
    }

    fn holds(filter: &str) -> bool {
        let row = Listing {
            key: "O'Hara".into(),
            changed: 1_700_000_000_000_000,
        };
        parse(filter).unwrap().matches(&row)
    }

    #[test]
    fn conditions_mean_what_odata_says() {
        for (filter, expected) in [
            ("ListingKey eq 'O''Hara'", true),
            ("ListingKey in ('a','O''Hara')", true),
            ("ListingKey ne 'O''Hara'", false),
            ("ListingKey gt 'O' and ListingKey le 'P'", true),
            ("StandardStatus eq 'Closed' or MlgCanView eq true", true),
            // `and` binds closer than `or`.
            (
                "MlgCanView eq true or MlgCanView eq true and ListingKey eq 'x'",
                true,
            ),
            (
                "(MlgCanView eq true or MlgCanView eq true) and ListingKey eq 'x'",
                false,
            ),
            ("ModificationTimestamp gt 2023-11-14T22:13:19.999Z", true),
            ("ModificationTimestamp gt 2023-11-14T22:13:20Z", false),
            ("ModificationTimestamp ge 2023-11-14T17:13:20-05:00", true),
            ("OriginatingSystemName eq 'ACTRIS'", false),
            ("ListingKeyNumeric gt 41 and ListingKeyNumeric le 42", true),
            ("ListingKeyNumeric gt 42", false),
            ("ListingId in ('1','1000007')", true),
            ("ListingId eq '1000008'", false),
            ("ListingId ge '1000007' and ListingId lt '1000008'", true),
            ("ListingId lt '1000007'", false),
            ("PropertyType in ('Land','Residential')", true),
            ("ListOfficeMlsId eq 'OFF4'", false),
            ("OriginatingSystemName in ('actris')", true),
            ("RFModificationTimestamp gt 2023-11-14T22:13:19Z", true),
        ] {
            assert_eq!(holds(filter), expected, "{filter}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for filter in [
            "",
            "ListingKey",
            "ListingKey eq",
            "ListingKey eq 'a",
            "ListingKey eq 'a' OR ListingKey eq 'b'",
            "ListingKey eq 5",
            "ListPrice eq 5",
            "ListingKeyNumeric eq '5'",
            "ListingKeyNumeric gt 20060725224713296297000000",
            "ModificationTimestamp gt '2023-11-14T22:13:20Z'",
            "ModificationTimestamp gt 2023-11-14T22:13:20",
            "ListingKey in ()",
            "ListingKey in ('a'",
            "(ListingKey eq 'a'",
            "ListingKey eq 'a')",
            "contains(ListingKey,'a')",
        ] {
            assert!(parse(filter).is_err(), "{filter}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
    }

    #[test]
    fn keys_have_the_literals_of_their_type() {
        let guid = "00112233-4455-6677-8899-aabbccddeeff";
        for (keys, good, bad) in [
            (KeyType::Text, "'5'", "5"),
            (KeyType::Int64, "5", "'5'"),
            (
                KeyType::Guid,
                guid,
                "'00112233-4455-6677-8899-aabbccddeeff'",
            ),
            (KeyType::Guid, guid, "5"),
        ] {
            for form in ["ListingKey eq X", "ListingKey in (X)", "ListingKey gt X"] {
                let asked = |literal: &str| parse_typed(&form.replace('X', literal), keys);
                assert!(asked(good).is_ok(), "{keys:?} {form}");
                assert!(asked(bad).is_err(), "{keys:?} {form}");
            }
        }
        let upper = format!("ListingKey eq {}", guid.to_uppercase());
        let filter = parse_typed(&upper, KeyType::Guid).unwrap();
        assert_eq!(filter.keys(), Some(vec![guid]));
        let filter = parse_typed("ListingKey in (7,8)", KeyType::Int64).unwrap();
        assert_eq!((filter.keys(), filter.values()), (Some(vec!["7", "8"]), 2));
    }

    #[test]
    fn keys_and_ranges_are_found() {
        let filter = parse("MlgCanView eq true and (ListingKey eq 'a' or ListingKey eq 'b')");
        assert_eq!(filter.unwrap().keys(), Some(vec!["a", "b"]));
        let filter = parse("ListingKey eq 'a' or MlgCanView eq true").unwrap();
        assert_eq!(filter.keys(), None);
        let filter = parse("ListingKey ge 'a' and ListingKey le 'a'").unwrap();
        assert_eq!(filter.keys(), Some(vec!["a"]));
        let filter = parse("ListingKey gt 'a' and StandardStatus eq 'Active'").unwrap();
        assert_eq!(filter.key_range(), (Some(("a", false)), None));
        let filter = parse("ListingKeyNumeric in (7, 8)").unwrap();
        assert_eq!(filter.keys(), Some(vec!["7", "8"]));
        let filter = parse("ListingKeyNumeric gt 7 and ListingKeyNumeric le 9").unwrap();
        assert_eq!((filter.number_range(), filter.keys()), ((8, 9), None));
    }

    #[test]
    fn instants_are_found_as_they_are_written() {
        let found = instants("(A gt 2026-01-02T03:04Z or ListingKey eq '2026-01-01') and N gt 7");
        assert_eq!(found, ["2026-01-02T03:04Z"]);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn any_key_survives_quoting(key in "\\PC*", other in "\\PC*") {
            let quoted = format!("ListingKey eq '{}'", key.replace('\'', "''"));
            let filter = parse(&quoted).unwrap();
            prop_assert_eq!(filter.keys(), Some(vec![key.as_str()]));
            let row = Listing { key: other.clone(), changed: 0 };
            prop_assert_eq!(filter.matches(&row), key == other);
        }

        #[test]
        fn near_misses_do_not_panic(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("ListingKey"), Just("eq"), Just("in"), Just("("), Just(")"), Just("'a'"),
                    Just(","), Just("and"), Just("or"), Just("true"), Just("MlgCanView"),
                ],
                0..12,
            )
        ) {
            if let Ok(filter) = parse(&parts.join(" ")) {
                let row = Listing { key: "a".into(), changed: 0 };
                let in_keys = filter.keys().is_none_or(|keys| keys.contains(&"a"));
                prop_assert!(!filter.matches(&row) || in_keys);
            }
        }
    }
}
