//! `livelist notices`: the notices to sites, their delivery states, and retries.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use livelist_model::ClientId;
use livelist_model::notice::{Delivery, DeliveryState};
use livelist_model::registry::Registry;
use livelist_notify::{Notifier, Rules, Sender, SystemResolver};
use livelist_reso::Dialects;
use livelist_store::deliveries::recorded;
use livelist_store::directory::DirectoryObjects;
use livelist_store::outbox::ObjectOutbox;
use livelist_store::registry::read_registry;
use livelist_store::secrets::LocalSecrets;
use livelist_store::{Clock, SystemClock, SystemEntropy};
use serde::Serialize;
use tabwriter::TabWriter;

use crate::cli::{NoticesArgs, NotifyArgs};
use crate::exit::{Code, Failed};
use crate::overlay::Overlay;
use crate::world::{Place, World};

/// The notifier for a registry's directory and the data.
pub fn notifier(
    registry: &Path,
    data: &DirectoryObjects,
    environment: Vec<(String, String)>,
    arguments: NotifyArgs,
    clock: Arc<dyn Clock>,
) -> Result<Notifier, Failed> {
    let rules = Rules {
        loopback: arguments.notify_loopback,
    };
    let sender = Sender::new(rules, Arc::new(SystemResolver)).map_err(|e| Failed::internal(&e))?;
    let overlay = Overlay {
        registry: DirectoryObjects::reading(registry),
        data: data.clone(),
    };
    Ok(Notifier::new(
        Arc::new(overlay),
        Arc::new(LocalSecrets::new(environment, registry.to_owned())),
        clock,
        Arc::new(SystemEntropy),
        sender,
    ))
}

/// Takes the runs' events out of the outbox, sends due notices (or `all` that wait), and reports on
/// standard error if one is not delivered.
pub async fn tell(
    notifier: &Notifier,
    data: &DirectoryObjects,
    registry: &Registry,
    all: bool,
) -> Result<(), Failed> {
    let outbox = ObjectOutbox::new(Arc::new(data.clone()));
    notifier.take_up(&outbox, registry).await?;
    let round = notifier.send_due(all).await?;
    if round.waiting + round.given_up > 0 {
        let mut out = std::io::stderr().lock();
        writeln!(
            out,
            "livelist: notices: {} delivered, {} to be tried again, {} given up; `livelist \
             notices` lists them",
            round.delivered, round.waiting, round.given_up
        )?;
    }
    Ok(())
}

/// A notice as `--json` shows it.
#[derive(Serialize)]
struct Line<'a> {
    client: &'a ClientId,
    #[serde(flatten)]
    delivery: &'a Delivery,
}

/// Runs `livelist notices`.
pub async fn run(
    arguments: NoticesArgs,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    let World { env, place } = match arguments.retry {
        true => World::with_registry(&arguments.place, environment.clone()).await?,
        false => World::open(&arguments.place, environment.clone()).await?,
    };
    if let (true, Place::Machine(machine)) = (arguments.retry, &place) {
        let registry = machine.registry.as_deref().unwrap_or(machine.data.root());
        let clock = Arc::new(SystemClock);
        let notifier = notifier(
            registry,
            &machine.data,
            environment,
            arguments.notify,
            clock,
        )?;
        let (registry, _) = read_registry(&*env.objects, &Dialects).await?;
        tell(&notifier, &machine.data, &registry, true).await?;
    }
    let recorded = recorded(&*env.objects, arguments.client.as_ref()).await?;
    let mut lines: Vec<Line<'_>> = recorded
        .iter()
        .flat_map(|all| {
            all.deliveries.iter().map(|delivery| Line {
                client: &all.client,
                delivery,
            })
        })
        .filter(|line| {
            arguments
                .feed
                .as_ref()
                .is_none_or(|f| *f == line.delivery.event.feed)
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.delivery.event.at));
    let mut out = std::io::stdout().lock();
    if arguments.json {
        for line in &lines {
            writeln!(out, "{}", serde_json::to_string(line)?)?;
        }
    } else if lines.is_empty() {
        writeln!(out, "no notices yet")?;
    } else {
        out.write_all(table(&lines)?.as_bytes())?;
    }
    Ok(Code::Ok)
}

fn table(lines: &[Line<'_>]) -> Result<String, Failed> {
    let mut table = TabWriter::new(Vec::new());
    writeln!(table, "AT\tCLIENT\tFEED\tEVENT\tSTATE\tTRIES\tANSWER\tNEXT")?;
    for Line { client, delivery } in lines {
        let event = &delivery.event;
        let status = delivery.status.map(|status| status.to_string());
        let answer = match (&status, &delivery.error) {
            (Some(status), Some(error)) => format!("{status} {error}"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
            (None, None) => "-".to_owned(),
        };
        let next = match (delivery.state, delivery.next_at) {
            (DeliveryState::Waiting, Some(at)) => format!("{at:.0}"),
            _ => "-".to_owned(),
        };
        writeln!(
            table,
            "{:.0}\t{client}\t{}\t{}\t{}\t{}\t{answer}\t{next}",
            event.at,
            event.feed,
            event.kind.as_str(),
            delivery.state.as_str(),
            delivery.attempts,
        )?;
    }
    let bytes = table
        .into_inner()
        .map_err(|e| Failed::internal(e.error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
