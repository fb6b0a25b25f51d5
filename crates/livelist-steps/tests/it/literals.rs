//! Keys that are numbers or UUIDs on servers with strict types, if no live key shows how they are written.

use livelist_mls::Provider::{self, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, KeyType, On};
use livelist_model::decision::HeldReason;
use livelist_model::registry::Counting;
use rstest::rstest;

use crate::world::{World, held, published};

/// All listings of a small feed are sold: there is no live key by which the form of a question could be
/// found out.
#[rstest]
#[tokio::test]
async fn a_feed_that_shows_nothing_is_asked_in_the_form_that_is_understood(
    #[values(Reso, Trestle)] provider: Provider,
    #[values(KeyType::Int64, KeyType::Guid)] keys: KeyType,
) {
    let typed = |spec: &mut livelist_mls::MlsSpec| spec.options.contrary.keys = keys;
    let (world, feed) = World::begun_with(provider, 6, 100, typed).await;
    world.mls().sell(6);
    assert_eq!(held(world.day(&feed).await), HeldReason::MassRemoval);
    assert_eq!(published(world.day(&feed).await).removed, 6);
    assert!(world.published(&feed).await.is_empty());
}

/// No count, and a last link that leads nowhere: the question behind the last row has to be understood.
#[rstest]
#[tokio::test]
async fn the_end_is_asked_for_in_the_form_that_is_understood(
    #[values(KeyType::Int64, KeyType::Guid)] keys: KeyType,
    #[values(400, 404)] status: u16,
) {
    let (world, mut feed) = World::unbegun(Reso, 90, 20, |spec| {
        spec.options.contrary.keys = keys;
        spec.options.contrary.dead_end = Some(status);
    })
    .await;
    feed.count = Some(Counting::Never);
    published(world.day(&feed).await);
    world.assert_truth(&feed).await;
}

/// An answer about keys whose link leads to itself: it is none, and shorter questions, whose answers have no
/// link, are asked. Half of the rows are left out besides, so that the token ends before the answer is full.
#[tokio::test]
async fn an_answer_whose_link_leads_to_itself_is_none() {
    let (world, feed) = World::begun_with(Reso, 60, 5, |spec| {
        spec.options.contrary.token_requests = Some(7);
        spec.options.contrary.ended_token = Some(403);
    })
    .await;
    world.mls().sell(3);
    world.mls().clear_log();
    let rules = [Fault::HalfPage, Fault::NextLinkLoop];
    let rules = rules.map(|fault| FaultRule::new(fault).on(On::Confirm));
    assert_eq!(published(world.day_under(&feed, &rules).await).removed, 3);
    world.assert_truth(&feed).await;
    assert!(world.mls().log().len() < 60, "{}", world.mls().log().len());
}
