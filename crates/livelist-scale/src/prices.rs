//! List prices, from `prices.json`, and what a day costs by them. Free tiers are left out.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::usage::Usage;

/// The prices, with their sources.
pub const FILE: &str = include_str!("../prices.json");

/// A price.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Dollars.
    pub usd: f64,
    /// The billed unit.
    pub unit: String,
    /// The page that has it.
    pub page: String,
    /// How it was looked up.
    pub seen: String,
}

/// All prices.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The region they hold for.
    pub region: String,
    /// The day they were looked up.
    pub read: String,
    /// By name.
    pub prices: BTreeMap<String, Price>,
}

/// Days that a run's objects and lists stay (`ScratchDays`, `RetiredDays`).
const KEPT_DAYS: f64 = 30.0;
const DAYS_A_MONTH: f64 = 30.4;
const GB: f64 = 1_000_000_000.0;

/// The cost of a day, by service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bill {
    /// The services and their dollars.
    pub lines: Vec<(&'static str, f64)>,
}

impl Bill {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.lines.iter().map(|(_, usd)| usd).sum()
    }

    /// One line.
    pub fn line(&self, name: &str) -> f64 {
        let found = self.lines.iter().find(|(line, _)| *line == name);
        found.map_or(0.0, |(_, usd)| *usd)
    }
}

impl Prices {
    /// The file's.
    pub fn read() -> Result<Prices, serde_json::Error> {
        serde_json::from_str(FILE)
    }

    /// The price called `name`. A missing price is very high, so that it is noticed.
    pub fn of(&self, name: &str) -> f64 {
        self.prices
            .get(name)
            .map_or(f64::INFINITY, |price| price.usd)
    }

    /// The cost of `usage`.
    pub fn bill(&self, usage: &Usage) -> Bill {
        let ops = &usage.ops;
        let kept = usage.stored as f64 / GB * KEPT_DAYS;
        let lines = vec![
            (
                "Step Functions",
                usage.transitions as f64 * self.of("transition"),
            ),
            ("Lambda, time", usage.gb_seconds() * self.of("gb_second")),
            (
                "Lambda, calls",
                usage.invocations() as f64 * self.of("invocation"),
            ),
            ("S3, writes", (ops.puts + ops.lists) as f64 * self.of("put")),
            ("S3, reads", ops.gets as f64 * self.of("get")),
            ("S3, storage", kept * self.of("gb_month") / DAYS_A_MONTH),
            ("SQS", ops.queue as f64 * self.of("queue_request")),
            ("KMS", ops.kms as f64 * self.of("kms_request")),
            ("Logs", usage.logs as f64 / GB * self.of("log_gb")),
        ];
        Bill { lines }
    }

    /// The cost of a month of such days.
    pub fn month(day: f64) -> f64 {
        day * DAYS_A_MONTH
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Function;
    use crate::usage::Ops;

    #[test]
    fn every_price_says_where_it_is_from() {
        let prices = Prices::read().unwrap();
        for (name, price) in &prices.prices {
            assert!(price.page.starts_with("https://aws.amazon.com/"), "{name}");
            assert!(!price.seen.is_empty() && price.usd >= 0.0, "{name}");
        }
        let bill = prices.bill(&Usage::default());
        assert_eq!(bill.total(), 0.0, "every line has its price: {bill:?}");
    }

    #[test]
    fn a_bill_is_the_sum_of_its_parts() {
        let prices = Prices::read().unwrap();
        let mut usage = Usage {
            transitions: 1_000,
            ..Usage::default()
        };
        let ops = Ops {
            puts: 1_000,
            gets: 10_000,
            ..Ops::default()
        };
        // 512 MB for 100 s.
        usage.invoked(Function::ALL[7], 100_000.0, ops);
        let bill = prices.bill(&usage);
        assert_eq!(bill.line("Step Functions"), 0.025);
        assert!((bill.line("S3, writes") - 0.005).abs() < 1e-12);
        assert!((bill.line("S3, reads") - 0.004).abs() < 1e-12);
        assert!((bill.line("Lambda, time") - 50.0 * 0.000_013_333_4).abs() < 1e-8);
    }
}
