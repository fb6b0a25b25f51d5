//! Ordinary days: every dialect is published, sales are confirmed, nothing changes when nothing
//! changes.

use std::collections::BTreeSet;

use livelist_mls::Provider::{self, *};
use livelist_mls::RequestKind;
use livelist_model::head::ConfirmedBy;
use livelist_reso::Dialects;
use livelist_steps::publish::Outcome;
use rstest::rstest;
use serde_json::json;

use crate::world::{World, published, result};

#[rstest]
#[tokio::test]
async fn every_provider_is_published(
    #[values(
        Reso,
        Trestle,
        MlsGrid,
        Bridge,
        Spark,
        Rmls,
        UtahRealEstate,
        Rapattoni,
        Paragon,
        Constellation1,
        Realtyna,
        Crea,
        Ampre
    )]
    provider: Provider,
) {
    let world = World::one(provider, 1_200).await;
    let feed = world.feed("abor", provider, "", None);
    let first = published(world.day(&feed).await);
    assert_eq!((first.count, first.added, first.removed), (1_200, 1_200, 0));
    assert_eq!(world.published(&feed).await, world.mls().live_keys());
    let epoch = world.head(&feed).await.unwrap().epoch;
    assert_ne!(epoch, "");

    let second = result(world.day(&feed).await);
    assert_eq!(second.outcome, Outcome::Unchanged);
    assert_eq!(second.version, first.version);

    world.mls().sell(30);
    world.mls().add(7);
    let third = published(world.day(&feed).await);
    // Where the MLS cannot be asked, what is sold stays until another day's scan does not show it.
    let by_key = provider != Spark;
    let removed = if by_key { 30 } else { 0 };
    assert_eq!(
        (third.added, third.removed, third.sequence),
        (7, removed, 2)
    );
    assert_eq!(third.confirmed, removed);
    let head = world.head(&feed).await.unwrap();
    assert_eq!(head.previous_count, Some(1_200));
    assert_eq!(head.epoch, epoch, "the lists of one feed are one numbering");
    let delta = &head.deltas[0];
    assert_eq!(delta.from, first.version.unwrap());
    assert_eq!(delta.published_at, Some(head.published_at));
    assert_eq!(delta.run, Some(head.run));
    if !by_key {
        let fourth = published(world.day(&feed).await);
        assert_eq!((fourth.added, fourth.removed, fourth.sequence), (0, 30, 3));
    }
    assert_eq!(world.published(&feed).await, world.mls().live_keys());
    let by = [ConfirmedBy::Scans, ConfirmedBy::Key][usize::from(by_key)];
    let head = world.head(&feed).await.unwrap();
    assert_eq!(head.deltas[0].confirmed, Some(by));
    world.simulator.shutdown().await;
}

#[test]
fn no_provider_is_left_out() {
    let simulated: BTreeSet<String> = Provider::ALL
        .iter()
        .map(|p| json!(p).as_str().unwrap().to_owned())
        .collect();
    let known: BTreeSet<String> = Dialects::names().iter().map(|n| (*n).to_owned()).collect();
    assert_eq!(simulated, known);
    let here = include_str!("days.rs");
    let list = here.split("#[values(").nth(1).unwrap();
    for provider in Provider::ALL {
        assert!(list.contains(&format!("{provider:?}")), "{provider:?}");
    }
}

/// What a day costs: one scan and the questions that it needs, on a quiet day and on one on which 30 of
/// 1,200 listings are sold and 7 are new, in pages of 200. The table of docs/operations.md.
#[rstest]
#[case(Reso, 9, 14)]
#[case(MlsGrid, 8, 11)]
#[case(Spark, 9, 9)]
#[case(Crea, 1, 6)]
#[case(Trestle, 10, 13)]
#[case(Bridge, 9, 12)]
#[tokio::test]
async fn a_day_costs_one_scan_and_its_questions(
    #[case] provider: Provider,
    #[case] quiet: usize,
    #[case] busy: usize,
) {
    let (world, feed) = World::begun(provider, 1_200, 200).await;
    let asked = || {
        let log = world.mls().log();
        world.mls().clear_log();
        let of = |kind| log.iter().filter(|sent| sent.kind == kind).count();
        (log.len() - of(RequestKind::Token), of(RequestKind::Page))
    };
    result(world.day(&feed).await);
    let (all_quiet, pages_quiet) = asked();
    world.mls().sell(30);
    world.mls().add(7);
    result(world.day(&feed).await);
    let (all_busy, pages_busy) = asked();
    assert!(pages_busy <= pages_quiet, "one scan");
    assert_eq!((all_quiet, all_busy), (quiet, busy));
}
