//! Executions of the state machine in Step Functions.

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use livelist_store::{Executions, Start, StoreError};

use crate::failure::store_error;

/// Executions of one state machine.
///
/// While an execution with the same name and input runs, Step Functions answers a second start with
/// success, like the first. So [`Start::Started`] may be returned twice; only one execution runs.
#[derive(Clone)]
pub struct SfnExecutions {
    client: Client,
    machine_arn: String,
}

impl SfnExecutions {
    /// Executions of the machine with this ARN.
    pub fn new(client: Client, machine_arn: impl Into<String>) -> Self {
        SfnExecutions {
            client,
            machine_arn: machine_arn.into(),
        }
    }
}

#[async_trait]
impl Executions for SfnExecutions {
    async fn start(&self, name: &str, input: String) -> Result<Start, StoreError> {
        let asked = self.client.start_execution().name(name).input(input);
        match asked.state_machine_arn(&self.machine_arn).send().await {
            Ok(_) => Ok(Start::Started),
            Err(e)
                if e.as_service_error()
                    .is_some_and(|e| e.is_execution_already_exists()) =>
            {
                Ok(Start::AlreadyExists)
            }
            Err(e) => Err(store_error(format!("starting the execution {name}"), e)),
        }
    }
}
