//! One record as a client that selects nothing and expands all is given it, without a request; and further
//! pages of what is expanded.

use std::collections::HashMap;

use hyper::StatusCode;

use super::Mls;
use crate::answer::{Answer, Body};
use crate::dialect::Ask;
use crate::incoming::Incoming;
use crate::page::{Form, Line, Next, Page, Pieces, RowIds, further_photos};
use crate::query::Query;
use crate::record::media::{Expansion, Photos};
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
            nested: records.nested,
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
            media: self
                .expansion()
                .map(|media| Expansion { nested: 0, ..media }),
            ..self.blank_page(String::new(), form)
        };
        Pieces::object(&page)
    }

    /// Further photos of a listing, behind the first ones.
    pub(super) fn further_photos(&self, incoming: &Incoming, key: &str, behind: u32) -> Answer {
        let (Some(row), Some(media)) = (self.book.listed(key), self.expansion()) else {
            return self
                .dialect
                .refusal(StatusCode::NOT_FOUND, "Resource not found");
        };
        let form = self
            .dialect
            .form(&self.spec, &Ask::metadata(Query::default()));
        let edit = self.book.edits_of(&[row]).remove(&row.index);
        let records = self.spec.records();
        let photos = Photos::of(
            self.spec.seed,
            row.index,
            &edit.unwrap_or_default(),
            records.photos,
        );
        let twice = records.odd_records && photos.is_twice();
        let shown = self.spec.options.contrary.shown;
        let page = media.write(&photos, behind, key, twice, &|us| {
            form.stamp.write(shown.of(us))
        });
        let list = page.as_ref().map_or("[]", |page| &page.json);
        let mut body = format!("{{\"value\":{list}");
        if let Some(more) = page.as_ref().and_then(|page| page.more) {
            let base = format!("{}{}", incoming.origin(), self.base_path());
            let link = further_photos(&base, key, more);
            body.push_str(&format!(",\"@odata.nextLink\":\"{link}\""));
        }
        body.push('}');
        let mut answer = Answer::json(StatusCode::OK, &serde_json::Value::Null);
        answer.body = Body::Document(body);
        answer
    }
}
