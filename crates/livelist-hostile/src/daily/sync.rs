//! Syncs: several times a day what changed of each feed's records goes into its log, and from there into
//! its copy. A sync that dies is not tried again: the next one comes.

use std::sync::Arc;

use livelist_log::Log;
use livelist_model::registry::Full;
use livelist_model::run::FeedSpec;
use livelist_model::{ReplicationId, with_causes};
use livelist_reso::dialect::Dialect;
use livelist_steps::records::apply::apply;
use livelist_steps::records::prove::prove;
use livelist_steps::records::pull::{Outcome, pull};
use livelist_steps::records::{RecordsError, ResourceSpec};
use livelist_steps::{Env, StepError};
use serde::Serialize;

use super::invoke::{Call, Invoked, invoke};
use super::{MINUTE, SECOND};
use crate::dice::{self, Dice};
use crate::ports::Container;
use crate::records::SimCopy;
use crate::sim::{Ms, Sim};

/// A sync waits for a provider that asks to wait no longer than this.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(10 * 60);
/// Pulls of one sync.
const PULLS: usize = 200;
/// Under this name a sync is invoked.
const NAME: &str = "sync";

/// What a sync copies.
#[derive(Debug, Clone, Serialize)]
struct Input {
    at: usize,
    replication: ReplicationId,
    feed: FeedSpec,
    owner: String,
    is_last: bool,
}

/// The nth sync of a day, of every feed whose records can be copied.
pub(crate) fn sync(sim: &Arc<Sim>, day: usize, nth: usize, at: Ms) {
    let feeds: Vec<FeedSpec> = {
        let world = sim.world();
        world.feeds.iter().map(|feed| feed.spec.clone()).collect()
    };
    for (index, feed) in feeds.into_iter().enumerate() {
        // A master list holds no records.
        let has_records = Dialect::for_feed(&feed).is_ok_and(|dialect| !dialect.shows_more);
        let Ok(replication) = format!("copy{index}").parse() else {
            continue;
        };
        if !has_records {
            continue;
        }
        let name = format!("sync/{day}/{nth}/{index}");
        let mut dice = Dice::new(dice::pair(sim.world().story.seed, dice::name(&name)));
        sim.world().restore_copy(index, &mut dice);
        let input = Input {
            at: index,
            replication,
            feed,
            owner: name.clone(),
            is_last: nth == 3,
        };
        let room = Arc::clone(sim);
        sim.spawn(at + dice.below(3_600) as Ms * SECOND, move |task| {
            Box::pin(async move {
                let call = Call {
                    step: NAME,
                    name: name.clone(),
                    owner: name.clone(),
                    comparison: None,
                    is_approved: false,
                    timeout: 60 * MINUTE,
                    after: 0,
                };
                let got = invoke(&room, task, call, input, |c, input| {
                    Box::pin(async move { Ok::<_, StepError>(run(&c, &input).await) })
                });
                let ended = match got.await {
                    Invoked::Done(Ok(ended)) => ended,
                    Invoked::Done(Err(_)) | Invoked::Lost => "lost".to_owned(),
                };
                room.world().synced(&name, &ended);
            })
        });
    }
}

/// One sync; says how it ended.
async fn run(container: &Arc<Container>, input: &Input) -> String {
    match copy(container, input).await {
        Ok(ended) => ended.to_owned(),
        Err(error) => {
            let text = with_causes(&error);
            let mut world = container.place.sim.world();
            world.look_for_secrets("an error", &text);
            world.tell(2, || format!("{}: {text}", input.owner));
            format!("failed: {}", error.name())
        }
    }
}

async fn copy(container: &Arc<Container>, input: &Input) -> Result<&'static str, RecordsError> {
    let env: &Env = &container.env;
    let spec = ResourceSpec {
        replication: input.replication.clone(),
        feed: input.feed.clone(),
        select: String::new(),
        expand: Vec::new(),
        full: Full::Never,
    };
    let generation = format!("{:016x}", env.entropy.bits()?);
    let now = env.clock.now();
    let mut log = Log::open(&*env.objects, &input.replication, &generation, now).await?;
    let mut pulled = Err(None);
    for _ in 0..PULLS {
        match pull(env, &spec, &mut log, &input.owner).await {
            Ok(done) => match done.outcome {
                Outcome::More => {}
                Outcome::Throttled(wait) if wait <= LONGEST_WAIT => env.clock.sleep(wait).await,
                Outcome::Throttled(_) => {
                    pulled = Ok("behind");
                    break;
                }
                Outcome::Busy => {
                    pulled = Ok("skipped");
                    break;
                }
                Outcome::Done => {
                    pulled = Ok("done");
                    break;
                }
            },
            Err(error) => {
                log = Log::open(&*env.objects, &input.replication, &generation, now).await?;
                pulled = Err(Some(error));
                break;
            }
        }
    }
    let mut copy = SimCopy::new(&container.place, input.at);
    let clock = Arc::clone(&env.clock);
    let name = input.replication.as_str();
    apply(&log, name, &mut copy, &move || clock.now()).await?;
    if input.is_last {
        prove(&log, name, &mut copy, env.clock.now()).await?;
    }
    match pulled {
        Ok(ended) => Ok(ended),
        Err(Some(error)) => Err(error),
        Err(None) => Ok("without an end"),
    }
}
