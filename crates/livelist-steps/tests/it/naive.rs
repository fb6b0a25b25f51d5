//! A plain reconciler as many sites have one, to show that a fault does harm: it reads pages over
//! the same transport, follows whatever link it finds, takes whatever stops it for the end, and
//! calls every former key that it did not see gone. Nothing here is stupid on purpose: it checks the
//! status, it unpacks gzip, it asks in a fixed order where the provider allows it.

use std::collections::BTreeSet;
use std::io::Read as _;

use bytes::Bytes;
use flate2::read::GzDecoder;
use futures::StreamExt;
use livelist_mls::{Credential, FaultRule, MlsSpec, Provider};
use livelist_reso::{HttpTransport, Transport};
use serde_json::Value;

use crate::world::World;

/// A scan that is longer than this does not end by itself.
const ENDLESS: usize = 300;

/// What the plain reconciler read.
#[derive(Debug)]
pub struct Read {
    /// The keys it saw.
    pub keys: BTreeSet<String>,
    /// Why it stopped, if not at a page without a link: what loses the run of one that gives up.
    pub stopped: Option<String>,
}

/// What it would do to a site that has `former`.
#[derive(Debug)]
pub struct Harm {
    /// Live keys that it calls gone.
    pub lost: Vec<String>,
    /// Why it stopped, if not at a page without a link.
    pub stopped: Option<String>,
}

/// What the plain reconciler does under `rules`. They are in force anew afterwards, so that Livelist
/// meets the very same.
pub async fn harm(world: &World, rules: &[FaultRule]) -> Harm {
    let former = world.mls().live_keys();
    world.mls().set_faults(rules.to_vec());
    let read = read(world).await;
    let live: BTreeSet<String> = world.mls().live_keys().into_iter().collect();
    let gone = former.into_iter().filter(|key| !read.keys.contains(key));
    let harm = Harm {
        lost: gone.filter(|key| live.contains(key)).collect(),
        stopped: read.stopped,
    };
    world.mls().set_faults(rules.to_vec());
    harm
}

/// Reads the one MLS of `world`.
pub async fn read(world: &World) -> Read {
    let spec = &world.specs[0];
    let mut read = Read {
        keys: BTreeSet::new(),
        stopped: None,
    };
    let naive = Naive(HttpTransport::new());
    read.stopped = naive.pages(world, spec, &mut read.keys).await.err();
    read
}

/// Which of `keys` it would call gone after it asked for all of them in one question: those that
/// the answer does not show. `form` has `{}` for a key.
pub async fn gone(world: &World, keys: &[String], form: &str) -> Result<Vec<String>, String> {
    let spec = &world.specs[0];
    let base = world.simulator.base_url(&spec.mls);
    let filter = match form.strip_prefix("in ") {
        Some(literal) => {
            let all: Vec<_> = keys.iter().map(|key| literal.replace("{}", key)).collect();
            format!("ListingKey in ({})", all.join(","))
        }
        None => {
            let all: Vec<_> = keys
                .iter()
                .map(|key| format!("ListingKey eq {}", form.replace("{}", key)))
                .collect();
            all.join(" or ")
        }
    };
    let naive = Naive(HttpTransport::new());
    let url = format!("{base}/Property?$filter={filter}");
    let shown: BTreeSet<String> = naive.page(world, &url).await?.iter().map(key).collect();
    let gone = keys.iter().filter(|key| !shown.contains(*key));
    Ok(gone.cloned().collect())
}

/// Reads behind the last row of each page until a page is empty: `next` makes the condition of it.
pub async fn behind(
    world: &World,
    order: &str,
    next: impl Fn(&Value) -> String,
) -> Result<BTreeSet<String>, String> {
    let spec = &world.specs[0];
    let base = world.simulator.base_url(&spec.mls);
    let naive = Naive(HttpTransport::new());
    let mut keys = BTreeSet::new();
    let mut condition = String::new();
    for _ in 0..ENDLESS {
        let url = format!("{base}/Property?$top=100&$orderby={order}{condition}");
        let rows = naive.page(world, &url).await?;
        keys.extend(rows.iter().map(key));
        let Some(last) = rows.last() else {
            return Ok(keys);
        };
        condition = format!("&$filter={}", next(last));
    }
    Err("endless".to_owned())
}

/// Reads by `$skip` until it has as many rows as are counted.
pub async fn counted(world: &World) -> Result<BTreeSet<String>, String> {
    let base = world.simulator.base_url(&world.specs[0].mls);
    let naive = Naive(HttpTransport::new());
    let mut keys = BTreeSet::new();
    let mut read = 0;
    for _ in 0..ENDLESS {
        let url = format!("{base}/Property?$count=true&$skip={read}");
        let page = naive.body(world, &url).await?;
        let rows = page["value"].as_array().ok_or("no rows")?;
        keys.extend(rows.iter().map(key));
        read += rows.len() as u64;
        let count = page["@odata.count"].as_i64().ok_or("no count")?;
        if read as i64 >= count {
            return Ok(keys);
        }
    }
    Err("endless".to_owned())
}

fn key(row: &Value) -> String {
    match &row["ListingKey"] {
        Value::String(key) => key.clone(),
        other => other.to_string(),
    }
}

struct Naive(HttpTransport);

impl Naive {
    async fn pages(
        &self,
        world: &World,
        spec: &MlsSpec,
        keys: &mut BTreeSet<String>,
    ) -> Result<(), String> {
        let token = self.token(world, spec).await?;
        let mut url = first(&world.simulator.base_url(&spec.mls), spec);
        for _ in 0..ENDLESS {
            let (status, headers, body) = self.send(get(&url, &token)).await?;
            if status != 200 {
                return Err(format!("status {status}"));
            }
            let page: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
            for row in page["value"].as_array().unwrap_or(&Vec::new()) {
                keys.insert(key(row));
            }
            let header = headers.get("link").and_then(|l| l.to_str().ok());
            let in_header = header.and_then(|l| l.split(['<', '>']).nth(1));
            let Some(link) = page["@odata.nextLink"].as_str().or(in_header) else {
                return Ok(());
            };
            url = if link.contains("://") {
                link.to_owned()
            } else {
                format!("{}/{link}", world.simulator.base_url(&spec.mls))
            };
        }
        Err("endless".to_owned())
    }

    async fn body(&self, world: &World, url: &str) -> Result<Value, String> {
        let token = self.token(world, &world.specs[0]).await?;
        let url = url.replace(' ', "%20");
        let (status, _, body) = self.send(get(&url, &token)).await?;
        if status != 200 {
            return Err(format!("status {status}"));
        }
        serde_json::from_slice(&body).map_err(|e| e.to_string())
    }

    async fn page(&self, world: &World, url: &str) -> Result<Vec<Value>, String> {
        let page = self.body(world, url).await?;
        Ok(page["value"].as_array().ok_or("no rows")?.clone())
    }

    async fn token(&self, world: &World, spec: &MlsSpec) -> Result<String, String> {
        let (id, secret) = match &spec.credential {
            Credential::Token(token) => return Ok(token.clone()),
            Credential::ClientCredentials {
                client_id,
                client_secret,
            } => (client_id, client_secret),
            _ => return Err("another kind of credential".to_owned()),
        };
        let form = format!(
            "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=api"
        );
        let request = http::Request::post(world.simulator.token_url(&spec.mls))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .unwrap();
        let (_, _, body) = self.send(request).await?;
        let answer: Value = serde_json::from_slice(&body).map_err(|e| e.to_string())?;
        let token = answer["access_token"].as_str().ok_or("no token")?;
        Ok(token.to_owned())
    }

    async fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<(u16, http::HeaderMap, Vec<u8>), String> {
        let answer = self.0.send(request).await.map_err(|e| e.to_string())?;
        let (parts, mut body) = answer.into_parts();
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.map_err(|e| e.to_string())?);
        }
        if parts.headers.contains_key("content-encoding") {
            let mut plain = Vec::new();
            let unpacked = GzDecoder::new(&bytes[..]).read_to_end(&mut plain);
            unpacked.map_err(|e| e.to_string())?;
            bytes = plain;
        }
        Ok((parts.status.as_u16(), parts.headers, bytes))
    }
}

fn get(url: &str, token: &str) -> http::Request<Bytes> {
    http::Request::get(url)
        .header("authorization", format!("Bearer {token}"))
        .header("accept-encoding", "gzip")
        .body(Bytes::new())
        .unwrap()
}

/// The first page's URL, as each provider's documentation has it.
fn first(base: &str, spec: &MlsSpec) -> String {
    match spec.provider {
        Provider::Reso => format!("{base}/Property?$select=ListingKey"),
        Provider::Trestle => {
            format!("{base}/Property?$select=ListingKey&$orderby=ListingKey&$top=1000")
        }
        Provider::MlsGrid => format!(
            "{base}/Property?$filter=OriginatingSystemName%20eq%20'{}'%20and%20MlgCanView%20eq%20true&$select=ListingKey&$top=1000",
            spec.system()
        ),
        Provider::Bridge => {
            format!("{base}/Property/replication?$select=ListingKey&$top=1000")
        }
        other => panic!("nobody reads {other:?} plainly yet"),
    }
}
