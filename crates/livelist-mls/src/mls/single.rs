//! One record as a client that selects nothing is given it, without a request.

use std::collections::HashMap;

use super::Mls;
use crate::dialect::Ask;
use crate::page::{Form, Line, Next, Page, Pieces, RowIds};
use crate::query::Query;
use crate::spec::KeyType;

impl Mls {
    /// A page of nothing yet.
    pub(super) fn blank_page(&self, base: String, form: Form) -> Page {
        let options = &self.spec.options;
        Page {
            context: String::new(),
            form,
            base,
            system: self.spec.system().to_owned(),
            seed: self.spec.seed,
            keys: self.book.keys().clone(),
            columns: Vec::new(),
            lines: Vec::new(),
            count: None,
            next: Next::None,
            count_as_string: false,
            count_text: None,
            numeric_keys: options.contrary.keys == KeyType::Int64,
            shown: options.contrary.shown,
            odd: options.contrary.bytes,
            edits: HashMap::new(),
            schema: self.schema,
            whole: false,
            odd_records: options.records.as_ref().is_some_and(|r| r.odd_records),
            salt: self.serial,
        }
    }

    /// The record of a key that is listed, as JSON.
    pub fn record(&self, key: &str) -> Option<String> {
        let row = self.book.listed(key)?;
        let form = Form {
            row_ids: RowIds::None,
            ..self
                .dialect
                .form(&self.spec, &Ask::metadata(Query::default()))
        };
        let page = Page {
            columns: self.all_columns(),
            edits: self.book.edits_of(&[row]),
            lines: vec![Line {
                row,
                keyless: false,
            }],
            whole: true,
            ..self.blank_page(String::new(), form)
        };
        Pieces::object(&page)
    }
}
