//! One record as a client that selects nothing and expands all is given it, without a request.

use std::collections::HashMap;

use super::Mls;
use crate::dialect::Ask;
use crate::page::{Form, Line, Next, Page, Pieces, RowIds};
use crate::query::Query;
use crate::record::media::Expansion;
use crate::spec::{Empty, KeyType, Provider};

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
            records: options.records.is_some(),
            most_photos: options.records.as_ref().map_or(0, |r| r.photos),
            media: None,
        }
    }

    /// The expansion of photos; `None` if there are none.
    pub(super) fn expansion(&self) -> Option<Expansion> {
        let records = self.spec.options.records.as_ref()?;
        let usual = match self.spec.provider {
            Provider::Trestle => Empty::Null,
            _ => Empty::List,
        };
        (records.photos > 0).then(|| Expansion {
            empty: match records.empty_expansion {
                Empty::Usual => usual,
                other => other,
            },
            salt: records.signed_urls.then_some(self.serial),
        })
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
            media: self.expansion(),
            ..self.blank_page(String::new(), form)
        };
        Pieces::object(&page)
    }
}
