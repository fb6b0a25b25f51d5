//! `docs/scale.md`: the tables, as text. The same every time.

mod bills;
mod choices;
mod nights;
mod one;
mod syncs;

use crate::machine::{Machine, MachineError};
use crate::night::{Night, play};
use crate::prices::Prices;
use crate::settings::Settings;
use crate::town::{Sharing, Town};

/// The seed of everything.
pub const SEED: u64 = 20_261_122;
/// MLSs.
pub const MLS: usize = 600;
/// Pairs.
pub const PAIRS: usize = 10_000;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The machine is another than the model's.
    #[error("the state machine is not the one that the model knows: {0}")]
    Machine(#[from] MachineError),
    /// The prices cannot be read.
    #[error("the prices cannot be read: {0}")]
    Prices(#[from] serde_json::Error),
}

/// A night of a town.
pub(crate) struct Played {
    pub(crate) sharing: Sharing,
    pub(crate) pairs: usize,
    pub(crate) town: Town,
    pub(crate) night: Night,
}

impl Played {
    /// The sharing, and the number of pairs, in words.
    pub(crate) fn words(&self) -> String {
        format!("{}, {}", self.sharing.words(), number(self.pairs as u64))
    }
}

/// Everything that the tables are made of.
pub(crate) struct Facts<'m> {
    pub(crate) machine: &'m Machine,
    pub(crate) settings: Settings,
    pub(crate) prices: Prices,
    pub(crate) nights: Vec<Played>,
}

impl Facts<'_> {
    pub(crate) fn night(&self, sharing: Sharing, pairs: usize) -> Option<&Played> {
        let mut nights = self.nights.iter();
        nights.find(|n| n.sharing == sharing && n.pairs == pairs)
    }
}

/// The document, from the text of the state machine.
pub fn document(machine: &str) -> Result<String, ReportError> {
    let machine = Machine::parse(machine)?;
    let settings = Settings::default();
    let mut nights = Vec::new();
    for sharing in [
        Sharing::Nobody,
        Sharing::Four,
        Sharing::Mls,
        Sharing::Provider,
    ] {
        for times in [1, 2, 10] {
            let pairs = PAIRS * times;
            let town = Town::build(SEED, MLS, pairs, sharing);
            let night = play(&town, &machine, &settings, SEED, false)?;
            nights.push(Played {
                sharing,
                pairs,
                town,
                night,
            });
        }
    }
    let facts = Facts {
        machine: &machine,
        settings,
        prices: Prices::read()?,
        nights,
    };
    let parts = [
        head(),
        one::runs(&facts)?,
        bills::bills(&facts),
        syncs::syncs(&facts),
        nights::nights(&facts),
        choices::choices(&facts)?,
        bills::prices(&facts),
        assumptions(),
    ];
    Ok(parts.join("\n"))
}

fn head() -> String {
    format!(
        "# What a night costs, and when it ends\n\n\
         Written by `make scale` (`crates/livelist-scale`): do not edit. This is a model, not a \
         measurement. A simulated run walks through the current \
         `statemachines/reconcile.asl.json`, keeps the dialects' rate limits with the same request \
         ledger as the steps, and is billed by list prices. `tests/system/local_stack/scale.rs` \
         compares objects, transitions and history events of a run with those on the local stack. \
         Times are assumed \
         ([below](#what-is-assumed)). Seed {SEED}.\n"
    )
}

/// A table in Markdown; the first column to the left, the others to the right.
pub(crate) fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule: Vec<String> = (0..head.len())
        .map(|nth| if nth == 0 { "---" } else { "---:" }.to_owned())
        .collect();
    let body: String = rows.iter().map(|row| line(row)).collect();
    format!("{}{}{body}", line(head), line(&rule))
}

/// A number with commas.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Dollars: cents where there are many, more digits where there are few.
pub(crate) fn usd(usd: f64) -> String {
    match usd {
        0.0 => "0".to_owned(),
        usd if usd >= 1.0 => format!("{usd:.2}"),
        usd if usd >= 0.001 => format!("{usd:.3}"),
        usd => format!("{usd:.6}"),
    }
}

/// A time of the night in milliseconds, as hours, minutes, seconds.
pub(crate) fn clock(millis: u64) -> String {
    let seconds = millis / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

pub(crate) fn texts(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn assumptions() -> String {
    use crate::settings::{size, time};
    use crate::town::{CHANGE, PAIRS_A_CLIENT};
    format!(
        "## What is assumed\n\n\
         - **Sizes**: {MLS} MLSs, log-normal with a median of 9,000 keys and a long tail up to 2 million; \
         the pairs are spread evenly over them, {PAIRS_A_CLIENT} per client. One more pair at a \
         large MLS changes only the first column of the bill.\n\
         - **Change**: {} % of a feed's keys are removed in a day and as many are added, so every \
         run confirms and publishes. A quiet day saves the confirmation and two lists.\n\
         - **Providers**: their shares of the MLSs are an estimate; limits and page sizes are the \
         dialects'. No provider fails, and none throttles below its documented limits.\n\
         - **Answers**: {} ms and {} ms per row, times a random factor (at most 1 for half of the \
         requests, 1.9 for one in ten, 3.2 for one in a hundred). Pages that are fetched at the \
         same time share the time. `livelist probe` shows the real time of a provider.\n\
         - **AWS**: {} ms to read an object, {} ms to write one, {} ms for other calls, {} ms between two \
         states; {} bytes of log per invocation; {} bytes per key in a list. Calls of a step are \
         sequential. Cold starts are in the {} ms overhead of an invocation; a function that was \
         idle for {} minutes loses its caches.\n\
         - Not included: free tiers, the alarms, metrics and key of the installation \
         ([deploy.md](deploy.md#costs)), and requests of operators.\n",
        CHANGE as f64 / 10.0,
        time::ANSWER,
        time::ROW,
        time::GET,
        time::PUT,
        time::CALL,
        time::STATE,
        size::LOG,
        size::KEY,
        time::INVOKE,
        time::WARM / 60_000,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!([61_000, 3_723_000].map(clock), ["1:01", "1:02:03"]);
        assert_eq!(
            [0.0, 0.000_123, 0.25, 16.127].map(usd),
            ["0", "0.000123", "0.250", "16.13"]
        );
    }
}
