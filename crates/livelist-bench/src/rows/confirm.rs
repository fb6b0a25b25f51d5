//! Row 4: the requests of confirmation, by dialect. They are counted, not timed.

use livelist_mls::{Provider, RequestKind, Simulator};

use super::Plan;
use crate::Failed;
use crate::child::steps;
use crate::report::{Section, count};
use crate::world::{CREDENTIAL, Feed, MLS, mls};

const LISTINGS: u64 = 20_000;
const SOLD: u64 = 100;

/// Counts it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut rows = Vec::new();
    for provider in Provider::ALL {
        rows.push(runtime.block_on(one(plan, provider))?);
    }
    Ok(Section {
        name: "confirm",
        title: "4. Confirmation",
        what: format!(
            "The second day of a feed of {} listings, of which {SOLD} were sold and none added: \
             requests by dialect, counted by the simulated MLS. Every question about absent keys \
             also \
             names keys that were just seen, as controls.",
            count(LISTINGS)
        ),
        head: vec![
            "dialect",
            "removed",
            "confirmed by",
            "confirmation requests",
            "removals a request",
            "count requests",
            "page requests",
            "requests of the run",
        ],
        rows,
        shows: vec![
            "If keys cannot be asked for, a second scan confirms, and costs the same number of \
             pages again."
                .to_owned(),
        ],
    })
}

async fn one(plan: &Plan, provider: Provider) -> Result<Vec<String>, Failed> {
    let mut spec = mls(provider, LISTINGS);
    // Its cache makes a second scan wait for 20 minutes.
    spec.options.cache_seconds = 0;
    let simulator = Simulator::start(vec![spec.clone()]).await?;
    let endpoint = simulator.endpoints().pop().ok_or("no endpoint")?;
    let feed = Feed::of(&spec, &endpoint, None, CREDENTIAL)?;
    let control = simulator.control(MLS).ok_or("no control")?;
    let data = plan.folder(&format!("confirm-{}", feed.spec.provider));
    steps::counted(feed.job(&data, 20)).await?;
    control.sell(SOLD);
    control.clear_log();
    let whole = steps::counted(feed.job(&data, 21)).await?;
    let log = control.log();
    let of = |kind| log.iter().filter(|r| r.kind == kind).count() as u64;
    let asked = of(RequestKind::Confirm);
    let cells = vec![
        feed.spec.provider.to_string(),
        whole.removed.to_string(),
        if asked > 0 { "key" } else { "second scan" }.to_owned(),
        asked.to_string(),
        if asked > 0 {
            format!("{:.1}", whole.removed as f64 / asked as f64)
        } else {
            "–".to_owned()
        },
        of(RequestKind::Count).to_string(),
        of(RequestKind::Page).to_string(),
        log.len().to_string(),
    ];
    simulator.shutdown().await;
    if whole.removed != SOLD {
        return Err(format!("{} removed of {SOLD}", whole.removed).into());
    }
    Ok(cells)
}
