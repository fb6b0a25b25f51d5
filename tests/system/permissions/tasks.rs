//! Runs a day: the work of the planner, the worker and the state machine, each step with the environment
//! of its function.

use std::collections::BTreeMap;
use std::time::Duration;

use livelist_model::run::RunSpec;
use livelist_steps::publish::Output;
use livelist_steps::release::FailureInput;
use livelist_steps::{
    StepError, acquire, authorize, compare, confirm, plan, publish, release, scan, start,
};

use super::life::Life;

/// What came of the runs of a day, by MLS; nothing where one failed.
pub type Day = BTreeMap<String, Option<Output>>;

impl Life {
    pub async fn plan(&self) {
        let planned = plan::run(self.of("planner"), plan::Input::default());
        let planned = planned.await.unwrap();
        assert!(planned.sent >= 2 && planned.findings.is_empty());
    }

    /// The runs of the clock's day.
    pub async fn runs(&self) -> Vec<RunSpec> {
        self.plan().await;
        let mut runs = Vec::new();
        while let Some(message) = self.queue.take() {
            match start::run(self.of("worker"), &message.body).await.unwrap() {
                start::Output::Started(run) | start::Output::Already(run) => runs.push(run),
                dead => panic!("{dead:?}"),
            }
        }
        runs
    }

    pub async fn day(&self) -> Day {
        let mut day = Day::new();
        for run in self.runs().await {
            let output = self.reconcile(&run, run.run.as_str()).await;
            day.insert(run.feed.mls.to_string(), output);
        }
        self.next_day();
        day
    }

    pub fn next_day(&self) {
        self.clock.advance(Duration::from_secs(24 * 3_600));
    }

    /// The steps in order, each as its function; nothing if one failed.
    pub async fn reconcile(&self, run: &RunSpec, owner: &str) -> Option<Output> {
        let got = self.acquire(run, owner).await;
        assert_eq!(got, acquire::Outcome::Acquired);
        match self.steps(run, owner).await {
            Ok(output) => {
                self.release(run, owner, None).await;
                Some(output)
            }
            Err(error) => {
                let failure = FailureInput {
                    error: error.name().to_owned(),
                    cause: Some(error.to_string()),
                    step: None,
                };
                self.release(run, owner, Some(failure)).await;
                None
            }
        }
    }

    pub async fn acquire(&self, run: &RunSpec, owner: &str) -> acquire::Outcome {
        let (run, owner) = (run.clone(), owner.to_owned());
        let input = acquire::Input { run, owner };
        let output = acquire::run(self.of(acquire::NAME), input).await;
        output.unwrap().outcome
    }

    /// Tasks take their time, so that each step renews its lease.
    fn pass(&self) {
        self.clock.advance(Duration::from_secs(180));
    }

    pub async fn authorize(&self, run: &RunSpec, owner: &str) -> Result<String, StepError> {
        let (run, owner) = (run.clone(), owner.to_owned());
        let input = authorize::Input { run, owner };
        self.pass();
        loop {
            let output = authorize::run(self.of(authorize::NAME), input.clone()).await?;
            if let Some(token) = output.token {
                return Ok(token);
            }
            self.clock.advance(Duration::from_secs(output.wait_seconds));
        }
    }

    pub async fn release(&self, run: &RunSpec, owner: &str, failure: Option<FailureInput>) {
        let (run, owner) = (run.clone(), owner.to_owned());
        let input = release::Input {
            run,
            owner,
            failure,
        };
        release::run(self.of(release::NAME), input).await.unwrap();
    }

    async fn steps(&self, run: &RunSpec, owner: &str) -> Result<publish::Output, StepError> {
        let token = self.authorize(run, owner).await?;
        let mut progress = None;
        loop {
            let scanned = self.scan(run, owner, &token, progress).await?;
            let input = compare::Input {
                run: run.clone(),
                owner: owner.to_owned(),
                progress: scanned,
            };
            self.pass();
            let compared = compare::run(self.of(compare::NAME), input).await?;
            let mut confirmation = None;
            match compared.outcome {
                compare::Outcome::Publish => {}
                compare::Outcome::Scan => {
                    progress = Some(compared.progress);
                    continue;
                }
                compare::Outcome::Confirm => {
                    let told = self.confirm(run, owner, &token, &compared.comparison);
                    let told = told.await?;
                    if told.outcome == confirm::Outcome::Scan {
                        progress = Some(told.progress);
                        continue;
                    }
                    confirmation = Some(told.confirmation);
                }
            }
            let input = publish::Input {
                run: run.clone(),
                owner: owner.to_owned(),
                comparison: compared.comparison,
                confirmation,
                approved: false,
            };
            self.pass();
            let first = publish::run(self.of(publish::NAME), input.clone()).await?;
            // Its answer was lost.
            let again = publish::run(self.of(publish::NAME), input).await?;
            assert_eq!(first.outcome, again.outcome);
            return Ok(first);
        }
    }

    async fn scan(
        &self,
        run: &RunSpec,
        owner: &str,
        token: &str,
        mut progress: Option<String>,
    ) -> Result<String, StepError> {
        loop {
            let input = scan::Input {
                run: run.clone(),
                owner: owner.to_owned(),
                token: token.to_owned(),
                progress,
            };
            self.pass();
            let output = scan::run(self.of(scan::NAME), input).await?;
            match output.outcome {
                scan::Outcome::Done => return Ok(output.progress),
                scan::Outcome::Unauthorized => return Err(StepError::TokenRefused),
                scan::Outcome::More | scan::Outcome::Throttled => {}
            }
            progress = Some(output.progress);
        }
    }

    async fn confirm(
        &self,
        run: &RunSpec,
        owner: &str,
        token: &str,
        comparison: &str,
    ) -> Result<confirm::Output, StepError> {
        let mut confirmation = None;
        loop {
            let input = confirm::Input {
                run: run.clone(),
                owner: owner.to_owned(),
                token: token.to_owned(),
                comparison: comparison.to_owned(),
                confirmation,
            };
            self.pass();
            let output = confirm::run(self.of(confirm::NAME), input).await?;
            match output.outcome {
                confirm::Outcome::Scan | confirm::Outcome::Publish => return Ok(output),
                confirm::Outcome::Unauthorized => return Err(StepError::TokenRefused),
                confirm::Outcome::More | confirm::Outcome::Throttled => {}
            }
            confirmation = Some(output.confirmation);
        }
    }
}
