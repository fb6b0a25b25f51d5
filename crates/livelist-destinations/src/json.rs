//! JSON in the form that databases, and programs that read from them, accept.

/// The most digits of a number, and its greatest exponent.
const MAX_DIGITS: usize = 400;

/// Whether every number of this JSON is one that readers of JSON hold: `1e999999` is none.
pub(crate) fn is_small_json(json: &str) -> bool {
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = behind_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let rest = &json[at..];
                let end = rest.find([',', ']', '}', ' ', '\n', '\r', '\t', ':']);
                let number = &rest[..end.unwrap_or(rest.len())];
                if !is_small(number) {
                    return false;
                }
                at += number.len();
            }
            _ => at += 1,
        }
    }
    true
}

fn is_small(number: &str) -> bool {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let exponent = exponent.parse::<i32>().unwrap_or(i32::MAX);
    mantissa.len() <= MAX_DIGITS && exponent.unsigned_abs() <= 300
}

/// The position after the string that begins at `at`.
fn behind_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_out_of_any_range_is_told() {
        for json in [r#"{"a":1.5e3,"b":"1e999999","c":[-0.1]}"#, r#""\"1e999""#] {
            assert!(is_small_json(json), "{json}");
        }
        let long = "9".repeat(500);
        for json in ["1e999999", r#"{"a":[1,1E-999]}"#, "-1e99999999999", &long] {
            assert!(!is_small_json(json), "{json}");
        }
    }
}
