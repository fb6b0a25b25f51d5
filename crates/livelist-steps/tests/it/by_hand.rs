//! The steps one by one, for tests that stop in the middle or take a step twice.

use livelist_model::run::RunSpec;
use livelist_steps::{Env, StepError, acquire, authorize, compare, confirm, publish, scan};

/// One execution of a run.
pub struct Hand<'a> {
    pub env: &'a Env,
    pub run: RunSpec,
    pub owner: String,
    pub token: String,
}

/// What a run decided, and has not yet published.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What was scanned for it.
    pub progress: String,
    pub comparison: String,
    pub confirmation: Option<String>,
}

impl<'a> Hand<'a> {
    /// Takes the credential and gets a token.
    pub async fn begin(env: &'a Env, run: RunSpec, owner: &str) -> Hand<'a> {
        let mut hand = Hand {
            env,
            run,
            owner: owner.to_owned(),
            token: String::new(),
        };
        let acquired = acquire::run(env, hand.acquire()).await.unwrap();
        assert_eq!(acquired.outcome, acquire::Outcome::Acquired);
        let authorized = authorize::run(env, hand.authorize()).await.unwrap();
        hand.token = authorized.token.unwrap();
        hand
    }

    pub fn acquire(&self) -> acquire::Input {
        acquire::Input {
            run: self.run.clone(),
            owner: self.owner.clone(),
        }
    }

    pub fn authorize(&self) -> authorize::Input {
        authorize::Input {
            run: self.run.clone(),
            owner: self.owner.clone(),
        }
    }

    pub fn scan(&self, progress: Option<String>) -> scan::Input {
        scan::Input {
            run: self.run.clone(),
            owner: self.owner.clone(),
            token: self.token.clone(),
            progress,
        }
    }

    pub fn compare(&self, progress: &str) -> compare::Input {
        compare::Input {
            run: self.run.clone(),
            owner: self.owner.clone(),
            progress: progress.to_owned(),
        }
    }

    pub fn confirm(&self, comparison: &str, confirmation: Option<String>) -> confirm::Input {
        confirm::Input {
            run: self.run.clone(),
            owner: self.owner.clone(),
            token: self.token.clone(),
            comparison: comparison.to_owned(),
            confirmation,
        }
    }

    pub fn publish(&self, decided: &Decided) -> publish::Input {
        publish::Input {
            run: self.run.clone(),
            owner: self.owner.clone(),
            comparison: decided.comparison.clone(),
            confirmation: decided.confirmation.clone(),
            approved: false,
        }
    }

    /// All tasks of one scan.
    pub async fn scan_whole(&self, mut progress: Option<String>) -> Result<String, StepError> {
        loop {
            let out = scan::run(self.env, self.scan(progress)).await?;
            if out.outcome == scan::Outcome::Done {
                return Ok(out.progress);
            }
            progress = Some(out.progress);
        }
    }

    /// Scans, compares and confirms until there is something to publish.
    pub async fn decide(&self) -> Result<Decided, StepError> {
        self.decide_from(None).await
    }

    /// The same from somewhere in a scan.
    pub async fn decide_from(&self, mut progress: Option<String>) -> Result<Decided, StepError> {
        loop {
            let scanned = self.scan_whole(progress).await?;
            let compared = compare::run(self.env, self.compare(&scanned)).await?;
            let mut decided = Decided {
                progress: scanned,
                comparison: compared.comparison,
                confirmation: None,
            };
            match compared.outcome {
                compare::Outcome::Scan => {
                    progress = Some(compared.progress);
                    continue;
                }
                compare::Outcome::Publish => return Ok(decided),
                compare::Outcome::Confirm => {}
            }
            progress = loop {
                let input = self.confirm(&decided.comparison, decided.confirmation);
                let told = confirm::run(self.env, input).await?;
                decided.confirmation = Some(told.confirmation);
                match told.outcome {
                    confirm::Outcome::Publish => return Ok(decided),
                    confirm::Outcome::Scan => break Some(told.progress),
                    _ => {}
                }
            };
        }
    }
}
