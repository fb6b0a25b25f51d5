//! Removes the byte order mark that some editors and servers put before a text.

/// `text` without a byte order mark at its beginning (RFC 8259, 8.1: a reader may pass over it).
pub fn without_bom(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}
