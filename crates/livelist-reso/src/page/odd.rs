//! Invalid JSON as some servers write it: control characters, non-UTF-8 bytes and halves of surrogate pairs
//! in strings, `NaN` and `Infinity` as numbers. It is tried only if a body is not valid JSON. An invalid
//! part of a string is replaced by a character that no key can contain, so no key is ever guessed; an
//! invalid number becomes `null`.

/// Replaces the invalid parts of a string. A key or link that contains it is refused.
pub(super) const SIGN: char = '\u{1}';
const SIGN_IN_JSON: &[u8] = b"\\u0001";

/// The errors in a body, and the corrected body.
pub(super) struct Mended {
    /// The body as JSON.
    pub(super) json: Vec<u8>,
    /// In words, each once.
    odd: Vec<&'static str>,
}

impl Mended {
    /// `body` made JSON, if anything of this kind is in it.
    pub(super) fn of(body: &[u8]) -> Option<Mended> {
        let mut mended = Mended {
            json: Vec::with_capacity(body.len()),
            odd: Vec::new(),
        };
        let mut rest = body;
        while !rest.is_empty() {
            rest = match rest {
                [b'"', text @ ..] => mended.text(text),
                _ => mended.outside(rest),
            };
        }
        (!mended.odd.is_empty()).then_some(mended)
    }

    /// In words: `NaN, a control character in a text`.
    pub(super) fn describe(&self) -> String {
        self.odd.join(", ")
    }

    fn note(&mut self, what: &'static str) {
        if !self.odd.contains(&what) {
            self.odd.push(what);
        }
    }

    /// Takes one character or number outside of strings; returns the rest.
    fn outside<'b>(&mut self, rest: &'b [u8]) -> &'b [u8] {
        for (word, told) in [
            (&b"NaN"[..], "NaN"),
            (b"Infinity", "Infinity"),
            (b"-Infinity", "-Infinity"),
        ] {
            if let Some(behind) = rest.strip_prefix(word) {
                self.json.extend_from_slice(b"null");
                self.note(told);
                return behind;
            }
        }
        let (one, behind) = rest.split_at(1);
        self.json.extend_from_slice(one);
        behind
    }

    /// Takes a string up to its end; returns the rest.
    fn text<'b>(&mut self, mut rest: &'b [u8]) -> &'b [u8] {
        self.json.push(b'"');
        loop {
            rest = match rest {
                [] => return rest,
                [b'"', behind @ ..] => {
                    self.json.push(b'"');
                    return behind;
                }
                [b'\\', ..] => self.escape(rest),
                [..0x20, behind @ ..] => self.odd(behind, "a control character in a text"),
                [..0x80, behind @ ..] => {
                    self.json.push(rest[0]);
                    behind
                }
                _ => self.character(rest),
            };
        }
    }

    fn odd<'b>(&mut self, behind: &'b [u8], what: &'static str) -> &'b [u8] {
        self.note(what);
        self.json.extend_from_slice(SIGN_IN_JSON);
        behind
    }

    fn kept<'b>(&mut self, rest: &'b [u8], bytes: usize) -> &'b [u8] {
        let (kept, behind) = rest.split_at(bytes.min(rest.len()));
        self.json.extend_from_slice(kept);
        behind
    }

    fn escape<'b>(&mut self, rest: &'b [u8]) -> &'b [u8] {
        const HALF: &str = "half of a surrogate pair in a text";
        const UNKNOWN: &str = "an escape that JSON does not know";
        match rest {
            [
                _,
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't',
                ..,
            ] => self.kept(rest, 2),
            [_, b'u', ..] => match (unit(rest), rest.get(6..).and_then(unit)) {
                (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => self.kept(rest, 12),
                (Some(0xD800..=0xDFFF), _) => self.odd(&rest[6..], HALF),
                (Some(_), _) => self.kept(rest, 6),
                (None, _) => self.odd(&rest[2..], UNKNOWN),
            },
            _ => self.odd(&rest[1..], UNKNOWN),
        }
    }

    fn character<'b>(&mut self, rest: &'b [u8]) -> &'b [u8] {
        let whole = (2..=4).find(|n| rest.get(..*n).is_some_and(|c| str::from_utf8(c).is_ok()));
        match whole {
            Some(bytes) => self.kept(rest, bytes),
            None => self.odd(&rest[1..], "bytes that are not UTF-8 in a text"),
        }
    }
}

/// The code unit of a `\uXXXX` at the beginning of `text`.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    let digits = str::from_utf8(digits).ok().filter(|_| is_hex)?;
    u16::from_str_radix(digits, 16).ok()
}

/// How a body begins that is not JSON from its beginning; nothing if it begins as JSON does.
pub(super) fn beginning(body: &[u8]) -> Option<String> {
    let first = body.trim_ascii_start().first();
    Some(match (body, first) {
        (_, None) => "it is empty".to_owned(),
        (_, Some(b'{' | b'[')) => return None,
        ([0x1f, 0x8b, ..], _) => "it is gzip, and no Content-Encoding says so".to_owned(),
        ([0xff, 0xfe, ..] | [0xfe, 0xff, ..], _) => "it is UTF-16".to_owned(),
        (_, Some(b'<')) => "it begins with `<`, as HTML and XML do".to_owned(),
        (_, Some(byte)) if byte.is_ascii_graphic() => {
            format!("it begins with `{}`", char::from(*byte))
        }
        (_, Some(byte)) => format!("it begins with the byte {byte:02x}"),
    })
}
