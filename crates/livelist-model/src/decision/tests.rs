use proptest::prelude::*;

use super::*;
use crate::evidence::EndSign;

fn scan(paging: Paging, rows: u64, count: Option<u64>) -> ScanEvidence {
    ScanEvidence {
        end: Some(EndSign::NoNextLink),
        rows,
        pages: 1,
        count_before: count,
        count_after: count,
        ..ScanEvidence::begin(paging, jiff::Timestamp::UNIX_EPOCH)
    }
}

/// `former` keys, of which `absent` are missing, and `added` new ones; scanned `scans` times.
fn facts(former: u64, absent: u64, added: u64, scans: usize) -> Comparison {
    let live = former - absent + added;
    Comparison {
        former: Some(former),
        live,
        added,
        absent,
        distinct: vec![live; scans],
        scans: vec![scan(Paging::Links, live, Some(live)); scans],
        looked: None,
        lately: Lately::default(),
    }
}

fn decide(facts: &Comparison) -> Next {
    after_comparison(facts, &Guards::default(), true)
}

fn confirmed(asked: u64, restored: u64, fresh: u64) -> Confirmed {
    Confirmed {
        asked,
        restored,
        controls_found: true,
        fresh,
        ..Confirmed::default()
    }
}

#[test]
fn a_quiet_day_is_published_and_removals_are_confirmed_first() {
    assert_eq!(decide(&facts(1_000, 0, 3, 1)), Next::Publish);
    assert_eq!(decide(&facts(1_000, 3, 0, 1)), Next::Confirm);
}

#[test]
fn an_empty_scan_is_looked_at_again_and_held() {
    assert_eq!(decide(&facts(1_000, 1_000, 0, 1)), Next::ScanAgain);
    assert_eq!(
        decide(&facts(1_000, 1_000, 0, 2)),
        Next::Hold(HeldReason::EmptyScan)
    );
    let first = Comparison {
        former: None,
        ..facts(0, 0, 0, 2)
    };
    assert_eq!(decide(&first), Next::Hold(HeldReason::EmptyFirstScan));
    assert_eq!(
        decide(&facts(0, 0, 0, 1)),
        Next::Publish,
        "empty stays empty"
    );
}

#[test]
fn keys_that_do_not_fit_the_count_are_never_published() {
    for scans in [1, 2] {
        let mut facts = facts(1_000, 10, 0, scans);
        for scan in &mut facts.scans {
            scan.count_before = Some(1_000);
            scan.count_after = Some(1_000);
        }
        let expected = if scans == 1 {
            Next::ScanAgain
        } else {
            Next::Hold(HeldReason::CountMismatch)
        };
        assert_eq!(decide(&facts), expected);
    }
}

#[test]
fn rows_that_moved_while_links_were_followed_ask_for_a_second_scan() {
    let mut facts = facts(1_000, 0, 0, 1);
    facts.scans[0].rows += 1;
    assert_eq!(decide(&facts), Next::ScanAgain);
    facts.scans[0].paging = Paging::Keyset;
    assert_eq!(decide(&facts), Next::Publish);
}

#[test]
fn where_keys_cannot_be_asked_for_a_later_run_decides() {
    let by_scan = |facts: &Comparison| after_comparison(facts, &Guards::default(), false);
    assert_eq!(by_scan(&facts(1_000, 3, 0, 1)), Next::Publish);
    assert_eq!(
        by_scan(&facts(1_000, 300, 0, 1)),
        Next::Hold(HeldReason::MassRemovalUnconfirmed)
    );
    let agrees = |former, again, back| {
        let looked = Looked {
            again,
            back,
            ..Looked::default()
        };
        let looked = Some(looked);
        let facts = facts(former, again, 0, 1);
        Comparison { looked, ..facts }.agrees()
    };
    assert!(agrees(1_000, 3, 0));
    assert!(agrees(1_000, 3, 1));
    assert!(agrees(1_000, 30, 10));
    // The one before was no look: the keys that it missed are back.
    assert!(!agrees(1_000, 3, 11));
    assert!(!agrees(1_000, 1, 2));
    assert!(agrees(100_000, 1_000, 100));
    assert!(!agrees(100_000, 1_000, 101));
}

/// Some of the rows hidden today were hidden yesterday as well.
#[test]
fn a_look_that_misses_many_more_than_the_one_before_confirms_nothing() {
    let agrees = |former, again, early, fresh| {
        let looked = Looked {
            again,
            early,
            fresh,
            back: 0,
        };
        let looked = Some(looked);
        let facts = facts(former, again + early + fresh, 0, 1);
        Comparison { looked, ..facts }.agrees()
    };
    assert!(agrees(100, 2, 0, 10));
    assert!(!agrees(100, 2, 0, 11));
    // As many go each week.
    assert!(agrees(100, 12, 0, 20));
    assert!(agrees(100, 0, 12, 24));
    assert!(agrees(10_000, 0, 0, 200));
    assert!(!agrees(10_000, 50, 0, 201));
}

/// Half of the rows are hidden, and as many go at once while it is read: the second count fits.
#[test]
fn many_rows_that_were_counted_and_not_seen_confirm_nothing() {
    let agrees = |former, counted: u64, seen| {
        let mut facts = facts(former, former - seen, 0, 1);
        facts.scans[0].count_before = Some(counted);
        facts.looked = Some(Looked::default());
        facts.agrees()
    };
    assert!(!agrees(52, 50, 27));
    assert!(agrees(52, 29, 27));
    assert!(!agrees(52, 30, 27));
    assert!(agrees(1_000, 1_000, 990));
    assert!(!agrees(1_000, 1_000, 989));
    assert!(agrees(100_000, 100_000, 99_900));
}

#[test]
fn a_scan_over_which_rows_moved_is_no_look_where_nobody_can_be_asked() {
    let guards = Guards::default();
    let mut moved = facts(1_000, 3, 0, 2);
    moved.scans[1].rows += 1;
    assert_eq!(
        after_comparison(&moved, &guards, false),
        Next::Hold(HeldReason::RowsSkipped)
    );
    assert_eq!(doubt(&moved, false), Some(HeldReason::RowsSkipped));
    assert_eq!(doubt(&moved, true), None);
    assert_eq!(after_comparison(&moved, &guards, true), Next::Confirm);
}

#[test]
fn what_a_held_run_saw_is_added_unless_it_looks_like_another_feed() {
    let adds = |former, absent, added| {
        adds_while_held(&facts(former, absent, added, 2), &Guards::default())
    };
    assert!(adds(1_000, 300, 200));
    assert!(!adds(1_000, 300, 201), "more than the guards let through");
    assert!(adds(1_000, 900, 5));
    assert!(!adds(1_000, 901, 5), "hardly any key of the list was seen");
    assert!(!adds(1_000, 0, 0));
    let first = Comparison {
        former: None,
        ..facts(0, 0, 5, 2)
    };
    assert!(!adds_while_held(&first, &Guards::default()));
}

#[test]
fn a_small_list_becomes_empty_when_each_key_was_asked_for_on_two_days() {
    let few = |former| after_comparison(&facts(former, former, 0, 2), &Guards::default(), true);
    assert_eq!(few(FEW), Next::Confirm);
    assert_eq!(few(FEW + 1), Next::Hold(HeldReason::EmptyScan));
    assert_eq!(decide(&facts(1, 1, 0, 1)), Next::ScanAgain);
    let empty = facts(1, 1, 0, 2);
    let guards = Guards::default();
    let by_scan = after_comparison(&empty, &guards, false);
    assert_eq!(by_scan, Next::Hold(HeldReason::EmptyScan));
    let day = |fresh| after_confirmation(&empty, &confirmed(1, 0, fresh), &guards);
    assert_eq!(day(1), Next::Hold(HeldReason::MassRemoval));
    assert_eq!(day(0), Next::Publish);
}

#[test]
fn a_first_snapshot_by_links_needs_two_scans() {
    let first = |scans| Comparison {
        former: None,
        ..facts(0, 0, 500, scans)
    };
    assert_eq!(decide(&first(1)), Next::ScanAgain);
    assert_eq!(decide(&first(2)), Next::Publish);
    let mut by_key = first(1);
    by_key.scans[0].paging = Paging::Keyset;
    assert_eq!(decide(&by_key), Next::Publish);
}

#[test]
fn a_scan_that_misses_as_much_of_what_lives_is_none() {
    let facts = facts(1_000, 300, 0, 2);
    let lossy = confirmed(300, 250, 50);
    assert_eq!(
        after_confirmation(&facts, &lossy, &Guards::default()),
        Next::Hold(HeldReason::RowsSkipped)
    );
}

#[test]
fn replaced_keys_are_held() {
    assert_eq!(
        decide(&facts(1_000, 1_000, 1_000, 2)),
        Next::Hold(HeldReason::KeysReplaced)
    );
    assert_eq!(
        decide(&facts(1_000, 600, 600, 2)),
        Next::Hold(HeldReason::KeysReplaced)
    );
    assert_eq!(
        decide(&facts(1_000, 600, 20, 2)),
        Next::Confirm,
        "a mass removal, not a replacement"
    );
}

#[test]
fn a_mass_removal_is_held_until_it_was_confirmed_twice() {
    let facts = facts(1_000, 300, 0, 2);
    let guards = Guards::default();
    let first = after_confirmation(&facts, &confirmed(300, 0, 300), &guards);
    assert_eq!(first, Next::Hold(HeldReason::MassRemoval));
    let second = after_confirmation(&facts, &confirmed(300, 0, 10), &guards);
    assert_eq!(second, Next::Publish);
}

#[test]
fn confirmation_that_does_not_find_live_keys_proves_nothing() {
    let broken = Confirmed {
        controls_found: false,
        ..confirmed(3, 0, 3)
    };
    let held = Next::Hold(HeldReason::ConfirmationBroken);
    assert_eq!(
        after_confirmation(&facts(1_000, 3, 0, 1), &broken, &Guards::default()),
        held
    );
    let half = confirmed(2, 0, 2);
    assert_eq!(
        after_confirmation(&facts(1_000, 3, 0, 1), &half, &Guards::default()),
        held
    );
}

#[test]
fn a_restored_key_means_that_new_ones_may_be_missing_too() {
    let guards = Guards::default();
    let lossy = confirmed(3, 1, 2);
    assert_eq!(
        after_confirmation(&facts(1_000, 3, 0, 1), &lossy, &guards),
        Next::ScanAgain
    );
    assert_eq!(
        after_confirmation(&facts(1_000, 3, 0, 2), &lossy, &guards),
        Next::Publish
    );
}

/// Numbers come from documents: such as contradict each other are no reason to panic.
#[test]
fn numbers_that_contradict_each_other_are_survived() {
    let odd = Comparison {
        distinct: vec![u64::MAX; 2],
        ..facts(1_000, 900, 0, 2)
    };
    let next = after_comparison(&odd, &Guards::default(), false);
    assert_ne!(next, Next::Publish);
    let more_than_asked = confirmed(900, 901, 900);
    let next = after_confirmation(&odd, &more_than_asked, &Guards::default());
    assert_ne!(next, Next::Publish);
}

#[test]
fn every_reason_has_a_name_and_advice() {
    for reason in HeldReason::ALL {
        assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        assert!(reason.advice().ends_with('.'));
    }
}

proptest! {
    /// Whatever the facts, nothing unproved is published by the comparison alone.
    #[test]
    fn publishing_needs_an_end_the_count_and_no_unconfirmed_removal(
        former in proptest::option::of(0u64..2_000),
        absent in 0u64..2_000,
        added in 0u64..2_000,
        scans in 1usize..3,
        end in any::<bool>(),
        counts in proptest::option::of((0u64..4_000, 0u64..4_000)),
        by_key in any::<bool>(),
    ) {
        let absent = absent.min(former.unwrap_or(0));
        let live = former.unwrap_or(0) - absent + added;
        let mut evidence = scan(Paging::Links, live, None);
        evidence.count_before = counts.map(|c| c.0);
        evidence.count_after = counts.map(|c| c.1);
        if !end { evidence.end = None; }
        let facts = Comparison {
            former, live, added, absent,
            distinct: vec![live; scans],
            scans: vec![evidence; scans],
            looked: None,
            lately: Lately::default(),
        };
        if after_comparison(&facts, &Guards::default(), by_key) == Next::Publish {
            prop_assert!(end);
            if let Some((a, b)) = counts {
                prop_assert!(a.min(b) <= live);
                prop_assert!(live <= a.max(b) || scans == MAX_SCANS);
            }
            prop_assert!(live > 0 || former == Some(0));
            // Where keys cannot be asked for, only what two looks missed goes.
            prop_assert!(absent == 0 || !by_key);
        }
    }
}

#[test]
fn what_went_in_the_days_before_counts() {
    let decide = |removed, vanished, confirms_by_key| {
        let mut facts = facts(1_000, 50, 0, 1);
        facts.lately.removed = removed;
        facts.lately.vanished = vanished;
        let guards = Guards::default();
        match after_comparison(&facts, &guards, confirms_by_key) {
            Next::Confirm => after_confirmation(&facts, &confirmed(50, 0, 50), &guards),
            next => next,
        }
    };
    let by_key = HeldReason::MassRemoval;
    let by_scan = HeldReason::MassRemovalUnconfirmed;
    for (reason, confirms_by_key) in [(by_key, true), (by_scan, false)] {
        assert_eq!(decide(350, 0, confirms_by_key), Next::Publish);
        assert_eq!(decide(351, 0, confirms_by_key), Next::Hold(reason));
        assert_eq!(decide(0, 10, confirms_by_key), Next::Hold(reason));
    }
    // Seen again on another day, and some of the group are back.
    let mut facts = facts(1_000, 50, 0, 1);
    (facts.lately.removed, facts.lately.vanished) = (351, 20);
    let seen_again = after_confirmation(&facts, &confirmed(50, 0, 0), &Guards::default());
    assert_eq!(seen_again, Next::Publish);
    facts.lately.removed = 0;
    let partly = after_confirmation(&facts, &confirmed(50, 35, 15), &Guards::default());
    assert_eq!(partly, Next::ScanAgain, "the scan lost rows");
}
