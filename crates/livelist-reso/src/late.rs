//! Asks for rows that were modified since an instant. It is used after a scan that followed links: a
//! new row may have been missed while other rows moved. A row in the answer is live. A row that is
//! not in the answer proves nothing.

use jiff::Timestamp;
use livelist_model::keys::KeyBuffer;

use crate::allow;
use crate::client::Client;
use crate::confirm;
use crate::dialect::{ScanForm, SizeForm};
use crate::error::ClientError;
use crate::filter::filter;
use crate::query::Query;

/// The field of every RESO resource with the time of its last change (Data Dictionary 2.0).
const CHANGED: &str = "ModificationTimestamp";
/// At most this many pages. If more has changed, the next scan lists the rows that were missed.
const MAX_PAGES: u32 = 3;

/// Adds the keys of the feed's rows that have changed since `since`, as far as they fit on a few pages.
///
/// # Errors
/// As for any page. The keys of earlier pages are in `keys`.
pub async fn changed_since(
    client: &mut Client<'_>,
    since: Timestamp,
    keys: &mut KeyBuffer,
) -> Result<(), ClientError> {
    let (feed, dialect) = (client.feed(), client.dialect());
    let since = since.strftime("%Y-%m-%dT%H:%M:%SZ");
    let top = match dialect.scan {
        ScanForm::Links {
            size: SizeForm::Prefer,
            ..
        } => String::new(),
        _ => dialect.page_size(feed).to_string(),
    };
    let url = Query::of(&dialect.base(feed), &(dialect.scan_path)(feed))
        .option("$select", &feed.key_field)
        .option(
            "$filter",
            &filter(client, &[&format!("{CHANGED} ge {since}")]),
        )
        .option("$top", &top)
        .options(&feed.parameters)
        .url();
    client.be_patient(confirm::SEARCHING);
    let mut uri = allow::parse(&url).map_err(ClientError::Link)?;
    for _ in 0..MAX_PAGES {
        let answer = client.question(&uri, keys).await?;
        let Some(link) = answer.next else {
            break;
        };
        uri = client.resolve(&answer.uri, &link)?;
    }
    Ok(())
}
