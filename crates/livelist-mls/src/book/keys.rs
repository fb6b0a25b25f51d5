//! Listing keys as each provider shapes them: a pure function of the seed and a row's id.
//!
//! Ids are never used twice in a book, and every shape maps different ids to different keys.

use super::dice::mix;

/// The shape of a provider's keys.
#[derive(Clone, Debug)]
pub(crate) enum KeyStyle {
    /// 7 to 9 digits as a string, in no order (Trestle, recorded).
    Digits,
    /// A source's prefix and digits (MLS Grid: `ACT…`, `MFR…`).
    Prefixed(String),
    /// 26 digits: an instant to the microsecond and six zeros (Spark, recorded).
    Instant,
    /// 32 hexadecimal digits, or `P_…` (Bridge).
    Hex,
    /// UUIDs.
    Guid,
    /// Everything that is legal for an opaque string: digits, digits after zeros, 26 digits, pairs that
    /// differ only in case, UUIDs, and characters that a URL or an OData literal has to escape.
    Mixed,
}

/// Writes the key of an id.
#[derive(Clone, Debug)]
pub(crate) struct KeyMaker {
    style: KeyStyle,
    seed: u64,
}

/// How many numbers of 7 to 9 digits there are.
const NUMBERS: u64 = 999_000_000;
/// 1995-01-01T00:00:00Z.
const FIRST_SECOND: i64 = 788_918_400;

impl KeyMaker {
    pub fn new(style: KeyStyle, seed: u64) -> Self {
        Self { style, seed }
    }

    /// Appends the key of `id` to `out`. Keys hold nothing that JSON would have to escape.
    pub fn write(&self, id: u64, out: &mut String) {
        match &self.style {
            KeyStyle::Digits => push_number(out, self.number(id), 0),
            KeyStyle::Prefixed(prefix) => {
                out.push_str(prefix);
                push_number(out, self.number(id), 0);
            }
            KeyStyle::Instant => self.write_instant(id, out),
            KeyStyle::Hex => {
                let (high, low) = (mix(id ^ self.seed), mix(id.wrapping_add(self.seed)));
                if high.is_multiple_of(16) {
                    out.push_str("P_");
                    push_hex(out, high, 16);
                    push_hex(out, low, 8);
                } else {
                    push_hex(out, high, 16);
                    push_hex(out, low, 16);
                }
            }
            KeyStyle::Guid => self.write_guid(id, out),
            KeyStyle::Mixed => self.write_mixed(id, out),
        }
    }

    /// Appends the listing number as agents write it: at MLS Grid it has the prefix as well.
    pub fn write_listing_id(&self, number: u64, out: &mut String) {
        if let KeyStyle::Prefixed(prefix) = &self.style {
            out.push_str(prefix);
        }
        push_number(out, number, 0);
    }

    /// The number in a listing's id.
    pub fn listing_number(&self, text: &str) -> Option<u64> {
        let digits = match &self.style {
            KeyStyle::Prefixed(prefix) => text.strip_prefix(prefix.as_str())?,
            _ => text,
        };
        digits.parse().ok()
    }

    fn write_guid(&self, id: u64, out: &mut String) {
        let (high, low) = (mix(id ^ self.seed), mix(id.wrapping_add(self.seed)));
        push_hex(out, high >> 32, 8);
        for part in [high >> 16, high, low >> 48] {
            out.push('-');
            push_hex(out, part, 4);
        }
        out.push('-');
        push_hex(out, low, 12);
    }

    fn write_instant(&self, id: u64, out: &mut String) {
        let number = self.number(id);
        // A separate second for each id, from 1995 on for 31 years.
        let second = FIRST_SECOND + number as i64;
        let at = jiff::Timestamp::from_second(second).unwrap_or_default();
        let at = jiff::tz::Offset::UTC.to_datetime(at);
        push_number(out, at.year() as u64, 4);
        for part in [at.month(), at.day(), at.hour(), at.minute(), at.second()] {
            push_number(out, part as u64, 2);
        }
        push_number(out, mix(number) % 1_000_000, 6);
        out.push_str("000000");
    }

    fn write_mixed(&self, id: u64, out: &mut String) {
        // Shapes of one family share the number, so that books contain keys that differ only in leading
        // zeros or in case.
        let number = self.number(id / 8);
        match id % 8 {
            0 => push_number(out, number, 0),
            1 => {
                out.push_str("00");
                push_number(out, number, 0);
            }
            2 => {
                push_number(out, 2010 + number % 15, 4);
                push_number(out, number, 9);
                push_number(out, mix(number) % 10_000_000_000_000, 13);
            }
            3 => {
                out.push_str("ML");
                push_number(out, number, 0);
            }
            4 => {
                out.push_str("ml");
                push_number(out, number, 0);
            }
            5 => self.write_guid(id, out),
            6 => {
                out.push_str("O'Hara-");
                push_number(out, number, 0);
            }
            _ => {
                push_number(out, number, 0);
                out.push_str("/A+B & 50%");
            }
        }
    }

    /// A number of 7 to 9 digits, another one for each id below [`NUMBERS`].
    fn number(&self, id: u64) -> u64 {
        // A Feistel network permutes 30 bits; walking its cycle keeps the result in range.
        let mut value = id % NUMBERS;
        loop {
            let (mut left, mut right) = (value >> 15, value & 0x7fff);
            for round in 0..4 {
                let next = left ^ (mix(self.seed ^ (round << 56) ^ right) & 0x7fff);
                (left, right) = (right, next);
            }
            value = left << 15 | right;
            if value < NUMBERS {
                return 1_000_000 + value;
            }
        }
    }
}

pub(crate) fn push_number(out: &mut String, mut value: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let at = at.min(digits.len().saturating_sub(width));
    out.extend(digits[at..].iter().map(|&digit| char::from(digit)));
}

fn push_hex(out: &mut String, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = (value >> (4 * place) & 0xf) as u32;
        out.extend(char::from_digit(digit, 16));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(style: KeyStyle, n: u64) -> BTreeSet<String> {
        let maker = KeyMaker::new(style, 7);
        (0..n)
            .map(|id| {
                let mut key = String::new();
                maker.write(id, &mut key);
                key
            })
            .collect()
    }

    #[test]
    fn no_two_ids_share_a_key() {
        for style in [
            KeyStyle::Digits,
            KeyStyle::Prefixed("ACT".into()),
            KeyStyle::Instant,
            KeyStyle::Hex,
            KeyStyle::Guid,
            KeyStyle::Mixed,
        ] {
            assert_eq!(keys(style, 100_000).len(), 100_000);
        }
    }

    #[test]
    fn shapes_are_the_providers() {
        let digits = keys(KeyStyle::Digits, 10_000);
        assert!(digits.iter().all(|k| (7..=9).contains(&k.len())));
        assert!(
            digits
                .iter()
                .map(String::len)
                .collect::<BTreeSet<_>>()
                .len()
                > 1
        );
        let instants = keys(KeyStyle::Instant, 1_000);
        assert!(instants.iter().all(|k| {
            k.len() == 26 && k.bytes().all(|b| b.is_ascii_digit()) && k.ends_with("000000")
        }));
        assert!(instants.iter().any(|k| k.starts_with("200")));
        let hex = keys(KeyStyle::Hex, 1_000);
        assert!(hex.iter().any(|k| k.starts_with("P_") && k.len() == 26));
        assert!(hex.iter().any(|k| k.len() == 32));
        let mixed = keys(KeyStyle::Mixed, 80);
        assert!(
            mixed
                .iter()
                .any(|k| k.len() == 26 && k.bytes().all(|b| b.is_ascii_digit()))
        );
        assert!(
            mixed
                .iter()
                .any(|k| mixed.contains(&k.to_lowercase()) && k.starts_with("ML"))
        );
        assert!(mixed.iter().any(|k| mixed.contains(&format!("00{k}"))));
    }

    #[test]
    fn numbers_are_padded() {
        let mut out = String::new();
        push_number(&mut out, 0, 0);
        push_number(&mut out, 42, 4);
        push_number(&mut out, 12_345, 4);
        assert_eq!(out, "0004212345");
    }
}
