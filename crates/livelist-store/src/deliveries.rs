//! The delivery records of notices, by client and feed, and which sites have unsubscribed. They are for
//! operators. A record that cannot be read does not stop a delivery; it is replaced.

use livelist_model::notice::{Deliveries, Delivery, Disabled};
use livelist_model::{ClientId, FeedId, layout};

use crate::{Condition, Objects, ObjectsExt, StoreError, change};

/// The records of all clients, or of one.
///
/// # Errors
/// The store is unavailable.
pub async fn recorded(
    objects: &dyn Objects,
    client: Option<&ClientId>,
) -> Result<Vec<Deliveries>, StoreError> {
    let prefix = client.map_or(layout::NOTICES_PREFIX.to_owned(), layout::notices_of);
    let mut all = Vec::new();
    for listed in objects.list(&prefix).await? {
        // `notices/{client}.json` is no record of deliveries.
        if listed.key.matches('/').count() != 2 {
            continue;
        }
        match objects.read_json::<Deliveries>(&listed.key).await {
            Ok(Some((deliveries, _))) => all.push(deliveries),
            Ok(None) => {}
            Err(error @ StoreError::Corrupt { .. }) => {
                tracing::error!(%error, "a record of notices cannot be read");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// The record of the client and the feed, and the condition for replacing it.
///
/// # Errors
/// The store is unavailable.
pub async fn deliveries(
    objects: &dyn Objects,
    client: &ClientId,
    feed: &FeedId,
) -> Result<(Deliveries, Condition), StoreError> {
    let key = layout::notices(client, feed);
    change::known(objects, &key, || Deliveries::of(client)).await
}

/// Stores the state of a delivery.
///
/// # Errors
/// The store is unavailable, or other writers keep changing the record.
pub async fn record(
    objects: &dyn Objects,
    client: &ClientId,
    delivery: &Delivery,
) -> Result<(), StoreError> {
    let key = layout::notices(client, &delivery.event.feed);
    let anew = || Deliveries::of(client);
    change::change(objects, &key, anew, |known| known.put(delivery.clone())).await
}

/// Whether the site said 410 at this very URL.
///
/// # Errors
/// The store cannot be used now.
pub async fn is_disabled(
    objects: &dyn Objects,
    client: &ClientId,
    url: &str,
) -> Result<bool, StoreError> {
    let key = layout::notices_disabled(client);
    let Some((bytes, _)) = objects.read(&key).await? else {
        return Ok(false);
    };
    let disabled = serde_json::from_slice::<Disabled>(&bytes);
    Ok(disabled.is_ok_and(|disabled| disabled.is_of(url)))
}
