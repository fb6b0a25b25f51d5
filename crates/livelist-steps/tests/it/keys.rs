//! F18: keys are bytes. The plain server's keys differ in case, in zeros in front, have 26 digits,
//! and hold what URLs and literals have to escape.

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, On};
use rstest::rstest;

use crate::naive;
use crate::world::{World, failed, published, unchanged};

/// Pairs of live keys that `same` takes for one.
fn pairs(keys: &[String], same: impl Fn(&str) -> String) -> Vec<(String, String)> {
    let mut sorted: Vec<(String, &String)> = keys.iter().map(|k| (same(k), k)).collect();
    sorted.sort();
    let equal = sorted.windows(2).filter(|w| w[0].0 == w[1].0);
    equal.map(|w| (w[0].1.clone(), w[1].1.clone())).collect()
}

/// Selling one of two that look alike removes exactly that one.
#[rstest]
#[case::case(str::to_ascii_lowercase as fn(&str) -> String)]
#[case::zeros(without_zeros as fn(&str) -> String)]
#[tokio::test]
async fn of_two_that_look_alike_only_the_sold_one_goes(
    #[case] same: fn(&str) -> String,
    #[values(true, false)] first: bool,
) {
    let (world, feed) = World::begun(Reso, 400, 60).await;
    let live = world.mls().live_keys();
    let pairs = pairs(&live, same);
    assert!(pairs.len() > 20, "the book holds such pairs");
    let folded: std::collections::BTreeSet<String> = live.iter().map(|k| same(k)).collect();
    assert!(
        folded.len() < live.len(),
        "a store that folds keys merges listings"
    );

    let (sold, stays): (Vec<String>, Vec<String>) = pairs
        .into_iter()
        .take(12)
        .map(|(a, b)| if first { (a, b) } else { (b, a) })
        .unzip();
    assert_eq!(world.mls().sell_keys(&sold).len(), sold.len());
    let output = published(world.day(&feed).await);
    assert_eq!(output.removed, sold.len() as u64);
    let now = world.published(&feed).await;
    assert!(sold.iter().all(|key| !now.contains(key)));
    assert!(stays.iter().all(|key| now.contains(key)));
    world.assert_truth(&feed).await;

    // And back again, the other way round.
    world.mls().relist(&sold);
    world.mls().sell_keys(&stays);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (12, 12));
    world.assert_truth(&feed).await;
}

fn without_zeros(key: &str) -> String {
    key.trim_start_matches('0').to_owned()
}

/// Each shape of key can be asked for by itself: with quotes, blanks, percent and plus signs.
#[tokio::test]
async fn every_shape_of_key_can_be_confirmed() {
    let (world, feed) = World::begun(Reso, 400, 60).await;
    // Hidden from scan and count, so that each live key of the tenth is asked for.
    let rules = [
        FaultRule::new(Fault::DenyPartial { percent: 15 }),
        FaultRule::new(Fault::DenyPartial { percent: 15 }).on(On::Count),
    ];
    let lost = naive::harm(&world, &rules).await.lost;
    for shape in ["'", "/A+B & 50%", "ML", "ml", "00"] {
        assert!(lost.iter().any(|key| key.contains(shape)), "{shape}");
    }
    unchanged(world.day_under(&feed, &rules).await);
}

/// Keys that come as JSON numbers are the same keys; what does not fit a number is no key.
#[rstest]
#[tokio::test]
async fn numbers_are_read_as_they_are_written(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 300, 60).await;
    world.mls().sell(9);
    let rules = [FaultRule::new(Fault::NumericKeys).on(On::Any)];
    let before = world.head(&feed).await;
    let ended = world.day_under(&feed, &rules).await;
    if provider == Reso || provider == Bridge {
        // 26 or 32 digits as a JSON number lose digits in most parsers; nothing is guessed.
        assert_eq!(failed(ended).name, "PageInvalid");
        assert_eq!(world.head(&feed).await, before);
    } else {
        assert_eq!(published(ended).removed, 9);
    }
    world.heals(&feed).await;
}
