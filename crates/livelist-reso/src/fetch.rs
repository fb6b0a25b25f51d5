//! Asks for whole records by their keys. It proves nothing: records that an answer does not show are asked
//! for again on another day.

use livelist_model::asking::Manner;
use livelist_model::keys::KeyBuffer;

use crate::allow;
use crate::client::{Client, PageRequest};
use crate::confirm::condition;
use crate::error::ClientError;
use crate::filter::filter;
use crate::query::Query;
use crate::records::Takes;

/// URLs longer than this are cut off or refused by some servers.
const MAX_URL: usize = 4_000;

/// Asks for the records of the first of these keys, as many as fit into one question; returns how many.
/// [`Client::take_bodies`] returns the records in the answer.
///
/// # Errors
/// The provider refuses the question, or cannot be asked now.
pub async fn fetch(
    client: &mut Client<'_>,
    manner: Manner,
    keys: &[Vec<u8>],
) -> Result<usize, ClientError> {
    let mut most = keys.len().min(manner.keys as usize).max(1);
    let (asked, url) = loop {
        let asked = &keys[..most.min(keys.len())];
        let url = url(client, manner, asked);
        if most <= 1 || url.len() <= MAX_URL {
            break (asked, url);
        }
        most /= 2;
    };
    let uri = allow::parse(&url).map_err(ClientError::Link)?;
    let request = PageRequest {
        url: &|_| Ok(uri.clone()),
        size: 1,
        prefer: false,
        stamps: false,
        names_keys: true,
        takes: Takes::Records,
        ahead: None,
    };
    client.page(request, &mut KeyBuffer::default()).await?;
    Ok(asked.len())
}

fn url(client: &Client<'_>, manner: Manner, keys: &[Vec<u8>]) -> String {
    let feed = client.feed();
    let room = keys.len().saturating_mul(2).max(4);
    Query::of(&client.dialect().base(feed), feed.resource.as_str())
        .option(
            "$select",
            client.records().map_or("", |wanted| &wanted.select),
        )
        .option("$expand", client.expand())
        .option(
            "$filter",
            &filter(client, &[&condition(client, manner, keys)]),
        )
        .option("$top", &room.to_string())
        .options(&feed.parameters)
        .url()
}
