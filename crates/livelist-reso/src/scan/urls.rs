//! The URLs of a scan's pages.

use std::collections::BTreeMap;

use http::Uri;

use super::{Cursor, alone, keyset};
use crate::allow;
use crate::client::Client;
use crate::dialect::{KeysetBy, ScanForm, SizeForm};
use crate::error::ClientError;
use crate::filter::filter;
use crate::query::Query;

/// Makes the URLs of one page, for any size.
pub(super) struct PageUrls {
    pub(super) form: ScanForm,
    link: Option<Uri>,
    base: String,
    path: String,
    select: String,
    expand: String,
    filter: String,
    orderby: String,
    skip: Option<u64>,
    /// Room for a row that is shown again, and one more.
    least: u32,
    parameters: BTreeMap<String, String>,
}

impl PageUrls {
    /// Of the page at `cursor`, for a scan that reads in this form.
    pub(super) fn of(
        client: &Client<'_>,
        form: ScanForm,
        cursor: &Cursor,
    ) -> Result<PageUrls, ClientError> {
        let (feed, dialect) = (client.feed(), client.dialect());
        let base = dialect.base(feed);
        let link = match cursor {
            Cursor::Link(link) => {
                let base = allow::parse(&base).map_err(ClientError::Link)?;
                Some(client.resolve(&base, &client.reveal(link))?)
            }
            _ => None,
        };
        let (after, orderby) = match form {
            ScanForm::Keyset(KeysetBy::TimeAlone(field)) => {
                let id_field = dialect.told_apart_by(feed).unwrap_or_default();
                let after = alone::condition(field, id_field, client.literal(), cursor);
                (after, String::new())
            }
            ScanForm::Keyset(by) => keyset::options(by, &feed.key_field, client.literal(), cursor),
            ScanForm::Links { .. } | ScanForm::List => Default::default(),
        };
        let second = dialect
            .second_field()
            .map(|f| format!(",{f}"))
            .unwrap_or_default();
        let id = dialect
            .beside_field(feed)
            .map(|f| format!(",{f}"))
            .unwrap_or_default();
        let is_list = form == ScanForm::List;
        Ok(PageUrls {
            form,
            link,
            base,
            path: (dialect.scan_path)(feed),
            select: match client.records() {
                _ if is_list => String::new(),
                None => format!("{}{second}{id}", feed.key_field),
                Some(wanted) if wanted.select.is_empty() => String::new(),
                Some(wanted) => with(&wanted.select, &[&feed.key_field, &second, &id]),
            },
            expand: client.expand().to_owned(),
            filter: if is_list {
                String::new()
            } else {
                filter(client, &[&after])
            },
            parameters: feed.parameters.clone(),
            orderby,
            least: match form {
                ScanForm::Keyset(_) if cursor.shows_again() => 2,
                _ => 1,
            },
            skip: match cursor {
                Cursor::Skip(n) => Some(*n),
                _ => None,
            },
        })
    }

    pub(super) fn at(&self, size: u32) -> Result<Uri, ClientError> {
        if let Some(link) = &self.link {
            return Ok(link.clone());
        }
        let top = match self.form {
            ScanForm::Links {
                size: SizeForm::Prefer,
                ..
            }
            | ScanForm::List => String::new(),
            _ => size.max(self.least).to_string(),
        };
        let url = Query::of(&self.base, &self.path)
            .option("$select", &self.select)
            .option("$expand", &self.expand)
            .option("$filter", &self.filter)
            .option("$orderby", &self.orderby)
            .option("$top", &top)
            .option(
                "$skip",
                &self.skip.map(|n| n.to_string()).unwrap_or_default(),
            )
            .options(&self.parameters)
            .url();
        allow::parse(&url).map_err(ClientError::Link)
    }
}

/// Fields to select, with those that the scan needs.
fn with(fields: &str, needed: &[&str]) -> String {
    let mut all: Vec<&str> = fields.split(',').collect();
    for field in needed.iter().map(|field| field.trim_start_matches(',')) {
        if !field.is_empty() && !all.contains(&field) {
            all.push(field);
        }
    }
    all.join(",")
}
