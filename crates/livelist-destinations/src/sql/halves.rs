//! Finds the rows that a database refuses: tries a range of rows, and halves it if it fails.

use std::ops::Range;

/// Ranges that are still to be tried.
pub(crate) struct Halves {
    todo: Vec<Range<usize>>,
}

impl Halves {
    /// All of `length` rows at first.
    pub(crate) fn of(length: usize) -> Halves {
        let mut halves = Halves { todo: Vec::new() };
        halves.push(0..length);
        halves
    }

    /// The next range; never an empty one.
    pub(crate) fn next(&mut self) -> Option<Range<usize>> {
        self.todo.pop()
    }

    /// Whether there are ranges still to be tried.
    #[cfg(feature = "postgres")]
    pub(crate) fn is_under_way(&self) -> bool {
        !self.todo.is_empty()
    }

    /// Halves a range that failed. A single row cannot be: then it is the one.
    pub(crate) fn split(&mut self, range: Range<usize>) -> Option<usize> {
        if range.len() <= 1 {
            return Some(range.start);
        }
        let middle = range.start + range.len() / 2;
        self.push(middle..range.end);
        self.push(range.start..middle);
        None
    }

    fn push(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.todo.push(range);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_refuse_are_found_and_all_others_are_done() {
        let (mut halves, mut done, mut refused, mut tries) = (Halves::of(100), 0, Vec::new(), 0);
        while let Some(range) = halves.next() {
            tries += 1;
            if range.contains(&17) || range.contains(&99) {
                refused.extend(halves.split(range));
            } else {
                done += range.len();
            }
        }
        assert_eq!((done, refused), (98, vec![17, 99]));
        assert!(tries < 30, "{tries}");
        assert_eq!(Halves::of(0).next(), None);
    }
}
