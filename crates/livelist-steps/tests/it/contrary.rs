//! Behaviours of a server that contradict a client do harm: under each of them a plain reconciler loses
//! live listings, or its run, or keeps gone listings.

use livelist_mls::Provider::{self, Ampre, MlsGrid, Reso, Trestle};
use livelist_mls::{
    Contrary, Fault, FaultRule, KeyType, MlsSpec, Odd, OddCount, Paging, Refused, Shown, Ties,
};
use rstest::rstest;

use crate::naive;
use crate::world::World;

/// An MLS of 600 listings in pages of 100, with ways of its own.
async fn world(provider: Provider, change: impl FnOnce(&mut Contrary)) -> World {
    of(provider, |spec| change(&mut spec.options.contrary)).await
}

async fn of(provider: Provider, change: impl FnOnce(&mut MlsSpec)) -> World {
    World::unbegun(provider, 600, 100, change).await.0
}

fn usual(_: &mut Contrary) {}

/// F12, F21: a bulk change over night, and pages by offset.
#[rstest]
#[tokio::test]
async fn rows_of_one_instant_in_no_order(#[values(Ties::Changing, Ties::OfThePlace)] ties: Ties) {
    let world = world(MlsGrid, |ways| ways.ties = ties).await;
    assert!(naive::harm(&world, &[]).await.lost.is_empty());
    world.mls().touch_at_once(300);
    assert!(naive::harm(&world, &[]).await.lost.len() > 20);
}

/// F8: live rows slip under an offset, whether or not the counts tell.
#[rstest]
#[tokio::test]
async fn rows_that_slip_under_an_offset(#[values(false, true)] balanced: bool) {
    let world = world(Reso, usual).await;
    let new = world.mls().add_at(5, 100);
    let mut rules = vec![FaultRule::new(Fault::SellDuringScan { n: 5 })];
    if balanced {
        rules.push(FaultRule::new(Fault::AddDuringScan { n: 5 }));
    }
    let rules: Vec<_> = rules
        .into_iter()
        .map(|rule| rule.after(1).times(1))
        .collect();
    let mut lost = naive::harm(&world, &rules).await.lost;
    lost.sort();
    let mut new = new;
    new.sort();
    assert_eq!(lost, new);
}

/// F22: the same partial answer for a whole run; F42: another one the next day.
#[tokio::test]
async fn a_list_that_is_being_rebuilt() {
    let world = world(MlsGrid, usual).await;
    let mut before = Vec::new();
    for salt in 0..2 {
        let rule = Fault::Rebuilding { percent: 15, salt };
        let lost = naive::harm(&world, &[rule.into()]).await.lost;
        assert!((60..120).contains(&lost.len()));
        assert_ne!(lost, before);
        before = lost;
    }
}

/// F23: a full page without link and count.
#[tokio::test]
async fn pages_that_are_cut_off_silently() {
    let world = world(Reso, usual).await;
    let lost = naive::harm(&world, &[Fault::Cap.into()]).await.lost;
    assert_eq!(lost.len(), 500);
    let world = of(Reso, |spec| spec.options.paging = Paging::None).await;
    assert_eq!(naive::harm(&world, &[]).await.lost.len(), 500);
}

/// F26: pages without end.
#[rstest]
#[tokio::test]
async fn pages_without_end(
    #[values(Fault::EmptyPagesForEver, Fault::LastPageForEver)] fault: Fault,
) {
    let world = world(Reso, usual).await;
    let harm = naive::harm(&world, &[fault.into()]).await;
    assert_eq!(harm.stopped.as_deref(), Some("endless"));
}

/// F28: tokens and links that die, and a last link that leads nowhere.
#[tokio::test]
async fn tokens_and_links_that_die() {
    let world_of_links = world(Reso, usual).await;
    let rule = FaultRule::new(Fault::PageTokenDies { code: 410 }).after(3);
    let harm = naive::harm(&world_of_links, &[rule]).await;
    assert_eq!(harm.stopped.as_deref(), Some("status 410"));
    assert_eq!(harm.lost.len(), 300);

    let ended = world(Trestle, |ways| ways.ended_token = Some(403)).await;
    let rule = FaultRule::new(Fault::ExpireToken).after(0);
    let harm = naive::harm(&ended, &[rule]).await;
    assert_eq!(harm.stopped.as_deref(), Some("status 403"));

    for status in [404, 400, 416, 204] {
        let world = world(Reso, |ways| ways.dead_end = Some(status)).await;
        let harm = naive::harm(&world, &[]).await;
        assert_eq!(harm.stopped, Some(format!("status {status}")));
    }
}

#[rstest]
#[tokio::test]
async fn bytes_that_no_strict_reader_takes(
    #[values(
        Odd::ByteOrderMark,
        Odd::ControlCharacter,
        Odd::NotANumber,
        Odd::Latin1,
        Odd::HalfSurrogate
    )]
    what: Odd,
) {
    let world = world(Reso, usual).await;
    let harm = naive::harm(&world, &[Fault::Unreadable { what }.into()]).await;
    assert!(harm.stopped.is_some() && harm.lost.len() == 600);
}

/// F25: a cursor made of a shown instant jumps over rows, or stands still.
#[tokio::test]
async fn instants_that_are_shown_coarser_than_they_are_compared() {
    let next = |row: &serde_json::Value| {
        let at = row["ModificationTimestamp"].as_str().unwrap();
        let key = row["ListingKey"].as_str().unwrap();
        format!(
            "ModificationTimestamp gt {at} or (ModificationTimestamp eq {at} and ListingKey gt '{key}')"
        )
    };
    let order = "ModificationTimestamp,ListingKey";
    let exact = world(Ampre, usual).await;
    let read = naive::behind(&exact, order, next).await.unwrap();
    assert_eq!(read.len(), 600);

    // What is stored below the millisecond decides whether a bulk change is passed over.
    let mut lost = Vec::new();
    for seed in 0..8 {
        let rounded = of(Ampre, |spec| {
            spec.seed = seed;
            spec.options.contrary.shown = Shown::Rounded(1);
        })
        .await;
        rounded.mls().touch_at_once(350);
        if let Ok(read) = naive::behind(&rounded, order, next).await {
            lost.push(600 - read.len());
        }
    }
    assert!(lost.iter().any(|lost| *lost > 50), "{lost:?}");

    let cut = world(Ampre, |ways| ways.shown = Shown::Cut(1)).await;
    let read = naive::behind(&cut, order, next).await;
    assert_eq!(read, Err("endless".to_owned()));
}

/// F25: two keys that are one to the server, on both sides of an edge.
#[tokio::test]
async fn comparisons_that_ignore_case() {
    let next = |row: &serde_json::Value| {
        let key = row["ListingKey"].as_str().unwrap();
        format!("ListingKey gt '{}'", key.replace('\'', "''"))
    };
    let skips = |keys: Option<usize>| async move {
        let world = of(Reso, |spec| {
            spec.options.contrary.blind = keys.is_some();
            // An edge falls between two twins sooner or later.
            spec.page_limit = Some(keys.unwrap_or(7) as u64);
        })
        .await;
        // `+`, `&` and `%` of keys cannot stand in a URL as they are.
        let odd: Vec<_> = world.mls().live_keys();
        let odd: Vec<_> = odd.into_iter().filter(|key| key.contains('%')).collect();
        world.mls().sell_keys(&odd);
        let read = naive::behind(&world, "ListingKey", next).await.unwrap();
        world.mls().live_keys().len() - read.len()
    };
    assert_eq!(skips(None).await, 0);
    let mut lost = 0;
    for page in 5..12 {
        lost += skips(Some(page)).await;
    }
    assert!(lost > 0);
}

/// A count is no measure where it is of something else.
#[tokio::test]
async fn counts_of_something_else() {
    for (what, read) in [
        (None, 600),
        (Some(OddCount::Capped(250)), 300),
        (Some(OddCount::OfThePage), 100),
        (Some(OddCount::Negative), 100),
    ] {
        let world = of(Reso, |spec| spec.options.paging = Paging::None).await;
        let rules = what.map(|what| Fault::OddCount { what }.into());
        world.mls().set_faults(rules.into_iter().collect());
        assert_eq!(
            naive::counted(&world).await.unwrap().len(),
            read,
            "{what:?}"
        );
    }
    let world = of(Reso, |spec| spec.options.paging = Paging::None).await;
    world.mls().set_faults(vec![
        Fault::OddCount {
            what: OddCount::Text,
        }
        .into(),
    ]);
    assert!(naive::counted(&world).await.is_err());
}

/// F27: a question about many keys is refused without a word, or answered with half of a page.
#[tokio::test]
async fn questions_that_are_too_long() {
    for (refused, error) in [
        (Refused::Status(404), "status 404"),
        (Refused::Status(403), "status 403"),
        (Refused::Status(500), "status 500"),
        (Refused::CutJson, "EOF while parsing"),
    ] {
        let world = world(Trestle, |ways| {
            ways.question.longest = Some(1_545);
            ways.question.refused = refused;
        })
        .await;
        let keys = world.mls().live_keys();
        assert_eq!(naive::gone(&world, &keys[..10], "'{}'").await, Ok(vec![]));
        let told = naive::gone(&world, &keys[..60], "'{}'").await.unwrap_err();
        assert!(told.starts_with(error), "{told}");
    }
    let world = world(Trestle, |ways| ways.question.in_status = Some(500)).await;
    let keys = world.mls().live_keys();
    let told = naive::gone(&world, &keys[..3], "in '{}'").await;
    assert_eq!(told, Err("status 500".to_owned()));
}

/// F25: literals of another type are refused.
#[tokio::test]
async fn keys_of_other_types() {
    for (keys, status) in [(KeyType::Int64, 400), (KeyType::Guid, 400)] {
        let world = world(Trestle, |ways| ways.keys = keys).await;
        let live = world.mls().live_keys();
        let told = naive::gone(&world, &live[..3], "'{}'").await;
        assert_eq!(told, Err(format!("status {status}")));
        assert_eq!(naive::gone(&world, &live[..3], "{}").await, Ok(vec![]));
    }
}

/// F44: what is gone shows by key, and stays on the site for ever.
#[tokio::test]
async fn answers_by_key_that_show_what_is_gone() {
    let world = world(Trestle, usual).await;
    let sold = world.mls().sell(5);
    assert_eq!(naive::gone(&world, &sold, "'{}'").await.unwrap().len(), 5);
    world.mls().set_faults(vec![Fault::ConfirmFindsGone.into()]);
    assert_eq!(naive::gone(&world, &sold, "'{}'").await, Ok(vec![]));
}
