//! How far a pass is, on standard error, where somebody looks.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use livelist_steps::records::ResourceSpec;
use livelist_steps::records::pull::Pulled;

use crate::text::span;

/// How often the sign of life moves.
const TICK: Duration = Duration::from_millis(120);

/// One line for each resource that is read; none where nobody looks.
#[derive(Default)]
pub struct Progress(Mutex<BTreeMap<String, Bar>>);

struct Bar {
    bar: ProgressBar,
    begun: Timestamp,
    /// Rows that were read before.
    before: u64,
}

impl Progress {
    /// Tells of what was read.
    pub fn tell(&self, spec: &ResourceSpec, pulled: &Pulled, now: Timestamp) {
        let mut bars = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{} {}", spec.replication, spec.resource());
        let Some((rows, count)) = pulled.under_way else {
            if let Some(bar) = bars.remove(&name) {
                bar.bar.finish_and_clear();
            }
            return;
        };
        let bar = bars.entry(name.clone()).or_insert_with(|| {
            let bar = ProgressBar::new_spinner().with_prefix(name);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            Bar {
                bar,
                begun: now,
                before: rows,
            }
        });
        let took = now.duration_since(bar.begun);
        bar.bar
            .set_message(words(rows, count, rows.saturating_sub(bar.before), took));
    }
}

/// Rows done and counted, the rate, and the time that is left; `new` rows took so long.
fn words(rows: u64, count: Option<u64>, new: u64, took: SignedDuration) -> String {
    let seconds = took.as_secs_f64();
    let rate = match seconds > 0.0 {
        true => new as f64 / seconds,
        false => 0.0,
    };
    let done = match count.filter(|count| *count >= rows) {
        Some(count) if count > 0 => {
            format!(
                "{rows} of {count} rows ({} %)",
                rows.saturating_mul(100) / count
            )
        }
        _ => format!("{rows} rows"),
    };
    if rate < 0.5 {
        return done;
    }
    let left = count.and_then(|count| count.checked_sub(rows));
    let left = left.filter(|left| *left > 0);
    let left = left.map(|left| SignedDuration::from_secs((left as f64 / rate).ceil() as i64));
    match left {
        Some(left) => format!("{done}, {rate:.0} a second, {} left", span(left)),
        None => format!("{done}, {rate:.0} a second"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_rate_and_time_left_are_told_as_far_as_they_are_known() {
        let seconds = SignedDuration::from_secs;
        let all = words(30_000, Some(100_000), 20_000, seconds(20));
        assert_eq!(all, "30000 of 100000 rows (30 %), 1000 a second, 70 s left");
        assert_eq!(words(500, None, 500, seconds(5)), "500 rows, 100 a second");
        assert_eq!(
            words(500, Some(400), 500, seconds(5)),
            "500 rows, 100 a second"
        );
        assert_eq!(words(7, Some(9), 0, seconds(0)), "7 of 9 rows (77 %)");
    }
}
