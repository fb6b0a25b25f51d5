//! Metrics as log lines, in CloudWatch's embedded metric format. `_aws` in the line says which of its
//! members are metrics, and CloudWatch extracts them. The others can be searched by CloudWatch Logs
//! Insights.
//!
//! Lambda passes the standard output of a custom runtime on unchanged, one event per line, even if the log
//! format is JSON, which affects only Lambda's own lines. So a line has to be complete and contain only the
//! document.
//!
//! Each combination of a name and a dimension's value costs. Totals, without a dimension, are always
//! reported; metrics by MLS only if the template says so, and only those that differ between MLSs.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use livelist_model::metrics::{CopyMetrics, HeadMetrics, RunMetrics};
use livelist_model::record::RunState;
use livelist_store::Metrics;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};

/// The one dimension.
const MLS: &str = "MLS";

/// Writes metrics to `out`.
pub(crate) struct Emf {
    namespace: String,
    by_mls: bool,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Emf {
    /// Metrics in `namespace`; with `by_mls`, also for each MLS.
    pub(crate) fn new(namespace: String, by_mls: bool, out: Box<dyn Write + Send>) -> Emf {
        let out = Mutex::new(out);
        Emf {
            namespace,
            by_mls,
            out,
        }
    }

    /// One write for the whole line, so that lines of the log cannot get into it.
    fn write(&self, document: &Document<'_>) {
        let Ok(mut line) = serde_json::to_vec(document) else {
            tracing::warn!("metrics could not be written");
            return;
        };
        line.push(b'\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = out.write_all(&line).and_then(|()| out.flush()) {
            tracing::warn!(%error, "metrics could not be written");
        }
    }
}

impl Metrics for Emf {
    fn run(&self, run: &RunMetrics) {
        self.write(&run_document(&self.namespace, self.by_mls, run));
    }

    fn heads(&self, heads: &HeadMetrics) {
        self.write(&Document {
            namespace: &self.namespace,
            by_mls: false,
            at: heads.at,
            metrics: vec![Metric::count("OldHeads", heads.old, false)],
            properties: vec![("feeds", json!(heads.feeds))],
        });
    }

    fn copies(&self, copies: &CopyMetrics) {
        self.write(&Document {
            namespace: &self.namespace,
            by_mls: false,
            at: copies.at,
            metrics: vec![Metric::count("CopiesBehind", copies.behind, false)],
            properties: vec![("copies", json!(copies.copies))],
        });
    }
}

fn run_document<'a>(namespace: &'a str, by_mls: bool, run: &RunMetrics) -> Document<'a> {
    let ended = |state| u64::from(run.state == state);
    let traffic = run.traffic;
    let mut metrics = vec![
        Metric::count("Published", ended(RunState::Published), false),
        Metric::count("Unchanged", ended(RunState::Unchanged), false),
        Metric::count("Held", ended(RunState::Held), true),
        Metric::count("Failed", ended(RunState::Failed), true),
        Metric::count("Added", run.added, false),
        Metric::count("Removed", run.removed, true),
        Metric::count("Confirmed", run.asked, true),
        Metric::count("Restored", run.restored, true),
        Metric::of(
            "ScanSeconds",
            "Seconds",
            run.scan.as_secs_f64().into(),
            true,
        ),
        Metric::of(
            "RunSeconds",
            "Seconds",
            run.took.as_secs_f64().into(),
            false,
        ),
        Metric::count("Requests", traffic.requests, true),
        Metric::count("Retries", traffic.retries, false),
        Metric::count("Throttled", traffic.throttled, true),
        Metric::of("Bytes", "Bytes", traffic.bytes.into(), true),
    ];
    if let Some(live) = run.live {
        metrics.insert(4, Metric::count("Live", live, true));
    }
    let mut properties = vec![
        (MLS, json!(run.mls)),
        ("run", json!(run.run)),
        ("feed", json!(run.feed)),
        ("provider", json!(run.provider)),
        ("outcome", json!(run.state)),
    ];
    properties.extend(run.held.map(|reason| ("reason", json!(reason))));
    properties.extend(run.error.iter().map(|name| ("error", json!(name))));
    Document {
        namespace,
        by_mls,
        at: run.at,
        metrics,
        properties,
    }
}

/// One number.
struct Metric {
    name: &'static str,
    unit: &'static str,
    value: Value,
    /// Whether it is kept for each MLS, too.
    of_each_mls: bool,
}

impl Metric {
    fn of(name: &'static str, unit: &'static str, value: Value, of_each_mls: bool) -> Metric {
        Metric {
            name,
            unit,
            value,
            of_each_mls,
        }
    }

    fn count(name: &'static str, value: u64, of_each_mls: bool) -> Metric {
        Metric::of(name, "Count", value.into(), of_each_mls)
    }
}

/// One line. Its members have an order, whatever the features of `serde_json` are.
struct Document<'a> {
    namespace: &'a str,
    by_mls: bool,
    at: jiff::Timestamp,
    metrics: Vec<Metric>,
    properties: Vec<(&'static str, Value)>,
}

impl Document<'_> {
    /// Which members are metrics, and in which dimensions.
    fn directives(&self) -> Vec<Directive<'_>> {
        let names = |of_each_mls: bool| {
            let metrics = self.metrics.iter();
            let metrics = metrics.filter(move |metric| !of_each_mls || metric.of_each_mls);
            let described = metrics.map(|metric| Described(metric.name, metric.unit));
            described.collect()
        };
        let directive = |of_each_mls: bool, dimensions| Directive {
            namespace: self.namespace,
            dimensions,
            metrics: names(of_each_mls),
        };
        let mut all = vec![directive(false, vec![vec![]])];
        if self.by_mls {
            all.push(directive(true, vec![vec![MLS]]));
        }
        all
    }
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let about = About {
            timestamp: self.at.as_millisecond(),
            directives: self.directives(),
        };
        map.serialize_entry("_aws", &about)?;
        for (name, value) in &self.properties {
            map.serialize_entry(name, value)?;
        }
        for metric in &self.metrics {
            map.serialize_entry(metric.name, &metric.value)?;
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct About<'a> {
    #[serde(rename = "Timestamp")]
    timestamp: i64,
    #[serde(rename = "CloudWatchMetrics")]
    directives: Vec<Directive<'a>>,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive<'a> {
    namespace: &'a str,
    dimensions: Vec<Vec<&'static str>>,
    metrics: Vec<Described>,
}

/// A metric's name and unit.
struct Described(&'static str, &'static str);

impl Serialize for Described {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("Name", self.0)?;
        map.serialize_entry("Unit", self.1)?;
        map.end()
    }
}

#[cfg(test)]
mod tests;
