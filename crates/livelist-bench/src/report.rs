//! Tables: on the terminal and in docs/benchmarks.md, by section, so that a part can be measured again.

use std::fmt::Write as _;
use std::path::Path;

use crate::Failed;

/// One row of the benchmark: a heading, a description, a table, conclusions.
pub struct Section {
    /// Its name in `ROWS=`, by which its place in the document is found.
    pub name: &'static str,
    /// Its heading.
    pub title: &'static str,
    /// The description, with the limit.
    pub what: String,
    /// The table's head.
    pub head: Vec<&'static str>,
    /// The table.
    pub rows: Vec<Vec<String>>,
    /// The conclusions: which goals are met, and why others are not.
    pub shows: Vec<String>,
}

impl Section {
    fn markdown(&self, command: &str, date: &str) -> String {
        let mut text = format!(
            "<!-- {} -->\n## {}\n\n{}\n\n```sh\n{command}   # {date}\n```\n\n",
            self.name, self.title, self.what
        );
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        text += &line(self.head.iter().map(|s| (*s).to_owned()).collect());
        // The first column names, the others count.
        let rule = (0..self.head.len()).map(|at| if at == 0 { "---" } else { "---:" });
        text += &format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
        for row in &self.rows {
            text += &line(row.clone());
        }
        text.push('\n');
        for line in &self.shows {
            // Writing to a string does not fail.
            let _ = writeln!(text, "- {line}");
        }
        text + &format!("<!-- /{} -->\n", self.name)
    }

    /// The table for people at a terminal.
    pub fn text(&self) -> String {
        let all: Vec<Vec<String>> =
            std::iter::once(self.head.iter().map(|s| (*s).to_owned()).collect())
                .chain(self.rows.iter().cloned())
                .collect();
        let width = |at: usize| {
            let cells = all.iter().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let mut text = format!("\n{}\n", self.title);
        for row in &all {
            for (at, cell) in row.iter().enumerate() {
                let gap = width(at) - cell.chars().count();
                let gap = " ".repeat(gap);
                text += &if at == 0 {
                    format!("  {cell}{gap}")
                } else {
                    format!("  {gap}{cell}")
                };
            }
            text.push('\n');
        }
        for line in &self.shows {
            let _ = writeln!(text, "  - {line}");
        }
        text
    }
}

/// Replaces the sections in the document, and the description of the machine before them.
pub fn write(
    path: &Path,
    sections: &[Section],
    about: &[String],
    command: impl Fn(&str) -> String,
    date: &str,
) -> Result<(), Failed> {
    let mut text = std::fs::read_to_string(path).unwrap_or_default();
    let machine: String = about.iter().map(|line| format!("- {line}\n")).collect();
    replace(
        &mut text,
        "machine",
        &format!("<!-- machine -->\n{machine}<!-- /machine -->\n"),
    )?;
    for section in sections {
        let new = section.markdown(&command(section.name), date);
        replace(&mut text, section.name, &new)?;
    }
    std::fs::write(path, text)?;
    Ok(())
}

/// The document has a place for every section.
fn replace(text: &mut String, name: &str, new: &str) -> Result<(), Failed> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"));
    let from = text.find(&begin);
    let to = text.find(&end).map(|at| at + end.len());
    match (from, to) {
        (Some(from), Some(to)) if from < to => {
            text.replace_range(from..to, new);
            Ok(())
        }
        _ => Err(format!("the document has no place for {name}").into()),
    }
}

/// Seconds, with three figures that count.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 10.0 => format!("{s:.1} s"),
        s if s >= 1.0 => format!("{s:.2} s"),
        s if s >= 0.001 => format!("{:.0} ms", s * 1e3),
        s => format!("{:.0} µs", s * 1e6),
    }
}

/// A ratio.
pub fn times(of: f64, to: f64) -> String {
    format!("{:.2} ×", of / to)
}

/// Whether a value keeps its goal, and by how much not.
pub fn verdict(value: f64, goal: f64, unit: &str) -> String {
    if value <= goal {
        format!("met ({value:.2} ≤ {goal}{unit})")
    } else {
        let over = (value / goal - 1.0) * 100.0;
        format!("missed by {over:.0} % ({value:.2} > {goal}{unit})")
    }
}

/// A count with commas.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_former_one_alone() {
        let mut text = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n".to_owned();
        replace(&mut text, "x", "<!-- x -->\nnew\n<!-- /x -->\n").unwrap();
        assert_eq!(text, "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n");
        assert!(replace(&mut text, "y", "").is_err());
    }

    #[test]
    fn a_goal_that_is_missed_says_by_how_much() {
        assert_eq!(verdict(1.2, 1.5, " ×"), "met (1.20 ≤ 1.5 ×)");
        assert_eq!(verdict(3.0, 1.5, " ×"), "missed by 100 % (3.00 > 1.5 ×)");
        assert_eq!(count(1_234_567), "1,234,567");
    }
}
