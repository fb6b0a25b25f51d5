//! The environment of the measured processes: the ports on a directory, the feeds of a simulated MLS, and
//! copies of a directory.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use livelist_mls::{Endpoint, MlsSpec, Provider};
use livelist_model::layout;
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::{FeedSpec, RunSpec};
use livelist_reso::{Dialects, HttpTransport};
use livelist_steps::Env;
use livelist_store::directory::{DirectoryLeases, DirectoryObjects};
use livelist_store::outbox::ObjectOutbox;
use livelist_store::sealer::ProcessSealer;
use livelist_store::secrets::LocalSecrets;
use livelist_store::{Clock, SystemClock, SystemEntropy};
use serde::{Deserialize, Serialize};

use crate::Failed;

/// The MLS's name in every measurement.
pub const MLS: &str = "bench";
/// The reference to the credential of a job on a directory.
pub const CREDENTIAL: &str = "env:BENCH";
/// Whose runs they are.
pub const OWNER: &str = "bench";

/// A run that a measured process carries out, or a part of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The data directory.
    pub data: String,
    /// The run.
    pub run: RunSpec,
    /// The credential's secret: the simulated MLS's.
    pub secret: String,
}

/// A feed of one simulated MLS, and the credential's secret.
#[derive(Debug, Clone)]
pub struct Feed {
    /// The feed and its server.
    pub spec: FeedSpec,
    /// The credential's secret.
    pub secret: String,
}

impl Feed {
    /// The feed of `mls` at `endpoint`, in pages of `page` rows, by the credential that a reference
    /// names.
    pub fn of(
        mls: &MlsSpec,
        endpoint: &Endpoint,
        page: Option<u64>,
        credential: &str,
    ) -> Result<Feed, Failed> {
        let mut document = serde_json::json!({
            "mls": mls.mls,
            "provider": mls.provider,
            "base_url": endpoint.base_url,
            "credential": credential,
        });
        if let Some(url) = &endpoint.token_url {
            document["token_url"] = url.clone().into();
        }
        if let Some(page) = page {
            document["page_size"] = page.into();
        }
        for (name, value) in mls.settings() {
            document[name] = value;
        }
        let name = format!("mls/{}.json", mls.mls);
        let document = parse_mls(&name, document.to_string().as_bytes(), &Dialects)
            .map_err(|findings| format!("{findings:?}"))?;
        let pair = Pair {
            mls: document.mls.clone(),
            resource: "Property".parse()?,
            filter: None,
            enabled: true,
        };
        Ok(Feed {
            spec: FeedSpec::resolve(&document, &pair),
            secret: mls.credential.members().to_string(),
        })
    }

    /// The run of this feed on the `day`th day, in `data`.
    pub fn job(&self, data: &Path, day: i8) -> Job {
        let date = jiff::civil::date(2026, 11, day);
        Job {
            data: data.to_string_lossy().into_owned(),
            run: RunSpec::of(date, self.spec.clone()),
            secret: self.secret.clone(),
        }
    }
}

impl Job {
    /// The ports on this job's directory, as on one machine.
    pub fn env(&self) -> Result<Env, Failed> {
        let data = Path::new(&self.data);
        // A run gets a token only for the addresses in the registry.
        let mls = data.join(layout::mls(&self.run.feed.mls));
        fs::create_dir_all(mls.parent().unwrap_or(data))?;
        fs::write(&mls, serde_json::to_vec(&self.run.feed.document())?)?;
        let objects = Arc::new(DirectoryObjects::open(data)?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let secret = [("BENCH".to_owned(), self.secret.clone())];
        Ok(Env {
            leases: Arc::new(DirectoryLeases::open(data, clock.clone())?),
            secrets: Arc::new(LocalSecrets::new(secret, data.to_owned())),
            sealer: Arc::new(ProcessSealer::new()?),
            outbox: Arc::new(ObjectOutbox::new(objects.clone())),
            ..Env::over(
                objects,
                clock,
                Arc::new(SystemEntropy),
                Arc::new(HttpTransport::new()),
            )
        })
    }

    /// The same job on a copy of its directory.
    pub fn copy_to(&self, data: &Path) -> Result<Job, Failed> {
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        copy(Path::new(&self.data), data)?;
        Ok(Job {
            data: data.to_string_lossy().into_owned(),
            ..self.clone()
        })
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A simulated MLS of `listings` that serves pages of any size its provider has.
pub fn mls(provider: Provider, listings: u64) -> MlsSpec {
    let mut spec = MlsSpec::new(MLS, provider, listings);
    spec.seed = 6;
    spec.page_limit = None;
    spec
}
