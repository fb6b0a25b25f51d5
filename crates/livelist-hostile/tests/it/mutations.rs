//! Each guard except [`NOT_CAUGHT`] is needed: with one off, the oracle finds an error within so many
//! days.

use livelist_hostile::story::Contradictions;
use livelist_hostile::story::contrary::read;
use livelist_hostile::{Cut, play};
use livelist_model::guard_switch::{Guard, turn_off};

/// The world of `seed`, whose servers contradict in `ways`.
fn world(seed: u64, ways: &Contradictions) -> Cut {
    Cut::from(seed).contradicted(ways.clone())
}

/// Days until the oracle finds something wrong with `guard` off, in worlds from seed `first` on, and the world.
fn days_until_wrong(
    guard: Guard,
    ways: &Contradictions,
    most: u64,
    first: u64,
) -> Option<(u64, Cut, String)> {
    turn_off(Some(guard));
    let mut days = 0;
    for seed in first.. {
        let cut = world(seed, ways);
        let report = play(&cut, None).unwrap();
        days += report.tally.days;
        if let Some(what) = report.violations.into_iter().next() {
            return Some((days, cut, what));
        }
        if days >= most {
            break;
        }
    }
    None
}

/// With one of these off, nothing is wrong in the end, for other guards stop the same harm later. A run
/// that was overtaken asks for many keys in vain; a circle costs the requests that the bound allows. What a
/// window of records lacks is found by the stamps of the night.
const NOT_CAUGHT: [Guard; 4] = [
    Guard::Overtaken,
    Guard::Loop,
    Guard::WholeWindow,
    Guard::LookBack,
];

#[track_caller]
fn is_caught(guard: Guard, ways: &Contradictions, most: u64, first: u64) {
    let caught = days_until_wrong(guard, ways, most, first);
    turn_off(None);
    match caught {
        Some((days, cut, what)) => {
            println!("{}: {days} days, seed {cut}: {what}", guard.name());
            let on = play(&cut, None).unwrap();
            assert!(
                on.violations.is_empty(),
                "with the guard on: {:?}",
                on.violations
            );
        }
        None => panic!(
            "{} is off, and nothing went wrong in {most} days",
            guard.name()
        ),
    }
}

macro_rules! caught {
    ($($name:ident $guard:ident $days:literal $($ways:literal $(from $first:literal)?)?;)*) => {
        $(#[test] fn $name() {
            let (ways, first) = (Contradictions::new(), 1);
            $(
                let ways = read($ways).unwrap();
                $(let first = $first;)?
            )?
            is_caught(Guard::$guard, &ways, $days, first);
        })*
        #[test]
        fn every_guard_is_turned_off_once() {
            let tried = [$(Guard::$guard),*];
            let is_known = |guard| tried.contains(guard) || NOT_CAUGHT.contains(guard);
            assert!(Guard::ALL.iter().all(is_known));
        }
    };
}

caught! {
    confirmation Confirmation 5_000;
    count Count 5_000;
    controls Controls 5_000;
    conditional_write ConditionalWrite 5_000;
    token_refresh TokenRefresh 5_000;
    page_validation PageValidation 5_000;
    end_sign EndSign 5_000;
    allow_list AllowList 5_000;
    second_look SecondLook 5_000 "rebuilding";
    empty_scan EmptyScan 5_000;
    lease Lease 5_000;
    mass_removal MassRemoval 5_000;
    form Form 5_000 "questions";
    ids Ids 5_000 "all" from 250;
    bounds Bounds 5_000 "ends";
    asks_check AsksCheck 5_000 "check";
    unsure Unsure 5_000 "records";
    stamps Stamps 5_000 "records" from 681;
}
