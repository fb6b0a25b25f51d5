//! The conditions that narrow each request of a feed.

use crate::client::Client;
use crate::query::all_of;

/// The feed's filter, the dialect's conditions and `more`, in one.
pub(crate) fn filter(client: &Client<'_>, more: &[&str]) -> String {
    let conditions = (client.dialect().conditions)(client.feed());
    let mut all: Vec<&str> = conditions.iter().map(String::as_str).collect();
    all.extend(client.feed().filter.as_deref());
    all.extend(more);
    all_of(&all)
}
