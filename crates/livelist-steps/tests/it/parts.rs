//! Tasks that are cut short leave many small parts; no step has to open hundreds of lists at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use livelist_mls::Provider::{self, MlsGrid, Reso};
use livelist_steps::{Env, compare, scan};
use livelist_store::hooked::{Call, Hooked};
use rstest::rstest;

use crate::by_hand::Hand;
use crate::world::{World, published};

/// An environment that counts the parts which are opened.
fn counting(world: &World) -> (Env, Arc<AtomicUsize>) {
    let opened = Arc::new(AtomicUsize::new(0));
    let counter = opened.clone();
    let env = Env {
        objects: Arc::new(Hooked {
            objects: world.objects.clone(),
            hook: move |call: Call<'_>| {
                if matches!(call, Call::Get(key) if key.contains("/part-")) {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
                Ok(())
            },
        }),
        ..world.env()
    };
    (env, opened)
}

#[rstest]
#[tokio::test]
async fn however_many_tasks_a_scan_has_few_parts_are_opened_at_once(
    #[values(Reso, MlsGrid)] provider: Provider,
    #[values(1, 3)] pages: u32,
) {
    let (world, feed) = World::begun(provider, 1_200, 10).await;
    let (mut env, opened) = counting(&world);
    env.limits.task_pages = Some(pages);
    world.mls().sell(7);
    let hand = Hand::begin(&env, world.run_of(&feed), "test").await;
    let scanned = hand.scan_whole(None).await.unwrap();
    opened.store(0, Ordering::SeqCst);
    let compared = compare::run(&env, hand.compare(&scanned)).await.unwrap();
    assert_eq!((compared.live, compared.absent), (1_193, 7));
    let opened = opened.load(Ordering::SeqCst);
    assert!((1..=24).contains(&opened), "{opened} parts");
}

/// Parts of two scans stay apart: each has to be judged by itself.
#[tokio::test]
async fn what_is_published_of_many_small_tasks_is_the_truth() {
    let (mut world, feed) = World::begun(MlsGrid, 700, 10).await;
    world.env.limits.task_pages = Some(1);
    world.mls().sell(5);
    world.mls().add(6);
    let output = published(world.day(&feed).await);
    assert_eq!((output.added, output.removed), (6, 5));
    world.assert_truth(&feed).await;
}

/// Lists that are large already are left alone.
#[tokio::test]
async fn full_parts_are_not_written_again() {
    let (world, feed) = World::begun(Reso, 1_200, 10).await;
    let (mut env, opened) = counting(&world);
    env.limits.part_bytes = 64;
    let hand = Hand::begin(&env, world.run_of(&feed), "test").await;
    let scanned = scan::run(&env, hand.scan(None)).await.unwrap();
    assert_eq!(scanned.outcome, scan::Outcome::Done);
    assert_eq!(opened.load(Ordering::SeqCst), 0);
}
