//! `livelist approve` and `reject`: a person's word on a held result. Approving runs the publisher
//! again, which publishes only if the head is still the one that the run compared with.

use std::io::Write;

use livelist_model::layout;
use livelist_model::record::{RunRecord, RunState};
use livelist_steps::{publish, release};
use livelist_store::{Condition, Objects, ObjectsExt, Retention};

use crate::cli::{ApproveArgs, RunArgs};
use crate::context::{env, open_data};
use crate::exit::{Code, Failed};
use crate::runs::record_of;

fn held(record: &RunRecord) -> Result<(), Failed> {
    if record.state == RunState::Held {
        return Ok(());
    }
    Err(Failed::usage(format!(
        "the run {} is {}, not held",
        record.spec.run,
        record.state.as_str()
    )))
}

/// Runs `livelist approve`.
pub async fn approve(
    arguments: ApproveArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let objects = open_data(&arguments.run.data.data)?;
    let record = record_of(&objects, &arguments.run.run).await?;
    held(&record)?;
    let (Some(reason), Some(resume)) = (record.held_reason, record.resume) else {
        return Err(Failed::because(
            "the run's record does not say what to publish",
        ));
    };
    if !reason.can_be_approved() {
        return Err(Failed::usage(format!(
            "a run held for {} cannot be approved: its scan is not proved complete. The next run \
             looks again",
            reason.as_str()
        )));
    }
    // Publishing asks no provider, so the registry and its secrets are not needed.
    let (env, _) = env(
        &arguments.run.data.data,
        &arguments.run.data.data,
        environment,
    )?;
    let (run, owner) = (record.spec.clone(), "operator".to_owned());
    let input = publish::Input {
        run: run.clone(),
        owner: owner.clone(),
        comparison: resume.comparison,
        confirmation: resume.confirmation,
        approved: true,
    };
    let published = publish::run(&env, input).await;
    release::run(
        &env,
        release::Input {
            run,
            owner,
            failure: None,
        },
    )
    .await?;
    let output = published?;
    if output.outcome == publish::Outcome::Stale {
        return Err(Failed::usage(
            "a later run has looked since, or this one was rejected; there is nothing left to approve",
        ));
    }
    let mut out = std::io::stdout().lock();
    let version = output.version.as_deref().unwrap_or("none");
    writeln!(
        out,
        "published {version}: {} keys, {} added, {} removed",
        output.count, output.added, output.removed
    )?;
    Ok(Code::Ok)
}

/// Runs `livelist reject`.
pub async fn reject(arguments: RunArgs) -> Result<Code, Failed> {
    let objects = open_data(&arguments.data.data)?;
    let record = record_of(&objects, &arguments.run).await?;
    held(&record)?;
    let feed = record.spec.feed.feed.clone();
    let key = layout::run_record(&feed, &record.spec.run);
    let rejected = RunRecord {
        state: RunState::Rejected,
        resume: None,
        ..record
    };
    objects
        .write_json(&key, &rejected, Condition::Always, Retention::Scratch)
        .await?;
    // Its removals no longer count as seen once.
    let note = layout::held(&feed);
    let held = objects
        .read_json::<livelist_model::head::Held>(&note)
        .await?;
    if let Some((held, etag)) = held
        && held.run == rejected.spec.run
    {
        objects.delete(&note, Condition::Unchanged(etag)).await?;
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "rejected {}; the head stays", rejected.spec.run)?;
    Ok(Code::Ok)
}
