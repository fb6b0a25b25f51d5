//! Checks the clock before publishing.

use livelist_model::clock::{ClockDoubt, Source, Verdict, Witness, by_history, judge};
use livelist_model::run::RunSpec;

use crate::{Env, history, watch};

/// The verdict on the clock before the run's result is published, including what the scan heard.
pub(super) async fn look(env: &Env, run: &RunSpec, scanned: &ClockDoubt) -> Verdict {
    let Some(mut witnesses) = env.watch.witnesses(&*env.clock) else {
        return Verdict::default();
    };
    if scanned.behind.is_some() {
        return Verdict {
            behind: scanned.behind,
            dissent: Vec::new(),
        };
    }
    // If another process scanned, its evidence is all there is about this MLS.
    let own = watch::host(run);
    let source = Source::Server(own);
    if let Some(behind) = scanned.mls
        && witnesses.iter().all(|w| w.source != source)
    {
        witnesses.push(Witness::exact(source, behind));
    }
    let first = judge(&witnesses);
    if first.behind.is_some() || first.dissent.is_empty() {
        return first;
    }
    // Only if a source disagrees, because reading the history costs a request. A history that cannot be
    // read is ignored.
    match history::read(&*env.objects, &run.feed.feed).await {
        Ok(past) => {
            let now = env.clock.now();
            witnesses.extend(by_history(&past, &run.feed, env.limits.planner, now));
        }
        Err(error) => {
            tracing::warn!(run = %run.run, %error, "the feed's history cannot be used to check the clock");
        }
    }
    judge(&witnesses)
}
