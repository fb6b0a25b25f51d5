//! `livelist-hostile`: plays worlds, reports the results, and shortens stories that go wrong.

mod report;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use clap::{Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use livelist_hostile::shrink::shrink;
use livelist_hostile::story::contrary::{self, Contradictions};
use livelist_hostile::tally::Tally;
use livelist_hostile::{Cut, play};

/// Hostile years of Livelist in a minute.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Plays worlds until they have so many days.
    Campaign {
        /// How many simulated days.
        #[arg(long, default_value_t = 10_000)]
        days: u64,
        /// The first seed; the others follow.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Worlds at once.
        #[arg(long, default_value_t = 2)]
        threads: u64,
        /// Servers contradict: all of it, some, such as ties+slips, or lists: of three worlds one without,
        /// one with a single contradiction, one with all; or mixed: the same, and every second world copies
        /// records.
        #[arg(long, value_name = "SOME", num_args = 0..=1, default_missing_value = "all")]
        contradict: Option<String>,
        /// The table as Markdown.
        #[arg(long)]
        markdown: bool,
    },
    /// Plays one story and tells it.
    Replay {
        /// A seed, and what is left out.
        story: Cut,
        /// 1 what happened, 2 errors of steps as well, 3 every request.
        #[arg(long, default_value_t = 1)]
        tell: u8,
    },
    /// Makes a story that goes wrong shorter, and tells it.
    Shrink {
        /// A seed, and what is left out.
        story: Cut,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Campaign {
            days,
            seed,
            threads,
            contradict,
            markdown,
        } => ways(contradict.as_deref())
            .and_then(|ways| campaign(days, seed, threads.max(1), &*ways, markdown)),
        Command::Replay { story, tell } => replay(&story, tell),
        Command::Shrink { story } => shorten(&story),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody is left to tell when stderr is closed.
            let _ = writeln!(io::stderr(), "livelist-hostile: {error}");
            ExitCode::from(2)
        }
    }
}

/// How the servers of the world of a seed contradict.
type Ways = dyn Fn(u64) -> Contradictions + Sync;

fn ways(contradict: Option<&str>) -> Result<Box<Ways>, String> {
    let some = match contradict {
        Some("mixed") => return Ok(Box::new(contrary::mixed)),
        Some("lists") => return Ok(Box::new(contrary::lists)),
        Some(some) => contrary::read(some)?,
        None => Contradictions::new(),
    };
    Ok(Box::new(move |_| some.clone()))
}

fn say(line: &str) -> Result<(), String> {
    writeln!(io::stdout(), "{line}").map_err(|e| e.to_string())
}

fn replay(story: &Cut, tell: u8) -> Result<bool, String> {
    let report = play(story, Some(tell))?;
    for line in &report.tale {
        say(line)?;
    }
    say(&format!("log {:016x}", report.log))?;
    Ok(report.violations.is_empty())
}

fn shorten(story: &Cut) -> Result<bool, String> {
    let (cut, report) = shrink(story)?;
    for line in &report.tale {
        say(line)?;
    }
    say(&format!("\nlivelist-hostile replay {cut}"))?;
    Ok(false)
}

/// Plays worlds on several threads until they have so many days together, or one goes wrong.
fn campaign(
    days: u64,
    first: u64,
    threads: u64,
    ways: &Ways,
    markdown: bool,
) -> Result<bool, String> {
    let bar = ProgressBar::new(days);
    let style = "{bar:40} {pos}/{len} days  {per_sec}  {msg}  {eta} left";
    bar.set_style(ProgressStyle::with_template(style).map_err(|e| e.to_string())?);
    let next = AtomicU64::new(first);
    let stop = AtomicBool::new(false);
    let total = Mutex::new((Tally::default(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let cut = Cut::from(seed).contradicted(ways(seed));
                    let played = play(&cut, None);
                    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
                    match played {
                        Ok(report) => {
                            total.0.add(&report.tally);
                            if !report.violations.is_empty() {
                                total
                                    .1
                                    .push((cut.to_string(), report.violations.join("; ")));
                            }
                        }
                        Err(error) => total.1.push((cut.to_string(), error)),
                    }
                    bar.set_position(total.0.days.min(days));
                    bar.set_message(format!("{} went wrong", total.1.len()));
                    if total.0.days >= days || total.1.len() >= 10 {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let taken = bar.elapsed();
    bar.finish_and_clear();
    let (tally, wrong) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    say(&report::table(&tally, &wrong, taken, markdown))?;
    if let Some((story, _)) = wrong.first() {
        return shorten(&story.parse()?);
    }
    Ok(true)
}
