//! Some providers repeat the token in a link. The token must not be stored, so a placeholder replaces
//! it in stored links and is replaced back before the link is used. Every other byte of the link
//! stays as it was. Each position is examined once: text that was inserted is not examined again.

use std::borrow::Cow;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;

use super::Client;
use crate::policy::UNRESERVED;

/// A placeholder consists of this, the spelling of the token's characters, and [`END`].
const MARK: &str = "<livelist:token:";
const END: char = '>';
/// Replaces a `<` of the link itself, and text that looks like a placeholder of the former version.
const LESS: &str = "<livelist:less>";
const BRACE: &str = "<livelist:brace>";
/// Placeholders of the former version began with this: a scan that it began may be continued by this
/// version.
const FORMER: &str = "{livelist:token";
/// A token of at least this many bytes does not appear by coincidence. A shorter one is replaced only if it
/// is a whole value.
const NO_CHANCE: usize = 16;

impl Client<'_> {
    /// Replaces the token, should a provider echo it in a link, so that it is never stored.
    pub fn conceal(&self, link: &str) -> String {
        conceal(self.session.token.expose_secret(), link)
    }

    /// Undoes [`Client::conceal`], with the token of today.
    pub fn reveal(&self, link: &str) -> String {
        reveal(self.session.token.expose_secret(), link)
    }
}

fn conceal(token: &str, link: &str) -> String {
    let mut kept = String::with_capacity(link.len());
    let mut at = 0;
    while let Some(next) = link[at..].chars().next() {
        let rest = &link[at..];
        let spelt = spelt_at(token, rest)
            .filter(|spelt| token.len() >= NO_CHANCE || is_whole(&link[..at], &rest[spelt.len..]));
        at += match spelt {
            Some(spelt) => {
                kept.push_str(MARK);
                kept.push_str(&spelt.signs);
                kept.push(END);
                spelt.len
            }
            None if next == '<' => {
                kept.push_str(LESS);
                1
            }
            None if rest.starts_with(FORMER) => {
                kept.push_str(BRACE);
                1
            }
            None => {
                kept.push(next);
                next.len_utf8()
            }
        };
    }
    kept
}

fn reveal(token: &str, kept: &str) -> String {
    let usual = utf8_percent_encode(token, UNRESERVED).to_string();
    let all = utf8_percent_encode(token, NON_ALPHANUMERIC).to_string();
    let marks = [
        (LESS, "<"),
        (BRACE, "{"),
        ("{livelist:token}", token),
        ("{livelist:token:encoded}", &usual),
        ("{livelist:token:all-encoded}", &all),
    ];
    let mut link = String::with_capacity(kept.len());
    let mut rest = kept;
    while let Some(next) = rest.chars().next() {
        let mark = marks.iter().find(|(mark, _)| rest.starts_with(mark));
        let signs = rest
            .strip_prefix(MARK)
            .and_then(|behind| behind.split_once(END));
        rest = if let Some((mark, text)) = mark {
            link.push_str(text);
            &rest[mark.len()..]
        } else if let Some((signs, behind)) = signs {
            link.push_str(&respelt(token, signs));
            behind
        } else {
            link.push(next);
            &rest[next.len_utf8()..]
        };
    }
    link
}

/// The token as it is spelt in a link.
struct Spelt {
    /// Bytes of the link.
    len: usize,
    /// Its signs that servers spell in different ways, in their order, as they are spelt here.
    /// Letters and digits are never among them: they are the secret.
    signs: String,
}

/// The token at the beginning of `rest`, each of its bytes plain or percent-encoded.
fn spelt_at(token: &str, rest: &str) -> Option<Spelt> {
    let (mut len, mut signs) = (0, String::new());
    if token.is_empty() {
        return None;
    }
    for byte in token.bytes() {
        let text = rest.get(len..)?;
        let sign = match escaped(text) {
            Some(found) if found == byte => text.get(..3)?,
            _ if text.as_bytes().first() == Some(&byte) => text.get(..1)?,
            _ => return None,
        };
        let is_usual = sign.len() == 1 && is_unreserved(byte);
        // The characters that end a placeholder cannot be part of it; they are always encoded in a URL.
        if !is_usual && !byte.is_ascii_alphanumeric() && sign != ">" {
            signs.push_str(sign);
        }
        len += sign.len();
    }
    Some(Spelt { len, signs })
}

/// The token with its signs spelt as they were: those of another token as every server reads them.
fn respelt(token: &str, signs: &str) -> String {
    let (mut text, mut rest) = (String::new(), signs);
    for byte in token.bytes() {
        let (found, len) = match escaped(rest) {
            Some(found) => (Some(found), 3),
            None => (rest.bytes().next(), 1),
        };
        match rest.split_at_checked(len) {
            Some((sign, behind)) if found == Some(byte) => {
                text.push_str(sign);
                rest = behind;
            }
            _ if is_unreserved(byte) => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// The byte of the percent-encoding at the beginning of `text`.
fn escaped(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Whether the text between `before` and `behind` is a whole value of an option, or a whole segment of a
/// path; in the link itself, or in a URL that is a value in it.
fn is_whole(before: &str, behind: &str) -> bool {
    const OPENS: &[u8] = b"/?&=;,:('\" ";
    const ENDS: &[u8] = b"/?&;,:)'\" ";
    let before = before.as_bytes();
    let last = before.len().checked_sub(3).map(|at| &before[at..]);
    let opens = match last
        .map(String::from_utf8_lossy)
        .as_ref()
        .map(Cow::as_ref)
        .and_then(escaped)
    {
        Some(byte) => Some(byte),
        None => before.last().copied(),
    };
    let ends = escaped(behind).or(behind.bytes().next());
    opens.is_none_or(|byte| OPENS.contains(&byte)) && ends.is_none_or(|byte| ENDS.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "a+b/c.d-e_f~0123456789==";

    #[test]
    fn a_link_comes_back_byte_for_byte_whatever_the_token_is() {
        for token in [
            "token", "t", "livelist", "encoded", "a", "Property", "5", "<", "{", LONG,
        ] {
            for link in [
                "https://x.example/odata/Property?$skiptoken=5",
                "https://x.example/odata/Property?$skiptoken=token&t=t",
                "https://x.example/t/token/Property?access_token=t&$skip=5",
                "https://x.example/P?a={livelist:token}&b={livelist:token:encoded}",
                "https://x.example/P?a=<livelist:token:>&b=<",
                "https://x.example/P?k=a%2Bb%2Fc.d-e_f~0123456789%3D%3D",
                "https://x.example/P?k=a%2bb%2fc.d-e_f~0123456789%3d%3d&z=1",
                "https://x.example/P?k=a+b/c.d-e_f~0123456789%3d%3D",
                "https://x.example/P?k=a%2Bb%2Fc%2Ed%2De%5Ff%7E0123456789%3D%3D",
                "https://x.example/P?next=%2Fodata%3Ftoken%3Dt%26x%3Dtoken",
            ] {
                let kept = conceal(token, link);
                assert_eq!(reveal(token, &kept), link, "{token} {kept}");
            }
        }
    }

    #[test]
    fn a_token_in_its_own_place_is_never_kept() {
        for spelt in [
            "a+b/c.d-e_f~0123456789==",
            "a%2Bb%2Fc.d-e_f~0123456789%3D%3D",
            "a%2bb%2fc.d-e_f~0123456789%3d%3d",
            "a+b/c.d-e_f~0123456789%3D%3D",
            "a%2Bb%2Fc%2Ed%2De%5Ff%7E0123456789%3D%3D",
        ] {
            for link in [
                format!("https://x.example/P?access_token={spelt}&$skip=5"),
                format!("https://x.example/{spelt}/P"),
                format!("https://x.example/P?$skiptoken=x{spelt}y"),
            ] {
                let kept = conceal(LONG, &link);
                assert!(!kept.contains("0123456789"), "{kept}");
                assert!(reveal("another", &kept).contains("another"), "{kept}");
            }
        }
        for link in [
            "https://x.example/P?a=t&b=1",
            "https://x.example/t/P",
            "https://x.example/P?u=%2FP%3Fa%3Dt",
        ] {
            assert_ne!(conceal("t", link), link);
        }
        let elsewhere = "https://x.example/Property?$skiptoken=at&token=1&t=2";
        assert_eq!(conceal("token", elsewhere), elsewhere);
        assert_eq!(conceal("t", elsewhere), elsewhere);
    }

    #[test]
    fn what_the_former_version_kept_is_understood() {
        let kept = "https://x.example/P?a={livelist:token}&b={livelist:token:encoded}&c={livelist:token:all-encoded}";
        assert_eq!(
            reveal("a-b/", kept),
            "https://x.example/P?a=a-b/&b=a-b%2F&c=a%2Db%2F"
        );
    }
}
