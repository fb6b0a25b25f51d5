//! The place where the operators' commands work: a directory of this machine, or a deployment on AWS. The
//! commands only know the ports; this file creates them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use livelist_aws::{AwsClients, Place as AwsPlace};
use livelist_model::registry::CredentialRef;
use livelist_reso::HttpTransport;
use livelist_steps::Env;
use livelist_store::directory::DirectoryObjects;
use livelist_store::secrets::LocalSecrets;
use livelist_store::{Clock, Entropy, Objects, Secrets, SystemClock, SystemEntropy};
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::cli::PlaceArgs;
use crate::context::{env, open_data, open_registry};
use crate::exit::Failed;
use crate::overlay::Overlay;

/// An installation of Livelist.
pub struct World {
    /// Its ports.
    pub env: Env,
    /// The parts that only one kind of place has.
    pub place: Place,
}

/// The kind of place.
pub enum Place {
    /// One machine.
    Machine(Machine),
    /// A deployment on AWS.
    Aws(Box<Deployment>),
}

/// Directories of one machine.
pub struct Machine {
    /// The registry, if it was given.
    pub registry: Option<PathBuf>,
    /// The data.
    pub data: DirectoryObjects,
}

/// A deployment on AWS.
pub struct Deployment {
    /// Makes clients.
    pub clients: AwsClients,
    /// Its resources.
    pub system: System,
}

/// The parameter `/livelist/{stack}/system`: the resources of a deployment, as both descriptions write them
/// for operators.
#[derive(Debug, Clone, Deserialize)]
pub struct System {
    /// Version of the parameter's form.
    pub schema: u32,
    /// The bucket of everything.
    pub bucket: String,
    /// The queue of pairs.
    pub queue_url: String,
    /// The dead-letter queue of pairs.
    pub dlq_url: String,
    /// The queue of events for the sites.
    pub outbox_url: String,
    /// The dead-letter queue of notices.
    pub outbox_dlq_url: String,
    /// Days that could not be planned; older deployments do not say.
    pub planner_dlq_url: Option<String>,
    /// The functions' log groups, by function.
    #[serde(default)]
    pub log_groups: BTreeMap<String, String>,
}

impl System {
    const SCHEMA: u32 = 1;
}

/// A registry's documents, and the secrets that they refer to.
pub struct Documents {
    /// The documents, below `registry/`.
    pub objects: Arc<dyn Objects>,
    /// The secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Its name.
    pub name: String,
}

impl Documents {
    /// Opens a registry's directory, or that of a deployment.
    pub async fn open(
        registry: Option<&Path>,
        stack: Option<&str>,
        environment: Vec<(String, String)>,
    ) -> Result<Documents, Failed> {
        if let Some(stack) = stack {
            let World { env, .. } = World::aws(stack).await?;
            return Ok(Documents {
                objects: env.objects,
                secrets: env.secrets,
                name: format!("the registry of {stack}"),
            });
        }
        let registry = registry.ok_or_else(|| {
            Failed::usage("say where the registry is: --registry DIR, or --stack NAME on AWS")
        })?;
        let documents = open_registry(registry)?;
        Ok(Documents {
            objects: Arc::new(Overlay {
                registry: documents.clone(),
                data: documents,
            }),
            secrets: Arc::new(LocalSecrets::new(environment, registry.to_owned())),
            name: registry.display().to_string(),
        })
    }
}

impl World {
    /// Opens the place that the command line or the environment names.
    pub async fn open(
        arguments: &PlaceArgs,
        environment: Vec<(String, String)>,
    ) -> Result<World, Failed> {
        match (&arguments.stack, &arguments.data) {
            (Some(stack), _) => Self::aws(stack).await,
            (None, Some(data)) => {
                let objects = open_data(data)?;
                let registry = arguments.registry.as_ref().unwrap_or(data);
                let (env, _) = env(registry, data, environment)?;
                Ok(World {
                    env,
                    place: Place::Machine(Machine {
                        registry: arguments.registry.clone(),
                        data: objects,
                    }),
                })
            }
            (None, None) => Err(Failed::usage(
                "say where Livelist runs: --data DIR on one machine, --stack NAME on AWS",
            )),
        }
    }

    /// The same, for a verb that reads the registry.
    pub async fn with_registry(
        arguments: &PlaceArgs,
        environment: Vec<(String, String)>,
    ) -> Result<World, Failed> {
        let world = Self::open(arguments, environment).await?;
        match &world.place {
            Place::Machine(Machine { registry: None, .. }) => Err(Failed::usage(
                "this reads the registry: --registry DIR with `mls/` and `clients/`",
            )),
            Place::Machine(Machine {
                registry: Some(registry),
                ..
            }) => {
                open_registry(registry)?;
                Ok(world)
            }
            Place::Aws(_) => Ok(world),
        }
    }

    async fn aws(stack: &str) -> Result<World, Failed> {
        let clients = AwsClients::new(AwsPlace::Environment).await;
        let name = format!("ssm:/livelist/{stack}/system");
        let reference: CredentialRef = name.parse().map_err(Failed::usage)?;
        let told = clients.secrets().get(&reference).await;
        let told = told.map_err(|error| {
            Failed::because(format!(
                "the deployment {stack} cannot be looked up: {}. Check its name, the region and the \
                 account that AWS's own variables or profile give",
                livelist_model::with_causes(&error)
            ))
        })?;
        let system: System = serde_json::from_str(told.expose_secret())?;
        if system.schema != System::SCHEMA {
            return Err(Failed::because(format!(
                "the deployment {stack} has the form {} and this command reads {}: use the command \
                 of the deployment's version",
                system.schema,
                System::SCHEMA
            )));
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let objects: Arc<dyn Objects> = Arc::new(clients.objects(&system.bucket, entropy.clone()));
        let queue = clients.queue(
            &system.queue_url,
            &system.dlq_url,
            clock.clone(),
            entropy.clone(),
        );
        let outbox = clients.outbox(&system.outbox_url, clock.clone(), entropy.clone());
        let env = Env {
            secrets: Arc::new(clients.secrets()),
            queue: Arc::new(queue),
            outbox: Arc::new(outbox),
            // No command handles a provider's token or starts an execution: runs are requested through the
            // queue. Operators' actions are logged by the command, and are not in the runs' metrics.
            ..Env::over(objects, clock, entropy, Arc::new(HttpTransport::new()))
        };
        Ok(World {
            env,
            place: Place::Aws(Box::new(Deployment { clients, system })),
        })
    }

    /// The store.
    pub fn objects(&self) -> &dyn Objects {
        &*self.env.objects
    }
}

/// The operator's name in records and logs: the user that the environment names.
pub fn operator(environment: &[(String, String)]) -> String {
    let named = |name| environment.iter().find(|(variable, _)| variable == name);
    let user = named("LIVELIST_OPERATOR").or_else(|| named("USER"));
    let user = user.map(|(_, user)| user.as_str()).unwrap_or_default();
    let plain: String = user
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_.@".contains(*c))
        .take(64)
        .collect();
    match plain.is_empty() {
        true => "operator".to_owned(),
        false => plain,
    }
}
