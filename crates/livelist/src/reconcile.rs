//! `livelist reconcile`: runs every pair that is due, in this process. Feeds run concurrently, those of one
//! credential one after the other; one bad MLS does not affect the others (F15).

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use livelist_model::agenda::copied;
use livelist_model::plan::{PairDue, Selection, plan};
use livelist_model::registry::Registry;
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_model::with_causes;
use livelist_reso::Dialects;
use livelist_steps::Env;
use livelist_steps::chain::Stage;
use livelist_steps::records::scans;
use livelist_store::SystemClock;
use livelist_store::pauses::read_unpaused_with_records;

use crate::cli::ReconcileArgs;
use crate::context::{env, open_registry};
use crate::exit::{Code, Failed};
use crate::report::{Line, table};
use crate::runner::{Runner, by_credential};
use crate::{logs, notices};

/// Runs `livelist reconcile`.
pub async fn run(
    arguments: ReconcileArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    open_registry(&arguments.registry.registry)?;
    let (env, data) = env(
        &arguments.registry.registry,
        &arguments.data.data,
        environment.clone(),
    )?;
    logs::open(&arguments.data.data)?;
    let (registry, findings) = read_unpaused_with_records(&*env.objects, &Dialects).await?;
    let mut error_output = std::io::stderr().lock();
    for finding in &findings {
        writeln!(error_output, "livelist: {finding}")?;
    }
    drop(error_output);
    let date = arguments
        .date
        .unwrap_or_else(|| env.clock.now().to_zoned(jiff::tz::TimeZone::UTC).date());
    check_names(&arguments, &registry)?;
    let only = Selection {
        mls: arguments.mls.clone(),
        client: arguments.client.clone(),
    };
    let planned = plan(&registry, date, &only);
    let mut due: Vec<RunSpec> = runs(&registry, &planned.due).collect();
    due.extend(of_replications(&env, &registry, date, &only).await);
    let groups = by_credential(due);
    let shared = Shared::new(env, arguments.json)?;
    let mut lines: Vec<Line> = stream::iter(groups)
        .map(|group| shared.reconcile_group(group))
        .buffer_unordered(usize::from(arguments.jobs))
        .collect::<Vec<_>>()
        .await
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect();
    lines.sort_by(|a, b| a.run.cmp(&b.run));
    if !arguments.json {
        let mut out = std::io::stdout().lock();
        write!(out, "{}", table(&lines, planned.due.len(), planned.not_due))?;
    }
    // A site that cannot be notified does not change the result of the reconciliation.
    let notifier = notices::notifier(
        &arguments.registry.registry,
        &data,
        environment,
        arguments.notify,
        Arc::new(SystemClock),
    )?;
    notices::tell(&notifier, &data, &registry, false).await?;
    let retention = Duration::from_secs(u64::from(arguments.retention_days) * 24 * 3_600);
    if let Err(error) = data.sweep(retention).await {
        tracing::warn!(%error, "old objects were not removed");
    }
    let worst = lines.iter().map(Line::code).max().unwrap_or(Code::Ok);
    Ok(if findings.is_empty() {
        worst
    } else {
        worst.max(Code::Usage)
    })
}

fn check_names(arguments: &ReconcileArgs, registry: &Registry) -> Result<(), Failed> {
    if let Some(mls) = &arguments.mls
        && !registry.mls.contains_key(mls)
    {
        return Err(Failed::usage(format!(
            "the registry has no sound document mls/{mls}.json"
        )));
    }
    if let Some(client) = &arguments.client
        && !registry.clients.contains_key(client)
    {
        let file = format!("clients/{client}.json");
        return Err(Failed::usage(format!(
            "the registry has no sound document {file}"
        )));
    }
    Ok(())
}

/// The runs of the pairs.
fn runs<'a>(registry: &'a Registry, due: &'a [PairDue]) -> impl Iterator<Item = RunSpec> + 'a {
    due.iter().filter_map(|pair| {
        let client = registry.clients.get(&pair.client)?;
        let mut feeds = registry.feeds_of(client);
        let feed = feeds.find(|feed| feed.feed == pair.feed)?;
        let stamps = pair.stamps;
        Some(RunSpec::of(pair.date, FeedSpec { stamps, ..feed }))
    })
}

/// The runs of feeds that replications alone have, as soon as their keys are known.
async fn of_replications(
    env: &Env,
    registry: &Registry,
    date: jiff::civil::Date,
    only: &Selection,
) -> Vec<RunSpec> {
    let mut runs = Vec::new();
    if only.client.is_some() {
        return runs;
    }
    for (replication, feed) in copied(registry) {
        let is_meant = only.mls.as_ref().is_none_or(|mls| *mls == feed.mls);
        if !is_meant || !feed.schedule.is_due(date) {
            continue;
        }
        match scans::keyed(&*env.objects, &replication, feed).await {
            Ok(feed) => runs.extend(feed.map(|feed| RunSpec::of(date, feed))),
            Err(error) => {
                let error = with_causes(&error);
                tracing::warn!(%replication, error, "a feed of the replication is not scanned");
            }
        }
    }
    runs
}

/// What the runs of one command share.
pub struct Shared {
    /// Runs them.
    pub runner: Runner,
    bars: Option<MultiProgress>,
    json: bool,
}

impl Shared {
    /// Runs over `env`, with output as JSON or as progress bars.
    pub fn new(env: Env, json: bool) -> Result<Shared, Failed> {
        Ok(Shared {
            runner: Runner::new(Arc::new(env))?,
            bars: (!json && std::io::stderr().is_terminal()).then(MultiProgress::new),
            json,
        })
    }

    /// Reconciles the feeds of one credential, one after the other.
    async fn reconcile_group(&self, group: Vec<RunSpec>) -> Result<Vec<Line>, Failed> {
        let mut lines = Vec::with_capacity(group.len());
        for run in group {
            let run = self.runner.next_attempt(run).await?;
            let line = self.reconcile(run).await;
            if self.json {
                let mut out = std::io::stdout().lock();
                writeln!(out, "{}", serde_json::to_string(&line)?)?;
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// Reconciles one feed.
    pub async fn reconcile(&self, run: RunSpec) -> Line {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new_spinner());
            bar.set_style(style());
            bar.set_prefix(run.feed.feed.to_string());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let watch = |stage: Stage| {
            if let Some(bar) = &bar {
                bar.set_message(words(stage));
            }
        };
        let line = self.runner.reconcile(run, &watch).await;
        if let Some(bar) = &bar {
            bar.finish_with_message(line.outcome.to_owned());
        }
        line
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {prefix:40!} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn words(stage: Stage) -> String {
    match stage {
        Stage::Waiting => "waits for the credential".to_owned(),
        Stage::Authorizing => "authorizing".to_owned(),
        Stage::Scanning { rows, pages, count } => match count {
            Some(count) => format!("{rows} of {count} rows, {pages} pages"),
            None => format!("{rows} rows, {pages} pages"),
        },
        Stage::Throttled { seconds } => format!("throttled: waits {seconds} s"),
        Stage::Comparing => "comparing".to_owned(),
        Stage::Confirming { asked, of } => format!("confirming {asked} of {of}"),
        Stage::Publishing => "publishing".to_owned(),
    }
}
