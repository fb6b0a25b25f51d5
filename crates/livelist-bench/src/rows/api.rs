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
use crate::process::{Server, child, child_on};
use crate::report::{Section, count, verdict};
use crate::world::MLS;

const KEY: &str = "ll1.bench.6f1c2a9be47d40d3a5b8";
const RATE: f64 = 1_000.0;
/// Connections at a bounded rate: more than are needed by a server that keeps up.
const CONNECTIONS: usize = 256;
/// Connections that send their next request right after the answer.
const EAGER: usize = 32;
const P99: f64 = 20.0;
const KEYS_ASKED: usize = 5_000;

struct Case {
    name: String,
    path: String,
    etag: Option<String>,
    body: Option<String>,
    rate: Option<f64>,
    at_once: usize,
    requests: u32,
    status: u16,
}

/// Measures it.
pub fn measure(plan: &Plan) -> Result<Section, Failed> {
    let keys = plan.keys(1_000_000);
    let data = plan.folder("api");
    let (feed, body) = published(keys, &data)?;
    let live = format!("/v1/feeds/{feed}/live");
    let (first, _) = asked(&data, &manifest(&live, RATE, 1, None, 200))?;
    let seconds = if plan.small { 1 } else { 5 };
    let many = RATE as u32 * seconds;
    let check = |rate: f64, requests| Case {
        name: format!("check of {} keys, {rate}/s", count(KEYS_ASKED as u64)),
        path: format!("/v1/feeds/{feed}/check"),
        etag: None,
        body: Some(body.clone()),
        rate: Some(rate),
        at_once: CONNECTIONS,
        requests,
        status: 200,
    };
    let cases = [
        manifest(&live, RATE, many, None, 200),
        manifest(&live, RATE, many, first.etag.clone(), 304),
        Case {
            name: format!("manifest, 200, {EAGER} connections"),
            rate: None,
            at_once: EAGER,
            ..manifest(&live, RATE, 2 * many, None, 200)
        },
        check(2.0, 4 * seconds),
        check(10.0, 10 * seconds),
    ];
    let mut rows = Vec::new();
    let mut shows = Vec::new();
    for case in &cases {
        let (answered, (cpu, peak)) = asked(&data, case)?;
        let at = |part: f64| {
            let last = answered.latencies.len().saturating_sub(1) as f64;
            let nth = answered.latencies.get((last * part) as usize);
            nth.copied().unwrap_or(f64::INFINITY)
        };
        let rate = f64::from(case.requests) / answered.seconds;
        let busy = cpu / answered.seconds;
        rows.push(vec![
            case.name.clone(),
            format!("{rate:.0}"),
            format!("{:.0} %", busy * 100.0),
            // The first one, before the clock runs, is in the CPU.
            format!("{:.0}", f64::from(case.requests + 1) / cpu.max(0.01)),
            format!("{:.1} ms", at(0.5)),
            format!("{:.1} ms", at(0.99)),
            format!("{peak:.0} MB"),
        ]);
        if case.rate == Some(RATE) {
            shows.push(shown(&case.name, rate, at(0.99), busy));
        }
    }
    Ok(Section {
        name: "api",
        title: "5. The API",
        what: format!(
            "The API over a directory with a list of {} keys, on one core, with load over loopback \
             from the other. The rate does not wait for answers; latency counts from the moment at \
             which a request was due. In the line without a rate, each connection sends its next \
             request after the answer. Each line has its own server. A check names {} keys, 99 % \
             of them on the list, and reads the whole list. CPU is the server's, in whole \
             hundredths of a second; *busy* is its share of the core.",
            count(keys),
            count(KEYS_ASKED as u64),
        ),
        head: vec![
            "what, rate",
            "answered a second",
            "busy",
            "requests a CPU second",
            "p50",
            "p99",
            "peak",
        ],
        rows,
        shows,
    })
}

/// Whether the rate was kept in time, and if not, why.
fn shown(name: &str, rate: f64, p99: f64, busy: f64) -> String {
    let kept = if rate >= RATE * 0.99 {
        format!("met ({rate:.0} requests/s answered)")
    } else {
        let under = (1.0 - rate / RATE) * 100.0;
        format!("missed by {under:.0} % ({rate:.0} < {RATE} requests/s)")
    };
    let binds = match rate >= RATE * 0.99 && p99 <= P99 {
        true => "",
        false if busy > 0.9 => "; the server's core binds",
        false => "; what binds is not the server's CPU: it waited",
    };
    format!("{name}: {kept}; p99 {}{binds}", verdict(p99, P99, " ms"))
}

fn manifest(path: &str, rate: f64, requests: u32, etag: Option<String>, status: u16) -> Case {
    Case {
        name: format!("manifest, {status}, {rate:.0}/s"),
        path: path.to_owned(),
        etag,
        body: None,
        rate: Some(rate),
        at_once: CONNECTIONS,
        requests,
        status,
    }
}

/// Publishes a list and registers a client that may ask for it; gives the feed's id, and the body
/// of a question about keys of the list.
fn published(keys: u64, data: &Path) -> Result<(String, String), Failed> {
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
    let question = question(&provided.live()?);
    Ok((feed.spec.feed.to_string(), question))
}

/// The body of a question about keys from all over the list, a hundredth of them on no list.
fn question(live: &[String]) -> String {
    let step = (live.len() / KEYS_ASKED).max(1);
    let known = live.iter().step_by(step).take(KEYS_ASKED);
    let keys: Vec<String> = known
        .enumerate()
        .map(|(nth, key)| match nth % 100 {
            0 => format!("{key}-gone"),
            _ => key.clone(),
        })
        .collect();
    serde_json::json!({ "keys": keys }).to_string()
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
        at_once: case.at_once,
        requests: case.requests,
        status: case.status,
    };
    let before = cpu_of(server.id()).unwrap_or_default();
    let answered: Asked = child_on(Some(1), "ask", &ask)?;
    let cpu = cpu_of(server.id()).unwrap_or_default() - before;
    let peak = peak_of(&server.id().to_string()).unwrap_or_default();
    Ok((answered, (cpu, peak)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_is_not_kept_says_what_binds() {
        assert_eq!(
            shown("x", 1_000.0, 5.0, 0.3),
            "x: met (1000 requests/s answered); p99 met (5.00 ≤ 20 ms)"
        );
        assert!(shown("x", 700.0, 500.0, 0.95).ends_with("the server's core binds"));
        assert!(shown("x", 1_000.0, 25.0, 0.3).ends_with("it waited"));
    }

    #[test]
    fn a_question_is_about_keys_from_the_whole_list() {
        let live: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
        let asked: serde_json::Value = serde_json::from_str(&question(&live)).unwrap();
        let asked = asked["keys"].as_array().unwrap();
        assert_eq!(asked.len(), KEYS_ASKED);
        assert_eq!(asked[4_999], "19996");
        let gone = asked
            .iter()
            .filter(|key| key.as_str().unwrap().ends_with("-gone"));
        assert_eq!(gone.count(), 50);
    }
}
