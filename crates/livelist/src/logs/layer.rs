//! Formats an event as one flat JSON object: its own fields, and those of the spans around it (inner spans
//! first), so that each line of a run has `run`, `feed`, `mls` and `step`.

use std::fmt;
use std::io::Write;

use livelist_store::{Clock, SystemClock};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Writes an object a line.
pub struct Objects<W>(W);

impl<W> Objects<W> {
    /// To this writer.
    pub fn new(writer: W) -> Objects<W> {
        Objects(writer)
    }
}

/// A span's fields.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }
}

impl<S, W> Layer<S> for Objects<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let meta = event.metadata();
        let mut line = Fields::default();
        for (name, value) in [
            ("timestamp", format!("{:.6}", SystemClock.now())),
            ("level", meta.level().to_string()),
            ("target", meta.target().to_owned()),
        ] {
            line.0.insert(name.to_owned(), value.into());
        }
        event.record(&mut line);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<Fields>() {
                for (name, value) in &fields.0 {
                    line.0.entry(name).or_insert_with(|| value.clone());
                }
            }
        }
        if let Ok(mut text) = serde_json::to_vec(&line.0) {
            text.push(b'\n');
            // If the log cannot be written, nothing can be reported.
            let _ = self.0.make_writer_for(meta).write_all(&text);
        }
    }
}
