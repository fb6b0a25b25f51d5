//! The recogniser of `$filter` (already decoded). What it does not know is an error, never a
//! condition that is silently left out.

use super::{Field, Filter, Literal, Op};

/// Parentheses deeper than this are refused, so that no request can exhaust the stack.
const DEEPEST: usize = 64;

/// Reads a filter.
pub(crate) fn parse(text: &str) -> Result<Filter, String> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    let filter = parser.any_of()?;
    match parser.next() {
        None => Ok(filter),
        Some(token) => Err(format!("unexpected {token:?}")),
    }
}

/// The instants of a filter as they are written; nothing where it does not parse.
pub(crate) fn instants(text: &str) -> Vec<String> {
    let tokens = tokens(text).unwrap_or_default();
    let words = tokens.into_iter().filter_map(|token| match token {
        Token::Word(word) => Some(word),
        _ => None,
    });
    let instant = |word: &String| word.starts_with(|c: char| c.is_ascii_digit());
    words
        .filter(|word| instant(word) && word.contains('-'))
        .collect()
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
                        // A doubled quote stands for one.
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

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
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
                let field = Field::named(&name)
                    .ok_or_else(|| format!("could not find a property named '{name}'"))?;
                self.comparison(field)
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
        let literal = match self.next() {
            Some(Token::Text(text)) => Literal::Text(text),
            Some(Token::Word(word)) if word == "true" => Literal::Truth(true),
            Some(Token::Word(word)) if word == "false" => Literal::Truth(false),
            Some(Token::Word(word)) => match (word.parse(), word.parse::<jiff::Timestamp>()) {
                (Ok(number), _) => Literal::Number(number, number.to_string()),
                (_, Ok(moment)) => Literal::Moment(moment.as_microsecond()),
                _ => return Err(format!("not a literal: {word}")),
            },
            other => return Err(format!("expected a literal, found {other:?}")),
        };
        let fits = match field {
            Field::ListingKey | Field::StandardStatus | Field::OriginatingSystemName => {
                matches!(literal, Literal::Text(_))
            }
            Field::ListingKeyNumeric => matches!(literal, Literal::Number(..)),
            Field::ModificationTimestamp
            | Field::BridgeModificationTimestamp
            | Field::RFModificationTimestamp => {
                matches!(literal, Literal::Moment(_))
            }
            Field::MlgCanView => matches!(literal, Literal::Truth(_)),
        };
        if !fits {
            return Err(format!("incompatible types: {field:?} and {literal:?}"));
        }
        Ok(Filter::Compare(field, op, literal))
    }

    fn list(&mut self, field: Field) -> Result<Filter, String> {
        let texts = [
            Field::ListingKey,
            Field::StandardStatus,
            Field::OriginatingSystemName,
        ];
        let numbers = field == Field::ListingKeyNumeric;
        if !(numbers || texts.contains(&field)) || self.next() != Some(Token::Open) {
            return Err(format!("'in' needs a list after {field:?}"));
        }
        let mut values = Vec::new();
        loop {
            match self.next() {
                Some(Token::Text(text)) if !numbers => values.push(text),
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
        fn number(&self) -> i64 {
            42
        }
        fn status(&self) -> &str {
            "Active"
        }
        fn system(&self) -> &str {
            "actris"
        }
        fn changed(&self) -> i64 {
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
