//! `livelist alerts`: the alerts to operators, how their delivery stands, and a test.

use std::io::Write;

use livelist_model::notice::Delivery;
use livelist_model::notice::{Alert, Alerted, DeliveryState};
use livelist_model::registry::ALERTS_FILE;
use livelist_notify::channels;
use livelist_store::alerts::{read_alerts, state};
use livelist_store::{Clock, SystemClock};

use crate::cli::{AlertsArgs, AlertsCommand};
use crate::context::{open_data, open_registry};
use crate::exit::{Code, Failed};
use crate::mail::Smtp;
use crate::notices::notifier;
use crate::overlay::Overlay;
use crate::text::{NONE, or_none, table};

/// Where a test leads to.
const LINK: &str = "livelist status";

/// Runs `livelist alerts …`.
pub async fn run(
    command: AlertsCommand,
    environment: Vec<(String, String)>,
) -> Result<Code, Failed> {
    match command {
        AlertsCommand::List(arguments) => list(&arguments).await,
        AlertsCommand::Test(arguments) => test(&arguments, environment).await,
    }
}

async fn list(arguments: &AlertsArgs) -> Result<Code, Failed> {
    let data = open_data(&arguments.data.data)?;
    let known = state(&data).await?;
    let mut out = std::io::stdout().lock();
    if arguments.json {
        for alerted in known.alerts.iter().rev() {
            writeln!(out, "{}", serde_json::to_string(alerted)?)?;
        }
    } else if known.alerts.is_empty() {
        writeln!(out, "no alerts yet")?;
    } else {
        out.write_all(&shown(known.alerts.iter().rev()))?;
    }
    Ok(Code::Ok)
}

/// Sends a test through each channel, once, and says how it went.
async fn test(arguments: &AlertsArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let registry = open_registry(&arguments.registry.registry)?;
    let data = open_data(&arguments.data.data)?;
    let overlay = Overlay {
        registry,
        data: data.clone(),
    };
    let document = read_alerts(&overlay).await.map_err(Failed::usage)?;
    let channels = channels(&document);
    if channels.is_empty() {
        return Err(Failed::usage(format!(
            "nobody is alerted: write {ALERTS_FILE} into the registry (docs/registry.md)"
        )));
    }
    let notifier = notifier(
        &arguments.registry.registry,
        &data,
        environment,
        arguments.notify,
        std::sync::Arc::new(SystemClock),
    )?;
    let now = SystemClock.now();
    let alert = Alert::test(now, LINK);
    let mut sent = Vec::new();
    for channel in channels {
        let delivery = Delivery::waiting(alert.id(channel), alert.clone(), now);
        let alerted = Alerted { channel, delivery };
        let mut alerted = notifier
            .send_alert(&document, &Smtp::default(), alerted)
            .await;
        // A test is not repeated.
        if alerted.delivery.state == DeliveryState::Waiting {
            alerted.delivery.state = DeliveryState::GivenUp;
            alerted.delivery.next_at = None;
        }
        notifier.record_alert(&alerted).await?;
        sent.push(alerted);
    }
    let mut out = std::io::stdout().lock();
    match arguments.json {
        true => {
            for alerted in &sent {
                writeln!(out, "{}", serde_json::to_string(alerted)?)?;
            }
        }
        false => out.write_all(&shown(sent.iter()))?,
    }
    let arrived = |one: &Alerted| one.delivery.state == DeliveryState::Delivered;
    Ok(match sent.iter().all(arrived) {
        true => Code::Ok,
        false => Code::Failed,
    })
}

fn shown<'a>(alerts: impl Iterator<Item = &'a Alerted>) -> Vec<u8> {
    let head = ["AT", "CHANNEL", "STATE", ">TRIES", "ANSWER", "NEXT", "WHAT"];
    let rows = alerts.map(|Alerted { channel, delivery }| {
        let status = delivery.status.map(|status| status.to_string());
        let parts = status.into_iter().chain(delivery.error.clone());
        let answer = parts.collect::<Vec<_>>().join(" ");
        let subject = delivery.event.subject();
        vec![
            format!("{:.0}", delivery.event.at),
            channel.as_str().to_owned(),
            delivery.state.as_str().to_owned(),
            delivery.attempts.to_string(),
            if answer.is_empty() {
                NONE.to_owned()
            } else {
                answer
            },
            or_none(delivery.next_at.map(|at| format!("{at:.0}"))),
            subject.trim_start_matches("Livelist: ").to_owned(),
        ]
    });
    table(&head, rows)
}
