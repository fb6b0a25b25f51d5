//! Asking the provider how many rows the feed has.

use livelist_model::keys::KeyBuffer;

use crate::client::Client;
use crate::dialect::CountForm;
use crate::error::ClientError;
use crate::filter::filter;
use crate::page::PageError;
use crate::{allow, query::Query};

/// The number of rows, or `None` if the provider does not count. `expected`: it has counted before in this
/// scan, so a missing count is an error.
pub async fn count(client: &mut Client<'_>, expected: bool) -> Result<Option<u64>, ClientError> {
    let form = client.dialect().count;
    if form == CountForm::Never {
        return Ok(None);
    }
    let must_count = expected || form == CountForm::Always;
    match count_where(client, "").await {
        Ok(None) if must_count => Err(ClientError::Page(PageError::Shape(
            "`@odata.count` was asked for and is missing".to_owned(),
        ))),
        Ok(count) => Ok(count),
        Err(error) if error.is_refusal() && !must_count => Ok(None),
        Err(error) => Err(error),
    }
}

/// The number of the feed's rows for which `condition` holds, if the answer has a count.
pub(crate) async fn count_where(
    client: &mut Client<'_>,
    condition: &str,
) -> Result<Option<u64>, ClientError> {
    let url = Query::of(
        &client.dialect().base(client.feed()),
        client.feed().resource.as_str(),
    )
    .option("$select", &client.feed().key_field)
    .option("$filter", &filter(client, &[condition]))
    .option("$top", "1")
    .option("$count", "true")
    .options(&client.feed().parameters)
    .url();
    let uri = allow::parse(&url).map_err(ClientError::Link)?;
    let answer = client.question(&uri, &mut KeyBuffer::default()).await?;
    Ok(answer.page.count)
}
