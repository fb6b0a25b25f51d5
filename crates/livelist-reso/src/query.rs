//! Builds URLs: OData query options, encoded so that every server reads them in the same way.

use std::collections::BTreeMap;

pub use livelist_model::asking::KeyLiteral;
use livelist_model::asking::can_be_bare;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The characters that stay unencoded in a query value: RFC 3986's unreserved characters, and those of
/// OData's syntax that no server misreads. Blanks become `%20`, because some servers do not read `+`
/// (AMPRE).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b',')
    .remove(b'$')
    .remove(b':');

/// A URL in the making.
#[derive(Debug, Clone)]
pub struct Query {
    url: String,
    has_option: bool,
}

impl Query {
    /// A query of `resource` below `base`.
    pub fn of(base: &str, resource: &str) -> Query {
        Query {
            url: format!("{}/{resource}", base.trim_end_matches('/')),
            has_option: false,
        }
    }

    /// Adds an option unless its value is empty.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Query {
        if value.is_empty() {
            return self;
        }
        self.url.push(if self.has_option { '&' } else { '?' });
        self.has_option = true;
        self.url.push_str(name);
        self.url.push('=');
        self.url.extend(utf8_percent_encode(value, VALUE));
        self
    }

    /// Adds the feed's own options.
    #[must_use]
    pub fn options(self, parameters: &BTreeMap<String, String>) -> Query {
        let add = |query: Query, (name, value): (&String, &String)| query.option(name, value);
        parameters.iter().fold(self, add)
    }

    /// The URL.
    pub fn url(self) -> String {
        self.url
    }
}

/// `a and b and …`, each in parentheses if it may contain an `or`.
pub fn all_of(conditions: &[&str]) -> String {
    let conditions: Vec<&str> = conditions
        .iter()
        .copied()
        .filter(|c| !c.is_empty())
        .collect();
    match conditions.as_slice() {
        [one] => (*one).to_owned(),
        several => {
            let parts: Vec<String> = several
                .iter()
                .map(|c| {
                    if has_word_or(c) {
                        format!("({c})")
                    } else {
                        (*c).to_owned()
                    }
                })
                .collect();
            parts.join(" and ")
        }
    }
}

fn has_word_or(condition: &str) -> bool {
    condition
        .split_ascii_whitespace()
        .any(|word| word.eq_ignore_ascii_case("or"))
}

/// A string literal: in single quotes, which are doubled inside (OData URL conventions, 5.1.1.6.1).
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A key as a literal of this form. A key that may not be bare is quoted in any case, because it would
/// become part of the condition.
pub fn literal_as(form: KeyLiteral, key: &str) -> String {
    match form {
        KeyLiteral::Bare if can_be_bare(key) => key.to_owned(),
        _ => literal(key),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_literal_is_no_condition() {
        let bare = |key| literal_as(KeyLiteral::Bare, key);
        assert_eq!(bare("123"), "123");
        assert_eq!(bare("1 or true"), "'1 or true'");
        assert_eq!(literal_as(KeyLiteral::Quoted, "123"), "'123'");
    }

    #[test]
    fn options_are_encoded() {
        let url = Query::of("https://x.example/odata/", "Property")
            .option("$select", "ListingKey")
            .option(
                "$filter",
                "City eq 'O''Fallon & Co' or X gt 2026-01-01T00:00:00Z",
            )
            .option("$top", "")
            .url();
        assert_eq!(
            url,
            "https://x.example/odata/Property?$select=ListingKey&$filter=City%20eq%20'O''Fallon%20%26%20Co'%20or%20X%20gt%202026-01-01T00:00:00Z"
        );
    }

    #[test]
    fn an_or_is_kept_together() {
        assert_eq!(
            all_of(&["", "A eq 1 or B eq 2", "C eq 3"]),
            "(A eq 1 or B eq 2) and C eq 3"
        );
        assert_eq!(all_of(&["A eq 1 or B eq 2"]), "A eq 1 or B eq 2");
    }
}
