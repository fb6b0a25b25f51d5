//! Invalid JSON bytes that servers send nevertheless, in unused fields.

use serde::{Deserialize, Serialize};

/// The error in a page's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Odd {
    /// A byte order mark before the JSON.
    ByteOrderMark,
    /// A raw control character in an unused text.
    ControlCharacter,
    /// `NaN` as an unused number.
    NotANumber,
    /// An unused text in ISO 8859-1.
    Latin1,
    /// Half of a surrogate pair in an unused text.
    HalfSurrogate,
}

impl Odd {
    /// The bytes before the page.
    pub(crate) fn before(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "\u{feff}",
            _ => "",
        }
    }

    /// A further field of the first row.
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "",
            Self::ControlCharacter => ",\"PublicRemarks\":\"Two\u{1}lines\nhere\"",
            Self::NotANumber => ",\"LotSizeAcres\":NaN",
            Self::Latin1 => ",\"PublicRemarks\":\"Caf\u{e9}\"",
            Self::HalfSurrogate => ",\"PublicRemarks\":\"\\ud83c\"",
        }
    }

    /// A piece of a page on its way.
    pub(crate) fn bytes(odd: Option<Self>, text: String) -> Vec<u8> {
        match odd {
            Some(Self::Latin1) => {
                let latin = |c: char| u8::try_from(u32::from(c)).unwrap_or(b'?');
                text.chars().map(latin).collect()
            }
            _ => text.into_bytes(),
        }
    }
}
