//! Query strings: parsing them as the providers do, and writing them into next links in each provider's
//! escaping. Depends on nothing else of this crate.

/// The options of a request in their order, decoded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(raw: &str) -> Self {
        Self::read(raw, true)
    }

    /// The options, with `+` as a plus and not as a blank (RFC 3986 alone, without HTML's forms).
    pub fn parse_strictly(raw: &str) -> Self {
        Self::read(raw, false)
    }

    fn read(raw: &str, plus: bool) -> Self {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        let decoded = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, plus), decode(value, plus))
        });
        Self(decoded.collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The options except those named, encoded again; ends with `&` unless empty.
    pub fn rewritten(&self, without: &[&str], escape: Escape) -> String {
        let mut out = String::new();
        for (name, value) in &self.0 {
            if !without.contains(&name.as_str()) {
                out.push_str(name);
                out.push('=');
                escape.write(value, &mut out);
                out.push('&');
            }
        }
        out
    }
}

/// Decodes `%xx`, and in a query `+`. Bytes that are no UTF-8 are replaced.
pub(crate) fn decode(text: &str, plus: bool) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match (byte, tail) {
            (b'+', _) if plus => out.push(b' '),
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                if let (Some(high), Some(low)) = (digit(high), digit(low)) {
                    out.push((high * 16 + low) as u8);
                    rest = after;
                } else {
                    out.push(b'%');
                }
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// How a provider escapes values in its next links.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Escape {
    /// `+` for blanks, lower-case `%3a`, raw `( ) ! * - _ .` (Trestle, recorded).
    DotNet,
    /// `%20` for blanks, upper-case `%2C`, raw `' ( ) ! * ~` (MLS Grid, published).
    Component,
    /// Everything but unreserved characters, upper case (RFC 3986).
    Strict,
}

impl Escape {
    pub fn write(self, value: &str, out: &mut String) {
        let raw = match self {
            Self::DotNet => "-_.!*()",
            Self::Component => "-_.!~*'()",
            Self::Strict => "-._~",
        };
        for &byte in value.as_bytes() {
            if byte.is_ascii_alphanumeric() || raw.as_bytes().contains(&byte) {
                out.push(char::from(byte));
            } else if byte == b' ' && matches!(self, Self::DotNet) {
                out.push('+');
            } else if matches!(self, Self::DotNet) {
                out.push_str(&format!("%{byte:02x}"));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn links_are_escaped_as_recorded() {
        let query =
            Query::parse("$filter=ModificationTimestamp%20gt%202022-03-29T18:49:08.34Z&$skip=5");
        assert_eq!(
            query.rewritten(&["$skip"], Escape::DotNet),
            "$filter=ModificationTimestamp+gt+2022-03-29T18%3a49%3a08.34Z&"
        );
        let query = Query::parse("%24filter=OriginatingSystemName+eq+'actris'&$expand=Media,Rooms");
        assert_eq!(
            query.rewritten(&[], Escape::Component),
            "$filter=OriginatingSystemName%20eq%20'actris'&$expand=Media%2CRooms&"
        );
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        assert_eq!(decode("100%&%4", true), "100%&%4");
        assert_eq!(decode("a+b%2B", true), "a b+");
        assert_eq!(decode("a+b", false), "a+b");
    }

    #[test]
    fn a_plus_is_a_plus_to_strict_readers() {
        let query = Query::parse_strictly("$filter=a+eq%20b%2Bc");
        assert_eq!(query.get("$filter"), Some("a+eq b+c"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in "\\PC*") {
            for escape in [Escape::DotNet, Escape::Component, Escape::Strict] {
                let mut raw = "$filter=".to_owned();
                escape.write(&value, &mut raw);
                let query = Query::parse(&raw);
                prop_assert_eq!(query.get("$filter").unwrap(), &value);
            }
        }

        #[test]
        fn no_query_makes_it_panic(raw in "\\PC*") {
            let _ = Query::parse(&raw);
        }
    }
}
