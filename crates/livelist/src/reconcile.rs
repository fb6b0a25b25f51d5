//! `livelist reconcile`: every pair that is due, in this process. Feeds run at once, those of one
//! credential after each other; one bad MLS delays nobody else (F15).

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use livelist_model::head::Head;
use livelist_model::layout;
use livelist_model::plan::{PairDue, Selection, plan};
use livelist_model::record::{RunRecord, RunState};
use livelist_model::registry::Registry;
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_ops::rerun;
use livelist_reso::Dialects;
use livelist_steps::Env;
use livelist_steps::chain::{self, Stage};
use livelist_store::pauses::read_pauses;
use livelist_store::registry::read_registry;
use livelist_store::{Entropy, ObjectsExt, SystemEntropy};

use crate::approve::{operator, rerun_on_aws};
use crate::cli::{ReconcileArgs, RerunArgs};
use crate::context::{env, open_registry};
use crate::exit::{Code, Failed};
use crate::notices;
use crate::report::{Line, table};
use crate::world::{Place, World};

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
    let (mut registry, findings) = read_registry(&*env.objects, &Dialects).await?;
    read_pauses(&*env.objects).await?.apply(&mut registry);
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
    let groups = by_credential(&registry, &planned.due);
    let shared = Shared {
        env: Arc::new(env),
        owner: owner()?,
        bars: bars(arguments.json),
        json: arguments.json,
    };
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
    // A site that cannot be told changes nothing in how the reconciliation ended.
    let notifier = notices::notifier(
        &arguments.registry.registry,
        &data,
        environment,
        arguments.notify,
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

/// Runs `livelist rerun`: on one machine in this process.
pub async fn rerun(
    arguments: RerunArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let by = operator(&environment);
    let World { env, place } = World::with_registry(&arguments.place, environment.clone()).await?;
    let machine = match place {
        Place::Machine(machine) => machine,
        Place::Aws(_) => return rerun_on_aws(&env, &arguments.feed, &by).await,
    };
    let run = rerun::prepare(&*env.objects, &arguments.feed, env.clock.now()).await?;
    let shared = Shared {
        env: Arc::new(env),
        owner: owner()?,
        bars: bars(arguments.json),
        json: arguments.json,
    };
    let line = shared.reconcile(run).await;
    let mut out = std::io::stdout().lock();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string(&line)?)?,
        false => write!(out, "{}", table(std::slice::from_ref(&line), 1, 0))?,
    }
    drop(out);
    let registry = machine.registry.unwrap_or_default();
    let notifier = notices::notifier(&registry, &machine.data, environment, arguments.notify)?;
    let (known, _) = read_registry(&*shared.env.objects, &Dialects).await?;
    notices::tell(&notifier, &machine.data, &known, false).await?;
    Ok(line.code())
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

/// The distinct feeds among the pairs, grouped by credential.
fn by_credential(registry: &Registry, due: &[PairDue]) -> Vec<Vec<RunSpec>> {
    let mut groups: BTreeMap<String, BTreeMap<String, RunSpec>> = BTreeMap::new();
    for pair in due {
        let specs = registry.clients.get(&pair.client).into_iter();
        let feed = specs
            .flat_map(|client| registry.feeds_of(client))
            .find(|feed: &FeedSpec| feed.feed == pair.feed);
        if let Some(feed) = feed {
            let group = groups.entry(feed.credential.to_string()).or_default();
            group.insert(pair.run.to_string(), RunSpec::of(pair.date, feed));
        }
    }
    groups
        .into_values()
        .map(|group| group.into_values().collect())
        .collect()
}

/// Names this process among those that share the directory.
fn owner() -> Result<String, Failed> {
    let bits = SystemEntropy.bits().map_err(|e| Failed::internal(&e))?;
    Ok(format!("process-{}-{bits:016x}", std::process::id()))
}

fn bars(json: bool) -> Option<MultiProgress> {
    (!json && std::io::stderr().is_terminal()).then(MultiProgress::new)
}

struct Shared {
    env: Arc<Env>,
    owner: String,
    bars: Option<MultiProgress>,
    json: bool,
}

impl Shared {
    /// Reconciles the feeds of one credential, one after the other.
    async fn reconcile_group(&self, group: Vec<RunSpec>) -> Result<Vec<Line>, Failed> {
        let mut lines = Vec::with_capacity(group.len());
        for run in group {
            let run = self.next_attempt(run).await?;
            let line = self.reconcile(run).await;
            if self.json {
                let mut out = std::io::stdout().lock();
                writeln!(out, "{}", serde_json::to_string(&line)?)?;
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// The same run if it has not ended, else the day's next attempt.
    async fn next_attempt(&self, run: RunSpec) -> Result<RunSpec, Failed> {
        for nth in 0.. {
            let id = run.run.attempt(nth);
            let key = layout::run_record(&run.feed.feed, &id);
            let record = self.env.objects.read_json::<RunRecord>(&key).await;
            match record {
                Ok(Some((record, _))) if record.state != RunState::Running => {}
                Ok(_) => return Ok(RunSpec { run: id, ..run }),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(run)
    }

    async fn reconcile(&self, run: RunSpec) -> Line {
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
        let ended = chain::reconcile(&self.env, run.clone(), &self.owner, &watch).await;
        let objects = &self.env.objects;
        let key = layout::run_record(&run.feed.feed, &run.run);
        let record = objects.read_json::<RunRecord>(&key).await;
        let record = record.ok().flatten().map(|(record, _)| record);
        let key = layout::head(&run.feed.feed);
        let head = objects.read_json::<Head>(&key).await;
        let head = head.ok().flatten().map(|(head, _)| head);
        let line = Line::of(&run, ended, record, head.as_ref());
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
        Stage::Scanning { rows, pages } => format!("{rows} rows, {pages} pages"),
        Stage::Throttled { seconds } => format!("throttled: waits {seconds} s"),
        Stage::Comparing => "comparing".to_owned(),
        Stage::Confirming { asked, of } => format!("confirming {asked} of {of}"),
        Stage::Publishing => "publishing".to_owned(),
    }
}
