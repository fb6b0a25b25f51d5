//! Each guard but [`NOT_CAUGHT`] is needed: with one off, the oracle finds something wrong within so many
//! days.

use livelist_hostile::{Cut, play};
use livelist_model::guard_switch::{Guard, turn_off};

/// Days until the oracle finds something wrong with `guard` off, in worlds from seed 1 on.
fn days_until_wrong(guard: Guard, most: u64) -> Option<(u64, u64, String)> {
    turn_off(Some(guard));
    let mut days = 0;
    for seed in 1.. {
        let report = play(&Cut::from(seed), None).unwrap();
        days += report.tally.days;
        if let Some(what) = report.violations.first() {
            return Some((days, seed, what.clone()));
        }
        if days >= most {
            break;
        }
    }
    None
}

/// With one of these off, nothing went wrong in 5,000 days: other guards now stop the same harm. Whether
/// they are still needed is open.
const NOT_CAUGHT: [Guard; 2] = [Guard::Overtaken, Guard::Loop];

#[track_caller]
fn is_caught(guard: Guard, most: u64) {
    let caught = days_until_wrong(guard, most);
    turn_off(None);
    match caught {
        Some((days, seed, what)) => {
            println!("{}: {days} days, seed {seed}: {what}", guard.name());
            let on = play(&Cut::from(seed), None).unwrap();
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
    ($($name:ident $guard:ident $days:expr;)*) => {
        $(#[test] fn $name() { is_caught(Guard::$guard, $days); })*
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
    second_look SecondLook 5_000;
    empty_scan EmptyScan 5_000;
    lease Lease 5_000;
    mass_removal MassRemoval 5_000;
}
