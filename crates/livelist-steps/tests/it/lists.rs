//! What a publication reads.

use std::sync::{Arc, Mutex};

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_model::run::FeedSpec;
use livelist_steps::Env;
use livelist_steps::publish::{self, Outcome, Output};
use livelist_store::hooked::{Call, Hooked};
use rstest::rstest;

use crate::by_hand::{Decided, Hand};
use crate::world::World;

/// Publishes, and says what was read for it.
async fn publish(world: &World, feed: &FeedSpec, decided: &Decided) -> (Output, Vec<String>) {
    let read = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&read);
    let env = Env {
        objects: Arc::new(Hooked {
            objects: world.objects.clone(),
            hook: move |call: Call<'_>| {
                noted
                    .lock()
                    .unwrap()
                    .extend(call.reads().map(str::to_owned));
                Ok(())
            },
        }),
        ..world.env()
    };
    let input = publish::Input {
        run: world.run_of(feed),
        owner: "test".to_owned(),
        comparison: decided.comparison.clone(),
        confirmation: decided.confirmation.clone(),
        approved: false,
    };
    let output = publish::run(&env, input).await.unwrap();
    let read = read.lock().unwrap().clone();
    (output, read)
}

fn count(read: &[String], what: &str) -> usize {
    read.iter().filter(|key| key.contains(what)).count()
}

/// Where nothing came and nothing went, no list is read.
#[rstest]
#[tokio::test]
async fn a_list_that_is_right_is_not_read(
    #[values(Reso, Trestle, Bridge, MlsGrid)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 150).await;
    let before = world.head(&feed).await.unwrap();
    let hand = Hand::begin(&world.env, world.run_of(&feed), "test").await;
    let decided = hand.decide().await.unwrap();
    let (output, read) = publish(&world, &feed, &decided).await;
    assert_eq!(output.outcome, Outcome::Unchanged);
    for list in ["/part-", "/snapshots/"] {
        assert_eq!(count(&read, list), 0, "{list}: {read:#?}");
    }
    let head = world.head(&feed).await.unwrap();
    assert_eq!((&head.version, &head.full), (&before.version, &before.full));
    assert!(head.checked_at > before.checked_at && head.checked_run != before.checked_run);
}

/// Where something changed, each list is read once.
#[rstest]
#[tokio::test]
async fn a_list_that_changed_is_read_once(
    #[values(Reso, Trestle, Bridge, MlsGrid)] provider: Provider,
) {
    let (world, feed) = World::begun(provider, 600, 150).await;
    world.mls().sell(40);
    world.mls().add(9);
    let hand = Hand::begin(&world.env, world.run_of(&feed), "test").await;
    let decided = hand.decide().await.unwrap();
    let (output, read) = publish(&world, &feed, &decided).await;
    assert_eq!(output.outcome, Outcome::Published);
    assert_eq!((output.added, output.removed), (9, 40));
    assert_eq!(count(&read, "/snapshots/"), 1, "{read:#?}");
    let mut parts: Vec<_> = read.iter().filter(|key| key.contains("/part-")).collect();
    let all = parts.len();
    parts.sort();
    parts.dedup();
    assert!(all > 0 && parts.len() == all, "{read:#?}");
    world.assert_truth(&feed).await;
    world.check_chain(&feed).await;
}
