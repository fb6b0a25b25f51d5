//! Decimals as text: never through a float, so no digit is lost.

/// The longest plain form: digits before and after the point together.
const MAX_DIGITS: usize = 120;

/// A JSON number, or the digits of a quoted one, without exponent, leading zeros and trailing zeros after
/// the point; `None` if it is no number, or has more than 120 digits.
///
/// ```
/// use livelist_records::decimal::plain;
///
/// assert_eq!(plain("12.50").as_deref(), Some("12.5"));
/// assert_eq!(plain("-1.5e3").as_deref(), Some("-1500"));
/// assert_eq!(plain("1e-3").as_deref(), Some("0.001"));
/// assert_eq!(plain("-0.0").as_deref(), Some("0"));
/// assert_eq!(plain("NaN"), None);
/// ```
pub fn plain(number: &str) -> Option<String> {
    let (sign, rest) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number.strip_prefix('+').unwrap_or(number)),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], rest[at + 1..].parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let has_digits = !whole.is_empty() || !fraction.is_empty();
    if !has_digits || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let digits = digits.trim_end_matches('0');
    if digits.is_empty() {
        return Some("0".to_owned());
    }
    // Trimmed zeros at the end do not matter: the point is counted from the front.
    let leading =
        whole.len() + fraction.len() - format!("{whole}{fraction}").trim_start_matches('0').len();
    let point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()? + exponent;
    let length = i64::try_from(digits.len()).ok()?;
    let most = i64::try_from(MAX_DIGITS).ok()?;
    if point > most || length - point > most || length > most {
        return None;
    }
    let zeros = |n: i64| "0".repeat(usize::try_from(n).unwrap_or(0));
    let text = if point <= 0 {
        format!("0.{}{digits}", zeros(-point))
    } else if point >= length {
        format!("{digits}{}", zeros(point - length))
    } else {
        let (before, behind) = digits.split_at(usize::try_from(point).ok()?);
        format!("{before}.{behind}")
    };
    Some(format!("{sign}{text}"))
}

/// The number of digits of a plain decimal before and after its point.
pub fn digits(plain: &str) -> (usize, usize) {
    let plain = plain.trim_start_matches('-');
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let whole = whole.trim_start_matches('0');
    (whole.len(), fraction.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_point_stays_where_it_is() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.000", "0"),
            ("007", "7"),
            ("100", "100"),
            ("0.05", "0.05"),
            ("1.2300", "1.23"),
            ("123456789012345678901234.5", "123456789012345678901234.5"),
            ("12e2", "1200"),
            ("1.25E1", "12.5"),
            ("125e-5", "0.00125"),
            ("+3", "3"),
            (".5", "0.5"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "-",
            ".",
            "1e",
            "1e999",
            "1,5",
            "0x10",
            "Infinity",
            "1.2.3",
            "1e99999999999999999999",
        ] {
            assert_eq!(plain(text), None, "{text}");
        }
        assert_eq!(digits("-0.05"), (0, 2));
        assert_eq!(digits("1200"), (4, 0));
    }

    proptest! {
        #[test]
        fn integers_stay_what_they_are(n in any::<i64>(), zeros in 0_usize..5) {
            let text = format!("{n}.{}", "0".repeat(zeros));
            prop_assert_eq!(plain(&text), Some(n.to_string()));
        }

        #[test]
        fn an_exponent_moves_the_point(n in 1_u32.., exponent in 0_u32..9) {
            let moved = plain(&format!("{n}e-{exponent}")).unwrap();
            let back = plain(&format!("{moved}e{exponent}")).unwrap();
            prop_assert_eq!(back, n.to_string());
        }
    }
}
