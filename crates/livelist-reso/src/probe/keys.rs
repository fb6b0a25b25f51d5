//! The shape of keys, without showing one, and a key of that shape that cannot exist. Pure.

use std::collections::BTreeSet;

use livelist_model::asking::can_be_bare;

/// The shape of the keys of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyLook {
    /// Bytes of the shortest and of the longest.
    pub bytes: (usize, usize),
    /// The kind of characters in them.
    pub form: KeyForm,
    /// Keys that are there more than once.
    pub repeated: u64,
}

/// The kind of characters in keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum KeyForm {
    /// Digits alone.
    Digits,
    /// The same letters, then digits.
    Prefixed(String),
    /// Hexadecimal digits alone.
    Hex,
    /// UUIDs.
    Uuid,
    /// Anything else.
    #[default]
    Mixed,
}

impl KeyLook {
    /// The shape of these keys.
    pub fn of<'a>(keys: impl Iterator<Item = &'a [u8]>) -> KeyLook {
        let keys: Vec<&[u8]> = keys.collect();
        let lengths = || keys.iter().map(|key| key.len());
        let distinct: BTreeSet<&&[u8]> = keys.iter().collect();
        KeyLook {
            bytes: (lengths().min().unwrap_or(0), lengths().max().unwrap_or(0)),
            form: form(&keys),
            repeated: (keys.len() - distinct.len()) as u64,
        }
    }

    /// In words: `7 to 9 digits`.
    pub fn describe(&self) -> String {
        let (least, most) = self.bytes;
        let span = |less: usize| match (least - less, most - less) {
            (a, b) if a == b => a.to_string(),
            (a, b) => format!("{a} to {b}"),
        };
        match &self.form {
            KeyForm::Digits => format!("{} digits", span(0)),
            KeyForm::Prefixed(prefix) => format!("`{prefix}` and {} digits", span(prefix.len())),
            KeyForm::Hex => format!("{} hexadecimal digits", span(0)),
            KeyForm::Uuid => "UUIDs".to_owned(),
            KeyForm::Mixed => format!("{} bytes of mixed signs", span(0)),
        }
    }
}

fn form(keys: &[&[u8]]) -> KeyForm {
    let Some(first) = keys.first() else {
        return KeyForm::Mixed;
    };
    let all = |is: fn(&u8) -> bool| keys.iter().all(|key| key.iter().all(is));
    if all(u8::is_ascii_digit) {
        return KeyForm::Digits;
    }
    if all(u8::is_ascii_hexdigit) {
        return KeyForm::Hex;
    }
    let is_uuid = |key: &&[u8]| {
        let hyphens = [8, 13, 18, 23].map(|at| key.get(at) == Some(&b'-'));
        let text = std::str::from_utf8(key);
        hyphens == [true; 4] && text.is_ok_and(can_be_bare)
    };
    if keys.iter().all(is_uuid) {
        return KeyForm::Uuid;
    }
    let letters = first.iter().take_while(|b| !b.is_ascii_digit()).count();
    let prefix = &first[..letters];
    let fits = |key: &&[u8]| {
        let rest = key.strip_prefix(prefix);
        rest.is_some_and(|rest| !rest.is_empty() && rest.iter().all(u8::is_ascii_digit))
    };
    match std::str::from_utf8(prefix) {
        Ok(prefix) if keys.iter().all(fits) => KeyForm::Prefixed(prefix.to_owned()),
        _ => KeyForm::Mixed,
    }
}

/// A key of the same shape that no listing has, so that no server rejects its form. No listing is numbered
/// 0 or identified by zeros only, and none has another's key with a suffix.
pub(super) fn impossible(look: &KeyLook, like: &[u8]) -> Vec<u8> {
    match &look.form {
        KeyForm::Digits => b"0".to_vec(),
        KeyForm::Hex => vec![b'0'; like.len()],
        // A server with strict types rejects anything that is no UUID.
        KeyForm::Uuid => b"00000000-0000-0000-0000-000000000000".to_vec(),
        KeyForm::Prefixed(prefix) => format!("{prefix}0").into_bytes(),
        KeyForm::Mixed => [like, b"-livelist-probe"].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(keys: &[&str]) -> KeyLook {
        KeyLook::of(keys.iter().map(|key| key.as_bytes()))
    }

    #[test]
    fn keys_are_described_and_not_shown() {
        for (keys, words, impossible_one) in [
            (&["1000217", "100058608"][..], "7 to 9 digits", "0"),
            (&["ACT107472", "ACT10"], "`ACT` and 2 to 6 digits", "ACT0"),
            (
                &["a1b2c3d4", "00000000"],
                "8 hexadecimal digits",
                "00000000",
            ),
            (
                &[
                    "6f9619ff-8b86-d011-b42d-00c04fc964ff",
                    "6F9619FF-8B86-D011-B42D-00C04FC964FE",
                ],
                "UUIDs",
                "00000000-0000-0000-0000-000000000000",
            ),
            (
                &["P_a1", "O'Hara"],
                "4 to 6 bytes of mixed signs",
                "P_a1-livelist-probe",
            ),
            (
                &["abor", "abor1"],
                "4 to 5 bytes of mixed signs",
                "abor-livelist-probe",
            ),
            (&["20100000000000000000000001"], "26 digits", "0"),
            (&[], "0 bytes of mixed signs", "-livelist-probe"),
        ] {
            let look = look(keys);
            assert_eq!(look.describe(), words, "{keys:?}");
            let like = keys.first().copied().unwrap_or_default();
            let key = impossible(&look, like.as_bytes());
            assert_eq!(String::from_utf8(key).unwrap(), impossible_one);
        }
    }

    #[test]
    fn keys_that_come_twice_are_counted() {
        assert_eq!(look(&["a", "b", "a", "a"]).repeated, 2);
        assert_eq!(look(&["a", "A"]).repeated, 0);
    }
}
