//! Ordinary days: every dialect is published, sales are confirmed, nothing changes when nothing
//! changes.

use livelist_mls::Provider;
use livelist_steps::publish::Outcome;

use crate::world::{World, published, result};

async fn three_days(provider: Provider) {
    let world = World::one(provider, 1_200).await;
    let feed = world.feed("abor", provider, "", None);
    let first = published(world.day(&feed).await);
    assert_eq!((first.count, first.added, first.removed), (1_200, 1_200, 0));
    assert_eq!(world.published(&feed).await, world.mls().live_keys());

    let second = result(world.day(&feed).await);
    assert_eq!(second.outcome, Outcome::Unchanged);
    assert_eq!(second.version, first.version);

    world.mls().sell(30);
    world.mls().add(7);
    let third = published(world.day(&feed).await);
    assert_eq!((third.added, third.removed, third.sequence), (7, 30, 2));
    assert_eq!(world.published(&feed).await, world.mls().live_keys());
    let head = world.head(&feed).await.unwrap();
    assert_eq!(head.previous_count, Some(1_200));
    assert_eq!(head.deltas[0].from, first.version.unwrap());
    world.simulator.shutdown().await;
}

#[tokio::test]
async fn plain_reso() {
    three_days(Provider::Reso).await;
}

#[tokio::test]
async fn trestle() {
    three_days(Provider::Trestle).await;
}

#[tokio::test]
async fn mls_grid() {
    three_days(Provider::MlsGrid).await;
}

#[tokio::test]
async fn bridge() {
    three_days(Provider::Bridge).await;
}
