//! Names of tables and columns: as the provider spells them or in snake case, and different from each other
//! by the rules of any database.

use serde::{Deserialize, Serialize};

/// How fields become columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Names {
    /// As the provider spells them: `ListPrice`.
    #[default]
    AsIs,
    /// In snake case: `list_price`.
    SnakeCase,
}

/// The longest name that every database takes: PostgreSQL cuts at 63 bytes, MySQL refuses above 64
/// characters.
pub const MAX_NAME: usize = 63;

impl Names {
    /// The name of a field or resource, before it is made unlike the others.
    ///
    /// ```
    /// use livelist_records::names::Names;
    ///
    /// let snake = |name| Names::SnakeCase.of(name);
    /// assert_eq!(snake("ListPrice"), "list_price");
    /// assert_eq!(snake("MLSAreaMajor"), "mls_area_major");
    /// assert_eq!(snake("ABOR_Pool2Type"), "abor_pool2_type");
    /// assert_eq!(Names::AsIs.of("ListPrice"), "ListPrice");
    /// ```
    pub fn of(self, name: &str) -> String {
        match self {
            Names::AsIs => name.to_owned(),
            Names::SnakeCase => snake_case(name),
        }
    }
}

fn snake_case(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 8);
    for (i, letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| letters.get(i));
        let behind = letters.get(i + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|b| {
                b.is_lowercase()
                    || b.is_ascii_digit()
                    || (b.is_uppercase() && behind.is_some_and(|c| c.is_lowercase()))
            });
        if begins {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// Names that a destination has for itself, or a database for its rows.
fn is_taken(folded: &str) -> bool {
    const TAKEN: [&str; 12] = [
        "rowid",
        "oid",
        "ctid",
        "xmin",
        "xmax",
        "cmin",
        "cmax",
        "tableoid",
        "db_row_id",
        "db_trx_id",
        "db_roll_ptr",
        "",
    ];
    folded.starts_with('_') || TAKEN.contains(&folded)
}

/// `name` as a column next to others, whose folded names are `others`. It differs from each of them for a
/// database that ignores case, has at most 63 bytes, and is no name that a destination reserves. A name
/// that is taken gets a number: `Name__2`. A non-ASCII character becomes `_`, as does a trailing blank:
/// MySQL treats `É` and `E` in names as equal, and allows neither characters beyond U+FFFF nor a trailing
/// blank.
pub fn unlike(name: &str, others: impl Fn(&str) -> bool) -> String {
    let is_plain = |c: char| c.is_ascii() && !c.is_ascii_control();
    let mut name: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect();
    if name.ends_with(' ') {
        name.pop();
        name.push('_');
    }
    let stem = match is_taken(&fold(&name)) {
        true => format!("f_{}", name.trim_start_matches('_')),
        false => name,
    };
    let mut names = (1_u32..).map(|nth| numbered(&stem, nth));
    let free = names.find(|name| !others(&fold(name)));
    free.unwrap_or(stem)
}

fn numbered(stem: &str, nth: u32) -> String {
    let suffix = match nth {
        1 => String::new(),
        nth => format!("__{nth}"),
    };
    let end = stem.floor_char_boundary(MAX_NAME - suffix.len());
    format!("{}{suffix}", &stem[..end])
}

/// A name as seen by a database that ignores case.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_database_takes_for_the_same_are_told_apart() {
        let mut taken: Vec<String> = Vec::new();
        let long = "x".repeat(70);
        let mut given = Vec::new();
        for name in [
            "ListPrice",
            "listprice",
            "LISTPRICE",
            "_hash",
            "_Hash",
            "hash",
            "rowid",
            "ROWID",
            "",
            &long,
            &format!("{long}y"),
            "Ünï",
        ] {
            let name = unlike(name, |folded| taken.contains(&folded.to_owned()));
            assert!(
                name.len() <= MAX_NAME && !name.is_empty() && !name.starts_with('_'),
                "{name}"
            );
            taken.push(fold(&name));
            given.push(name);
        }
        let mut unique = taken.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), taken.len(), "{given:?}");
        assert_eq!(
            given[..4],
            ["ListPrice", "listprice__2", "LISTPRICE__3", "f_hash"]
        );
    }
}
