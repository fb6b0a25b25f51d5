//! Row 5: the HTTP API on one core.

use std::path::Path;

use livelist_mls::Provider;
use livelist_model::codec::digest;

use super::{Plan, Provided};
use crate::Failed;
use crate::child::api::{Ask, Asked};
use crate::child::steps::Whole;
use crate::machine::{cpu_of, peak_of};
use crate::pages::Listening;
use crate::process::{Server, child};
use crate::report::{Section, count, verdict};
use crate::world::MLS;

const KEY: &str = "ll1.bench.6f1c2a9be47d40d3a5b8";
const RATE: f64 = 1_000.0;
const P99: f64 = 20.0;
const KEYS_ASKED: usize = 5_000;

struct Case {
    name: String,
    path: String,
    etag: Option<String>,
    body: Option<String>,
    rate: f64,
    requests: u32,
    status: u16,
}

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let keys = plan.keys(1_000_000);
    let data = plan.folder("api");
    let feed = published(keys, &data)?;
    let live = format!("/v1/feeds/{feed}/live");
    let (first, _) = asked(&data, &manifest(&live, RATE, 1, None, 200))?;
    let seconds = if plan.small { 1 } else { 5 };
    let mut body = Vec::new();
    for nth in 0..KEYS_ASKED {
        // Half of these are on no list.
        body.push(format!("\"{}\"", 1_000_000 + nth * 199_999));
    }
    let body = format!("{{\"keys\":[{}]}}", body.join(","));
    let many = RATE as u32 * seconds;
    let cases = [
        manifest(&live, RATE, many, None, 200),
        manifest(&live, RATE, many, first.etag.clone(), 304),
        manifest(&live, 4.0 * RATE, 4 * many, None, 200),
        Case {
            name: format!("check of {} keys, 2/s", count(KEYS_ASKED as u64)),
            path: format!("/v1/feeds/{feed}/check"),
            etag: None,
            body: Some(body),
            rate: 2.0,
            requests: 4 * seconds,
            status: 200,
        },
    ];
    let mut rows = Vec::new();
    let mut shows = Vec::new();
    for case in &cases {
        let (answered, usage) = asked(&data, case)?;
        let at = |part: f64| {
            let last = answered.latencies.len().saturating_sub(1) as f64;
            let nth = (last * part) as usize;
            answered
                .latencies
                .get(nth)
                .copied()
                .unwrap_or(f64::INFINITY)
        };
        let rate = f64::from(case.requests) / answered.seconds;
        rows.push(vec![
            case.name.clone(),
            format!("{rate:.0}"),
            format!("{:.0}", f64::from(case.requests) / usage.0.max(0.01)),
            format!("{:.1} ms", at(0.5)),
            format!("{:.1} ms", at(0.99)),
            format!("{:.0} MB", usage.1),
        ]);
        if case.rate == RATE {
            let kept = if rate >= RATE * 0.99 {
                format!("{rate:.0} requests/s answered")
            } else {
                format!("missed: only {rate:.0} requests/s answered")
            };
            let p99 = verdict(at(0.99), P99, " ms");
            shows.push(format!("{}: {kept}; p99 {p99}", case.name));
        }
    }
    Ok(Section {
        name: "api",
        title: "5. The API",
        what: format!(
            "The API over a directory with a list of {} keys, on one core, asked over loopback from the \
             other at a rate that does not wait for answers; a latency counts from the moment at which \
             its request was due. CPU is the server's, in whole hundredths of a second.",
            count(keys)
        ),
        head: vec![
            "what, rate",
            "answered a second",
            "requests a CPU second",
            "p50",
            "p99",
            "peak",
        ],
        rows,
        shows,
    })
}

fn manifest(path: &str, rate: f64, requests: u32, etag: Option<String>, status: u16) -> Case {
    Case {
        name: format!("manifest, {status}, {rate:.0}/s"),
        path: path.to_owned(),
        etag,
        body: None,
        rate,
        requests,
        status,
    }
}

/// Publishes a list and registers a client that may ask for it; gives the feed's id.
fn published(keys: u64, data: &Path) -> Result<String, Failed> {
    let provided = Provided::start(Provider::Trestle, keys, true)?;
    let feed = provided.feed(Some(300_000))?;
    let _: Whole = child("whole", &feed.job(data, 20))?;
    let mls = serde_json::json!({
        "mls": MLS,
        "provider": feed.spec.provider,
        "base_url": feed.spec.base_url,
        "token_url": feed.spec.token_url,
        "credential": feed.spec.credential,
        "page_size": feed.spec.page_size,
    });
    let client = serde_json::json!({
        "client": "bench",
        "api_keys": [{"id": "site", "sha256": digest(KEY.as_bytes())}],
        "pairs": [{"mls": MLS, "resource": "Property"}],
    });
    for (name, document) in [("mls", mls), ("clients", client)] {
        let folder = data.join("registry").join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("bench.json"), document.to_string())?;
    }
    Ok(feed.spec.feed.to_string())
}

/// Asks a fresh server on core 0 from core 1; gives the server's CPU and its peak.
fn asked(data: &Path, case: &Case) -> Result<(Asked, (f64, f64)), Failed> {
    let (server, at): (Server, Listening) = Server::start("api", &data, Some(0))?;
    let ask = Ask {
        url: format!("{}{}", at.url, case.path),
        key: KEY.to_owned(),
        etag: case.etag.clone(),
        body: case.body.clone(),
        rate: case.rate,
        requests: case.requests,
        status: case.status,
    };
    let before = cpu_of(server.id()).unwrap_or_default();
    let answered: Asked = child("ask", &ask)?;
    let cpu = cpu_of(server.id()).unwrap_or_default() - before;
    let peak = peak_of(&server.id().to_string()).unwrap_or_default();
    Ok((answered, (cpu, peak)))
}
