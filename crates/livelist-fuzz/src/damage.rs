//! Damage to stored bytes. The first three bytes of a fuzzer's input say which damage, and where.

/// One kind of damage, at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A bit changed.
    Flip(usize),
    /// The end is missing.
    Cut(usize),
    /// Something follows the end.
    Extend(u8),
    /// A line is missing from the text, which is compressed soundly.
    Drop(usize),
    /// A line is repeated.
    Repeat(usize),
    /// Two neighbours among the lines have changed places.
    Swap(usize),
    /// A bit of the text changed before it was compressed.
    FlipText(usize),
}

/// The damage that the input encodes, and the rest of the input.
pub fn of(input: &[u8]) -> Option<(Damage, &[u8])> {
    let (&[kind, high, low], rest) = input.split_first_chunk::<3>()?;
    let at = usize::from(u16::from_be_bytes([high, low]));
    let damage = match kind % 7 {
        0 => Damage::Flip(at),
        1 => Damage::Cut(at),
        2 => Damage::Extend(low),
        3 => Damage::Drop(at),
        4 => Damage::Repeat(at),
        5 => Damage::Swap(at),
        _ => Damage::FlipText(at),
    };
    Some((damage, rest))
}

impl Damage {
    /// `stored`, the compressed form of `text`, after the damage. The caller compresses.
    pub fn apply(self, stored: &[u8], text: &[u8], compress: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut bytes = stored.to_vec();
        let mut lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
        match self {
            Damage::Flip(at) => flip(&mut bytes, at),
            Damage::Cut(at) => bytes.truncate(at % stored.len().max(1)),
            Damage::Extend(byte) => bytes.push(byte),
            Damage::FlipText(at) => {
                let mut text = text.to_vec();
                flip(&mut text, at);
                bytes = compress(&text);
            }
            Damage::Drop(_) | Damage::Repeat(_) | Damage::Swap(_) if lines.is_empty() => {}
            Damage::Drop(at) => {
                lines.remove(at % lines.len());
                bytes = compress(&lines.concat());
            }
            Damage::Repeat(at) => {
                let at = at % lines.len();
                lines.insert(at, lines[at]);
                bytes = compress(&lines.concat());
            }
            Damage::Swap(at) => {
                let (first, second) = (at % lines.len(), (at + 1) % lines.len());
                lines.swap(first, second);
                bytes = compress(&lines.concat());
            }
        }
        bytes
    }
}

fn flip(bytes: &mut [u8], at: usize) {
    if !bytes.is_empty() {
        let bit = at % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}
