//! Output for people: tables, colours on a terminal, relative times.

use anstyle::{AnsiColor, Style};
use jiff::{SignedDuration, Timestamp};

/// Standard output, with colours only on a terminal and without `NO_COLOR`.
pub fn out() -> anstream::AutoStream<std::io::StdoutLock<'static>> {
    anstream::AutoStream::auto(std::io::stdout().lock())
}

/// Rows as a table with aligned columns; those whose title begins with `>` hold numbers.
pub fn table(titles: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
    let head = titles.iter().map(|t| t.trim_start_matches('>').to_owned());
    let rows: Vec<Vec<String>> = std::iter::once(head.collect()).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| shown(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for ((cell, width), title) in row.iter().zip(&widths).zip(titles) {
            let space = " ".repeat(width - shown(cell));
            match title.starts_with('>') {
                true => line.push_str(&format!("{space}{cell}  ")),
                false => line.push_str(&format!("{cell}{space}  ")),
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.into_bytes()
}

/// How many characters of `text` are seen.
fn shown(text: &str) -> usize {
    anstream::adapter::strip_str(text)
        .map(|piece| piece.chars().count())
        .sum()
}

/// `text` in a colour.
pub fn painted(text: &str, colour: AnsiColor) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// A length of time in one unit: `5 h`.
pub fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().unsigned_abs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds / 60),
        7_200..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// How long ago `at` was, or in how long it will be.
pub fn since(at: Timestamp, now: Timestamp) -> String {
    let past = now.duration_since(at);
    if past.is_negative() {
        return format!("in {}", span(past));
    }
    format!("{} ago", span(past))
}

/// A number with its sign.
pub fn signed(number: i64) -> String {
    match number {
        0 => "0".to_owned(),
        n => format!("{n:+}"),
    }
}

/// Stands for an empty cell of a table.
pub const NONE: &str = "-";

/// `value` or `-`.
pub fn or_none(value: Option<impl ToString>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_one_unit() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let at = |text: &str| since(text.parse().unwrap(), now);
        assert_eq!(at("2026-11-22T11:59:50Z"), "10 s ago");
        assert_eq!(at("2026-11-22T11:00:00Z"), "60 min ago");
        assert_eq!(at("2026-11-21T12:00:00Z"), "24 h ago");
        assert_eq!(at("2026-11-12T12:00:00Z"), "10 d ago");
        assert_eq!(at("2026-11-22T15:00:00Z"), "in 3 h");
    }

    #[test]
    fn columns_are_aligned_whatever_their_colours() {
        let row = |text: String, number: &str| vec![text, number.to_owned(), String::new()];
        let rows = [
            row(painted("a", AnsiColor::Red), "7"),
            row("abc".to_owned(), "1000"),
        ];
        let table = String::from_utf8(table(&["H", ">I", "WHY"], rows)).unwrap();
        let plain = anstream::adapter::strip_str(&table).to_string();
        assert_eq!(plain, "H       I  WHY\na       7\nabc  1000\n");
    }
}
