//! Draws a story from its seed.

use std::collections::BTreeSet;

use livelist_mls::{
    Auth, Credential, Envelope, Fault, FaultRule, MlsSpec, NextIn, Paging, Provider, RefreshReuse,
    TokenReuse,
};

use super::faults::{conspiracy, fault, rule};
use super::{Change, DayPlan, Event, FeedPlan, MlsDay, MlsPlan, Story};
use crate::dice::{Dice, pair};

/// How a day is at one MLS.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Temper {
    Quiet,
    Rough,
    Hostile,
}

impl Story {
    pub(super) fn draw(seed: u64) -> Story {
        let mut dice = Dice::new(pair(seed, 1));
        let mlss: Vec<MlsPlan> = (0..dice.within(1, 4))
            .map(|at| MlsPlan::draw(at, seed, &mut dice))
            .collect();
        let mut feeds = Vec::new();
        for (mls, plan) in mlss.iter().enumerate() {
            // The answers of these two cannot be filtered.
            let provider = plan.spec.provider;
            let is_whole = matches!(provider, Provider::Crea | Provider::Spark);
            feeds.push(FeedPlan {
                mls,
                shared: dice.chance(0.3),
                filter: (dice.chance(0.1) && !is_whole)
                    .then(|| "StandardStatus eq 'Active'".to_owned()),
                is_cut: false,
            });
            if dice.chance(0.3) && !is_whole {
                feeds.push(FeedPlan {
                    mls,
                    shared: false,
                    filter: Some("StandardStatus eq 'Pending'".to_owned()),
                    is_cut: false,
                });
            }
        }
        // In half of the worlds the same few faults combine again and again.
        let theme: Vec<Fault> = match dice.below(6) {
            0..3 => Vec::new(),
            3 => (0..dice.within(1, 3)).map(|_| fault(&mut dice)).collect(),
            _ => conspiracy(&mut dice),
        };
        let mut tempers = vec![Temper::Quiet; mlss.len()];
        let mut days: Vec<DayPlan> = Vec::new();
        for _ in 0..dice.within(17, 50) {
            for temper in &mut tempers {
                *temper = match dice.below(10) {
                    0..4 => Temper::Quiet,
                    4..7 => Temper::Rough,
                    7 => Temper::Hostile,
                    _ => *temper,
                };
            }
            let before = days.last();
            let drawn = (0..mlss.len()).map(|mls| {
                let yesterday = before.and_then(|day| day.mlss.get(mls));
                MlsDay::draw(tempers[mls], &mlss[mls], yesterday, &theme, &mut dice)
            });
            let drawn = drawn.collect();
            let strikes = match dice.below(10) {
                0..5 => 0.0,
                5..9 => 0.0005 * (1.0 + 15.0 * dice.fraction()),
                _ => 0.01 * (1.0 + 3.0 * dice.fraction()),
            };
            days.push(DayPlan {
                strikes,
                mlss: drawn,
                again_after: dice.chance(0.12).then(|| dice.below(180)),
                slow_compare: None,
                operator: dice.chance(0.25),
                twice: dice.chance(0.3),
                skew: match dice.below(8) {
                    0 => 3_600,
                    1..3 => 120,
                    _ => 0,
                },
            });
        }
        for day in &mut days {
            if dice.chance(0.04) {
                day.slow_compare = Some(dice.below(2));
                day.again_after = Some(dice.within(2, 20));
            }
        }
        Story {
            seed,
            mlss,
            feeds,
            days,
            spared: BTreeSet::new(),
            task_pages: dice.chance(0.7).then(|| dice.within(1, 12) as u32),
            part_bytes: dice.within(100, 4_000) as usize,
            asks_check: false,
            replicates: false,
            tells_time: false,
        }
    }
}

impl MlsPlan {
    fn draw(at: u64, seed: u64, dice: &mut Dice) -> MlsPlan {
        let provider = *dice.pick(&Provider::ALL);
        let listings = match dice.below(12) {
            0 => dice.below(3),
            1..5 => dice.within(3, 40),
            5..11 => dice.within(40, 160),
            _ => dice.within(160, 320),
        };
        let mut spec = MlsSpec::new(format!("mls{at}"), provider, listings);
        spec.seed = pair(seed, at);
        // If a cut page has no link, an answer about 25 keys has to fit on one page. If pages overlap, they
        // have to be longer than the changes between two of them, as at the real servers.
        let goes_by_links = !matches!(
            provider,
            Provider::Rmls
                | Provider::UtahRealEstate
                | Provider::Realtyna
                | Provider::Ampre
                | Provider::MlsGrid
        );
        spec.page_limit = Some(match dice.below(4) {
            _ if !goes_by_links => dice.within(26, 60),
            0 => dice.within(3, 9),
            _ => dice.within(10, 60),
        });
        spec.rate_limited = dice.chance(0.2);
        spec.token_seconds = *dice.pick(&[6, 10, 3_600, 28_800]);
        spec.options.tokens =
            *dice.pick(&[TokenReuse::Fresh, TokenReuse::Cached, TokenReuse::Single]);
        if provider == Provider::Reso {
            spec.options.paging = *dice.pick(&[
                Paging::NextSkip,
                Paging::NextOpaqueId,
                Paging::NextSkiptoken,
                Paging::LinkHeader,
                Paging::RelativeLink,
            ]);
            spec.options.count = dice.chance(0.75);
            spec.options.count_as_string = dice.chance(0.2);
            spec.options.top_is_total = dice.chance(0.3);
            if dice.chance(0.5) {
                spec.options.auth = Some(Auth::ClientCredentials);
                spec.credential = Credential::ClientCredentials {
                    client_id: format!("{}-client", spec.mls),
                    client_secret: format!("{}-client-secret-5f1c9a7e", spec.mls),
                };
            }
        }
        spec.options.envelope = *dice.pick(&[Envelope::Reso, Envelope::Spark]);
        spec.options.cache_seconds = *dice.pick(&[0, 300, 1_200]);
        spec.options.refresh = *dice.pick(&[
            RefreshReuse::Once,
            RefreshReuse::UntilNextIsUsed,
            RefreshReuse::Lasting,
        ]);
        spec.options.skip_window = dice.chance(0.3).then(|| dice.within(5, 200));
        spec.options.destination = dice.chance(0.5).then(|| dice.within(1, 99_999));
        if provider == Provider::Paragon && dice.chance(0.5) {
            spec.credential = Credential::ClientCredentials {
                client_id: format!("{}-client", spec.mls),
                client_secret: format!("{}-client-secret-5f1c9a7e", spec.mls),
            };
        }
        spec.options.next_in = *dice.pick(&[NextIn::Both, NextIn::Body, NextIn::Header]);
        MlsPlan {
            host: format!("{}.example", spec.mls),
            names_system: dice.chance(0.3)
                && matches!(provider, Provider::Trestle | Provider::Bridge),
            guards: match dice.below(3) {
                0 => Some((0.2, 5)),
                1 => Some((0.1, dice.within(0, 20))),
                _ => None,
            },
            page_size: dice.chance(0.3).then(|| dice.within(2, 80) as u32),
            date_off: 0,
            spec,
        }
    }
}

impl MlsDay {
    fn draw(
        temper: Temper,
        mls: &MlsPlan,
        yesterday: Option<&MlsDay>,
        theme: &[Fault],
        dice: &mut Dice,
    ) -> MlsDay {
        let mut day = MlsDay::default();
        let pages = mls.spec.listings / mls.spec.page_limit.unwrap_or(50).max(1) + 3;
        let few = |dice: &mut Dice| dice.within(1, 6);
        // An ordinary day of an MLS.
        for change in [
            Change::Sell(few(dice)),
            Change::Add(few(dice)),
            Change::Relist(dice.within(1, 3)),
            Change::Touch(few(dice)),
        ] {
            if dice.chance(0.5) {
                day.events.push(Event {
                    request: None,
                    change,
                });
            }
        }
        if dice.chance(0.06) {
            let change = match dice.below(4) {
                0 => Change::Expire(dice.within(20, 100)),
                1 => Change::Rekey,
                2 => Change::Add(dice.within(20, 100)),
                _ => Change::TouchAll,
            };
            day.events.push(Event {
                request: None,
                change,
            });
        }
        if temper == Temper::Quiet {
            return day;
        }
        let (rules, events) = match temper {
            Temper::Hostile => (dice.within(1, 4), dice.within(0, 4)),
            _ => (dice.within(0, 1), dice.within(0, 2)),
        };
        for _ in 0..events {
            let change = match dice.below(14) {
                0..4 => Change::Sell(few(dice)),
                4..7 => Change::Add(few(dice)),
                7..9 => Change::Relist(few(dice)),
                9 => Change::Touch(few(dice)),
                10 => Change::ExpireTokens,
                11 => Change::Expire(dice.within(10, 60)),
                12 => Change::TouchAll,
                _ if temper == Temper::Hostile => Change::Rekey,
                _ => Change::Revoke(dice.chance(0.5)),
            };
            day.events.push(Event {
                request: Some(dice.below(pages * 3)),
                change,
            });
        }
        for _ in 0..rules {
            day.rules.push(rule(pages, dice));
        }
        if !theme.is_empty() && dice.chance(0.7) {
            for fault in theme {
                let mut rule = FaultRule::new(fault.clone());
                if dice.chance(0.4) {
                    rule.skip = dice.below(pages);
                }
                if dice.chance(0.3) {
                    rule.times = Some(dice.within(1, 3));
                }
                day.rules.push(rule);
            }
        }
        // Some faults last for days.
        if let Some(rule) = yesterday.and_then(|day| day.rules.first())
            && dice.chance(0.4)
        {
            day.rules.push(rule.clone());
        }
        for rule in &mut day.rules {
            // A list that grows, or moves, as fast as it is read has no end.
            let moves = matches!(
                rule.fault,
                Fault::AddDuringScan { .. } | Fault::TouchDuringScan { .. }
            );
            if moves {
                rule.times = Some(rule.times.unwrap_or(10));
            }
        }
        day
    }
}
