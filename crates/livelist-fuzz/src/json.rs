//! A second grammar of JSON (RFC 8259), to compare the page reader with. It only finds where values begin
//! and end. Strings may contain any bytes from 0x20 on, because unused text need not be UTF-8. Never
//! recursive: depth costs one byte per level.

/// The members of the object that `text` is, in their order, as raw name and raw value; nothing if
/// it is no object.
pub fn members(text: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut found = Vec::new();
    let mut at = opened(text, b'{')?;
    if text.get(at)? == &b'}' {
        return Some(found);
    }
    loop {
        let name_end = string(text, at)?;
        let value = blank(text, colon(text, name_end)?);
        let end = skip(text, value)?;
        found.push((&text[at..name_end], &text[value..end]));
        at = match next(text, end, b'}')? {
            Some(next) => next,
            None => return Some(found),
        };
    }
}

/// The elements of the array that `text` is; nothing if it is no array.
pub fn elements(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    let mut at = opened(text, b'[')?;
    if text.get(at)? == &b']' {
        return Some(found);
    }
    loop {
        let end = skip(text, at)?;
        found.push(&text[at..end]);
        at = match next(text, end, b']')? {
            Some(next) => next,
            None => return Some(found),
        };
    }
}

/// The one value that a whole document is, without the blanks around it.
pub fn document(text: &[u8]) -> Option<&[u8]> {
    let begin = blank(text, 0);
    let end = skip(text, begin)?;
    (blank(text, end) == text.len()).then_some(&text[begin..end])
}

/// The first token after the bracket at the beginning of `text`.
fn opened(text: &[u8], bracket: u8) -> Option<usize> {
    (text.first() == Some(&bracket)).then(|| blank(text, 1))
}

/// After a value of an object or array: the next item, or its end.
fn next(text: &[u8], at: usize, close: u8) -> Option<Option<usize>> {
    let at = blank(text, at);
    match *text.get(at)? {
        b',' => Some(Some(blank(text, at + 1))),
        byte if byte == close => Some(None),
        _ => None,
    }
}

/// The end of the value that begins at `at`.
fn skip(text: &[u8], mut at: usize) -> Option<usize> {
    let mut open = Vec::new();
    loop {
        at = blank(text, at);
        match *text.get(at)? {
            bracket @ (b'{' | b'[') => {
                let close = if bracket == b'{' { b'}' } else { b']' };
                let inner = blank(text, at + 1);
                if *text.get(inner)? == close {
                    at = inner + 1;
                } else {
                    open.push(close);
                    at = if bracket == b'{' {
                        colon(text, string(text, inner)?)?
                    } else {
                        inner
                    };
                    continue;
                }
            }
            b'"' => at = string(text, at)?,
            b't' => at = word(text, at, b"true")?,
            b'f' => at = word(text, at, b"false")?,
            b'n' => at = word(text, at, b"null")?,
            _ => at = number(text, at)?,
        }
        loop {
            let Some(close) = open.last().copied() else {
                return Some(at);
            };
            match next(text, at, close)? {
                Some(next) => {
                    at = if close == b'}' {
                        colon(text, string(text, next)?)?
                    } else {
                        next
                    };
                    break;
                }
                None => {
                    at = blank(text, at) + 1;
                    open.pop();
                }
            }
        }
    }
}

fn blank(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

fn colon(text: &[u8], at: usize) -> Option<usize> {
    let at = blank(text, at);
    (text.get(at) == Some(&b':')).then_some(at + 1)
}

fn word(text: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    text[at..].starts_with(word).then_some(at + word.len())
}

fn string(text: &[u8], at: usize) -> Option<usize> {
    let mut at = word(text, at.min(text.len()), b"\"")?;
    loop {
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => match *text.get(at + 1)? {
                b'u' => {
                    let digits = text.get(at + 2..at + 6)?;
                    if !digits.iter().all(u8::is_ascii_hexdigit) {
                        return None;
                    }
                    at += 6;
                }
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => at += 2,
                _ => return None,
            },
            0..0x20 => return None,
            _ => at += 1,
        }
    }
}

fn number(text: &[u8], mut at: usize) -> Option<usize> {
    if text.get(at) == Some(&b'-') {
        at += 1;
    }
    at = match text.get(at)? {
        b'0' => at + 1,
        _ => digits(text, at)?,
    };
    if text.get(at) == Some(&b'.') {
        at = digits(text, at + 1)?;
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        at = digits(text, at + 1 + sign)?;
    }
    Some(at)
}

fn digits(text: &[u8], at: usize) -> Option<usize> {
    let count = text
        .get(at..)?
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .count();
    (count > 0).then_some(at + count)
}

/// `text` with invalid parts of its strings replaced by an escaped control character, and with `null` for
/// invalid numbers.
pub fn mended(text: &[u8]) -> Vec<u8> {
    let (mut out, mut at, mut is_text) = (Vec::new(), 0, false);
    while at < text.len() {
        let rest = &text[at..];
        let words: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
        let (kept, taken): (&[u8], usize) = match rest[0] {
            b'"' => {
                is_text = !is_text;
                (&rest[..1], 1)
            }
            _ if !is_text => match words.iter().find(|word| rest.starts_with(word)) {
                Some(word) => (b"null", word.len()),
                None => (&rest[..1], 1),
            },
            b'\\' => {
                // As many bytes as a string of this escape alone would need to be one.
                let len = [2, 6, 12].into_iter().find(|len| is_escape(rest, *len));
                let half = || rest.get(..6).and_then(unit).map_or(1, |_| 6);
                let broken = || half().max(1 + usize::from(rest.get(1) == Some(&b'u')));
                len.map_or_else(|| (&b"\\u0001"[..], broken()), |len| (&rest[..len], len))
            }
            0..0x20 => (b"\\u0001", 1),
            _ => {
                let is_one =
                    |len: &usize| rest.get(..*len).is_some_and(|c| str::from_utf8(c).is_ok());
                match (1..=4).find(is_one) {
                    Some(len) => (&rest[..len], len),
                    None => (b"\\u0001", 1),
                }
            }
        };
        out.extend_from_slice(kept);
        at += taken;
    }
    out
}

/// Whether the first `len` bytes are one escaped character.
fn is_escape(rest: &[u8], len: usize) -> bool {
    let Some(escape) = rest.get(..len) else {
        return false;
    };
    let quoted = [b"\"", escape, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).is_ok_and(|text| text.chars().count() == 1)
}

fn unit(escape: &[u8]) -> Option<()> {
    let digits = escape.strip_prefix(b"\\u")?;
    digits.iter().all(u8::is_ascii_hexdigit).then_some(())
}
