//! `livelist status`: shows the state of all feeds, and of the copies of records; those that need attention
//! come first.

use std::io::Write;

use anstyle::AnsiColor;
use jiff::{SignedDuration, Timestamp};
use livelist_model::syncs::{CopyProof, Proved};
use livelist_ops::copies::CopyStatus;
use livelist_ops::status::{FeedState, FeedStatus, Starts, Status, read};

use livelist_store::{Clock, SystemClock};

use crate::cli::{Flags, StatusArgs};
use crate::exit::{Code, Failed};
use crate::serve::lock;
use crate::text::{NONE, or_none, out, painted, signed, since, span, table};
use crate::world::{Place, World};
use crate::{disk, machine};

/// The errors about the account: the reference to it is shown with them.
const CREDENTIAL_ERRORS: [&str; 4] = [
    "AccessDenied",
    "AuthorizationFailed",
    "SecretInvalid",
    "SecretMissing",
];

/// Runs `livelist status`.
pub async fn run(
    arguments: StatusArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let flags = arguments.place.flags(&environment);
    let world = World::with_registry(&arguments.place, environment).await?;
    let starts = match &world.place {
        Place::Aws(_) => Starts::OnceADay,
        Place::Machine(machine) => match lock::is_held(machine.data.root()) {
            true => Starts::AtTheTime,
            false => Starts::Computed,
        },
    };
    let mut status = read(&world.env.objects, starts, world.env.clock.now()).await?;
    if let Place::Machine(machine) = &world.place {
        status.troubles = disk::troubles(machine.data.root());
        status.add_progress(&machine::progress(machine.data.root(), SystemClock.now()));
    }
    let is_whole =
        arguments.feed.is_none() && arguments.mls.is_none() && arguments.client.is_none();
    let machine = match &world.place {
        Place::Machine(of) if is_whole && !arguments.json && !arguments.trouble => {
            Some(machine::health(of.data.root(), &*world.env.objects, &status).await?)
        }
        _ => None,
    };
    status.feeds.retain(|feed| is_asked_for(feed, &arguments));
    status
        .copies
        .retain(|copy| copy_is_asked_for(copy, &arguments));
    let mut out = out();
    if arguments.json {
        for feed in &status.feeds {
            writeln!(out, "{}", serde_json::to_string(feed)?)?;
        }
        for copy in &status.copies {
            writeln!(out, "{}", serde_json::to_string(copy)?)?;
        }
    } else {
        out.write_all(&overview(&status, &arguments, &flags)?)?;
        if let Some(health) = &machine {
            writeln!(out, "\nMACHINE")?;
            for line in machine::told(health) {
                writeln!(out, "{line}")?;
            }
        }
    }
    out.flush()?;
    for told in status.findings.iter().chain(&status.troubles) {
        writeln!(std::io::stderr(), "livelist: {told}")?;
    }
    let in_trouble = status.feeds.iter().any(|feed| feed.state.is_trouble());
    let copy_in_trouble = status.copies.iter().any(|copy| copy.state.is_trouble());
    let trouble = in_trouble || copy_in_trouble || !status.troubles.is_empty();
    if !arguments.check {
        return Ok(Code::Ok);
    }
    let registry = match status.findings.is_empty() {
        true => Code::Ok,
        false => Code::Usage,
    };
    Ok(match trouble {
        true => Code::Held,
        false => registry,
    })
}

fn is_asked_for(feed: &FeedStatus, arguments: &StatusArgs) -> bool {
    let clients = &feed.clients;
    arguments.feed.as_ref().is_none_or(|f| *f == feed.feed)
        && arguments.mls.as_ref().is_none_or(|mls| *mls == feed.mls)
        && arguments
            .client
            .as_ref()
            .is_none_or(|asked| clients.iter().any(|c| c.client == *asked))
        && (!arguments.trouble || feed.state.is_trouble())
}

/// Copies are of no feed and no client.
fn copy_is_asked_for(copy: &CopyStatus, arguments: &StatusArgs) -> bool {
    arguments.feed.is_none()
        && arguments.client.is_none()
        && arguments.mls.as_ref().is_none_or(|mls| *mls == copy.mls)
        && (!arguments.trouble || copy.state.is_trouble())
}

fn overview(status: &Status, arguments: &StatusArgs, flags: &Flags) -> Result<Vec<u8>, Failed> {
    let Status { at: now, feeds, .. } = status;
    let mut text = Vec::new();
    if !feeds.is_empty() {
        let head = [
            "FEED",
            "STATE",
            ">LIVE",
            ">CHANGE",
            ">AS OF",
            ">LAST ACK",
            ">NEXT RUN",
            "WHY",
        ];
        text = table(&head, feeds.iter().map(|feed| row(feed, *now)));
        writeln!(text)?;
    }
    match feeds.is_empty() && arguments.trouble {
        true => writeln!(text, "no feed is in trouble")?,
        false => writeln!(text, "{}", sums(feeds))?,
    }
    if feeds
        .iter()
        .any(|feed| feed.next_run_computed && feed.next_run_at.is_some())
    {
        writeln!(
            text,
            "NEXT RUN is computed from the last run: no `livelist serve` works on this data"
        )?;
    }
    for feed in feeds.iter().filter(|feed| feed.state.is_trouble()) {
        let (Some(why), Some(advice)) = (&feed.why, &feed.advice) else {
            continue;
        };
        writeln!(text, "\n{} is {}: {why}", feed.feed, lower(feed.state))?;
        writeln!(text, "  {advice}")?;
        if let Some(pause) = &feed.pause {
            writeln!(text, "  {pause}; no run looks again until it is resumed")?;
        }
        if CREDENTIAL_ERRORS.contains(&why.as_str()) {
            let (credential, mls) = (&feed.credential, &feed.mls);
            writeln!(text, "  credential {credential}")?;
            writeln!(text, "  livelist probe {mls}{}", flags.registry)?;
        }
        if let Some(run) = &feed.last_run {
            writeln!(text, "  livelist show {}{}", run.run, flags.both)?;
        }
    }
    if !status.copies.is_empty() {
        writeln!(text)?;
        text.extend(copies(&status.copies, *now)?);
    }
    Ok(text)
}

/// The copies of records.
fn copies(copies: &[CopyStatus], now: Timestamp) -> Result<Vec<u8>, Failed> {
    let head = [
        "REPLICATION",
        "DESTINATION",
        "STATE",
        ">LAST PASS",
        "OUTCOME",
        ">POSITION",
        ">LAG",
        ">PROVED",
        "FOUND",
        "WHY",
    ];
    let rows = copies.iter().map(|copy| {
        let pass = copy.last_pass.as_ref();
        let lag = copy.lag_seconds.map(SignedDuration::from_secs);
        let proof = copy.proof.as_ref();
        vec![
            copy.replication.to_string(),
            copy.destination.to_string(),
            coloured(copy.state),
            pass.map_or_else(|| NONE.to_owned(), |pass| since(pass.ended_at, now)),
            or_none(pass.map(|pass| pass.outcome.as_str())),
            copy.position.to_string(),
            or_none(lag.map(span)),
            proof.map_or_else(|| NONE.to_owned(), |proof| since(proof.at, now)),
            proof.map_or_else(|| NONE.to_owned(), found),
            copy.why.clone().unwrap_or_default(),
        ]
    });
    let mut text = table(&head, rows);
    for copy in copies.iter().filter(|copy| copy.state.is_trouble()) {
        let why = copy.why.as_deref().unwrap_or_default();
        let (replication, destination) = (&copy.replication, &copy.destination);
        let state = lower(copy.state);
        writeln!(text, "\n{replication} in {destination} is {state}: {why}")?;
        if let Some(error) = &copy.error {
            writeln!(text, "  {}", error.message)?;
        }
        if let Some(advice) = copy.advice {
            writeln!(text, "  {advice}")?;
        }
    }
    Ok(text)
}

/// What a proof found, in a few words.
fn found(proof: &CopyProof) -> String {
    match proof.outcome {
        Proved::Differs => format!(
            "{} missing, {} stale, {} extra, {} mended",
            proof.missing, proof.stale, proof.extra, proof.mended
        ),
        other => other.as_str().replace('_', " "),
    }
}

fn lower(state: FeedState) -> String {
    state.words().to_lowercase()
}

fn row(feed: &FeedStatus, now: Timestamp) -> Vec<String> {
    let age = feed.age_seconds.map(SignedDuration::from_secs);
    vec![
        feed.feed.to_string(),
        coloured(feed.state),
        or_none(feed.live),
        feed.change.map_or_else(|| NONE.to_owned(), signed),
        age.map_or_else(|| NONE.to_owned(), |age| format!("{} ago", span(age))),
        feed.last_ack_at
            .map_or_else(|| NONE.to_owned(), |at| since(at, now)),
        feed.next_run_at
            .map_or_else(|| NONE.to_owned(), |at| since(at, now)),
        match (&feed.why, feed.paused && feed.state == FeedState::Held) {
            (Some(why), true) => format!("{why}; paused"),
            (why, _) => why.clone().unwrap_or_default(),
        },
    ]
}

fn coloured(state: FeedState) -> String {
    let colour = match state {
        FeedState::Failed => AnsiColor::Red,
        FeedState::Held | FeedState::Delayed => AnsiColor::Yellow,
        FeedState::InProgress => AnsiColor::Cyan,
        FeedState::OnTime => AnsiColor::Green,
        FeedState::Disabled => AnsiColor::BrightBlack,
    };
    painted(state.words(), colour)
}

/// `5 feeds: 1 held, 4 on time`.
fn sums(feeds: &[FeedStatus]) -> String {
    let counts: Vec<String> = FeedState::ALL
        .into_iter()
        .map(|state| (state, feeds.iter().filter(|f| f.state == state).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| format!("{count} {}", lower(state)))
        .collect();
    let noun = if feeds.len() == 1 { "feed" } else { "feeds" };
    match counts.is_empty() {
        true => "no feeds".to_owned(),
        false => format!("{} {noun}: {}", feeds.len(), counts.join(", ")),
    }
}
