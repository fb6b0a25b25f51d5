//! Checks the age of all heads. The planner does this once a day, because a feed whose runs never
//! begin causes no error anywhere. It reads and counts, and changes nothing.

use futures::{StreamExt, stream};
use livelist_model::FeedId;
use livelist_model::agenda::feeds;
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::metrics::HeadMetrics;
use livelist_model::registry::Registry;
use livelist_store::ObjectsExt;

use crate::Env;

/// Heads that are read at once.
const AT_ONCE: usize = 32;
/// At most this many are named in the log.
const NAMED: usize = 20;

/// Checks the head of every enabled feed, reports how many are old, and logs which. A feed without a head
/// has never been published and is not late; its runs report their own errors. A head that cannot be read
/// counts as old.
pub(crate) async fn look(env: &Env, registry: &Registry) -> HeadMetrics {
    let feeds = feeds(registry);
    let all = feeds.len() as u64;
    let now = env.clock.now();
    let looks = feeds.into_iter().map(|feed| is_old(env, feed.feed, now));
    let looks = stream::iter(looks).buffered(AT_ONCE);
    let old: Vec<FeedId> = looks.filter_map(async |old| old).collect().await;
    let metrics = HeadMetrics {
        at: now,
        feeds: all,
        old: old.len() as u64,
    };
    env.metrics.heads(&metrics);
    if !old.is_empty() {
        let named: Vec<&str> = old.iter().take(NAMED).map(FeedId::as_str).collect();
        tracing::warn!(
            old = metrics.old,
            feeds = named.join(" "),
            "lists are older than their schedule explains"
        );
    }
    metrics
}

/// The feed, if its head is old.
async fn is_old(env: &Env, feed: FeedId, now: jiff::Timestamp) -> Option<FeedId> {
    let old = match env.objects.read_json::<Head>(&layout::head(&feed)).await {
        Ok(head) => head.is_some_and(|(head, _)| head.is_stale(now)),
        Err(error) => {
            tracing::error!(%feed, error = livelist_model::with_causes(&error), "the head cannot be read");
            true
        }
    };
    old.then_some(feed)
}
