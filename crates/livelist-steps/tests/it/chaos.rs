//! Several random faults at once, day after day, while listings change. Whatever happens to a run, no live
//! listing is reported as gone (`World::run_by` checks), and after the faults the truth is published.

use livelist_mls::Provider::{self, Bridge, MlsGrid, Reso, Trestle};
use livelist_mls::{Fault, FaultRule, On, RetryAfter};
use livelist_steps::publish::Outcome;
use livelist_store::Entropy;
use livelist_store::memory::SeededEntropy;
use rstest::rstest;

use crate::naive;
use crate::world::{World, result};

struct Lots(SeededEntropy);

impl Lots {
    fn below(&self, n: u64) -> u64 {
        self.0.bits().unwrap() % n
    }

    fn one_of<T: Clone>(&self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    fn fault(&self, provider: Provider) -> Fault {
        let mut faults = vec![
            Fault::EmptyList,
            Fault::EmptyListCountKept,
            Fault::NoNextLink,
            Fault::NextLinkNull,
            Fault::FullLastPageThenEmpty,
            Fault::HalfPage,
            Fault::HalfPage,
            Fault::DuplicateRows,
            Fault::ErrorObject200,
            Fault::EmptyObject200,
            Fault::Html200,
            Fault::TruncateJson,
            Fault::GzipTruncated,
            Fault::ShortContentLength,
            Fault::RowsWithoutKey,
            Fault::CountAsString,
            Fault::WrongCount { delta: -3 },
            Fault::WrongCount { delta: -200 },
            Fault::ExpireToken,
            Fault::ConfirmFindsNothing,
            Fault::SellDuringScan { n: 3 },
            Fault::AddDuringScan { n: 3 },
            Fault::TouchDuringScan { n: 9 },
            Fault::Status {
                code: self.one_of(&[400, 401, 404, 500, 503, 504]),
            },
            Fault::Throttle {
                status: self.one_of(&[429, 503]),
                retry_after: RetryAfter::Seconds,
                seconds: self.one_of(&[1, 60]),
            },
        ];
        // Where nobody counts and nobody can be asked for a key, rows that are hidden in the same way
        // in every scan cannot be told from rows that are gone.
        if provider != MlsGrid {
            let percent = self.one_of(&[1, 4, 30]);
            faults.extend([
                Fault::DenyPartial { percent },
                Fault::DenyPartial { percent },
            ]);
        }
        self.one_of(&faults)
    }

    fn rule(&self, provider: Provider) -> FaultRule {
        let fault = self.fault(provider);
        // What also hides rows from those who ask by key makes them gone for this account.
        let on = match fault {
            Fault::DenyPartial { .. } => self.one_of(&[On::Page, On::Count]),
            _ => self.one_of(&[
                On::Page,
                On::Page,
                On::Page,
                On::Count,
                On::Confirm,
                On::Any,
            ]),
        };
        let rule = FaultRule::new(fault).on(on).after(self.below(9));
        rule.times(self.one_of(&[1, 1, 2, 3, 8, 40]))
    }
}

#[rstest]
#[tokio::test]
async fn faults_may_come_together(
    #[values(Reso, Trestle, MlsGrid, Bridge)] provider: Provider,
    #[values(true, false)] count: bool,
    #[values(1, 2, 3, 4, 5)] seed: u64,
) {
    let lots = Lots(SeededEntropy::new(seed * 1_000_003));
    let (world, feed) = World::begun_with(provider, 420, 60, |spec| {
        spec.options.count = count;
        spec.seed = seed;
    })
    .await;
    let mut harmed = 0;
    let mut came_through = 0;
    for _ in 0..10 {
        let rules: Vec<FaultRule> = (0..1 + lots.below(4))
            .map(|_| lots.rule(provider))
            .collect();
        let harm = naive::harm(&world, &rules).await;
        harmed += usize::from(!harm.lost.is_empty());
        world.mls().sell(lots.below(6));
        world.mls().add(lots.below(6));
        world.mls().set_faults(rules.clone());
        let ended = world.run_by(&world.env, &feed, "test").await;
        world.mls().clear_faults();
        world.next_day();
        if let livelist_steps::chain::Ended::Result(output) = &ended {
            came_through += usize::from(output.outcome != Outcome::Held);
        }
    }
    assert!(harmed > 0, "the faults do harm");
    // Without keys to ask for, one mass removal keeps MLS Grid waiting for a person.
    assert!(
        came_through > 0 || provider == MlsGrid,
        "not every run is held"
    );
    // Much may have come together while runs were held: it is applied by the second day.
    world.day(&feed).await;
    result(world.day(&feed).await);
    if provider != MlsGrid {
        world.assert_truth(&feed).await;
    }
}
