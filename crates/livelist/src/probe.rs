//! `livelist probe`: reads the document of an MLS and its secret, and calls `livelist_reso::probe`.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Duration;

use async_trait::async_trait;
use livelist_model::registry::{Pair, parse_mls};
use livelist_model::run::FeedSpec;
use livelist_model::{layout, with_causes};
use livelist_reso::dialect::Dialect;
use livelist_reso::probe::{self, Change, Check, Name, Probed, SecretTrouble, Verdict};
use livelist_reso::secret::Account;
use livelist_reso::time::Pace;
use livelist_reso::{Dialects, HttpTransport};
use livelist_store::{Clock, Entropy, ObjectsExt, SystemClock, SystemEntropy};
use serde::Serialize;

use crate::cli::ProbeArgs;
use crate::exit::{Code, Failed};
use crate::exposed;
use crate::world::Documents;

/// Runs `livelist probe`.
pub async fn run(arguments: ProbeArgs, environment: Vec<(String, String)>) -> Result<Code, Failed> {
    let report = report(&arguments, environment).await?;
    let mut out = std::io::stdout().lock();
    match arguments.json {
        true => writeln!(out, "{}", serde_json::to_string(&report)?)?,
        false => write!(out, "{}", report.text())?,
    }
    let failed = |check: &Check| check.verdict == Verdict::Failed;
    Ok(match report.checks.iter().find(|check| failed(check)) {
        Some(check) if check.name == Name::Registry => Code::Usage,
        Some(_) => Code::Held,
        None => Code::Ok,
    })
}

/// The output.
#[derive(Debug, Serialize)]
struct Report {
    mls: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<String>,
    /// The worst of the checks'.
    verdict: Verdict,
    /// Requests sent to the provider.
    requests: u64,
    checks: Vec<Check>,
}

async fn report(
    arguments: &ProbeArgs,
    environment: Vec<(String, String)>,
) -> Result<Report, Failed> {
    let source = &arguments.source;
    let Documents {
        objects,
        secrets,
        name,
    } = Documents::open(
        source.registry.as_deref(),
        source.stack.as_deref(),
        environment,
    )
    .await?;
    let file = format!("mls/{}.json", arguments.mls);
    let Some((text, _)) = objects.read(&layout::mls(&arguments.mls)).await? else {
        return Err(Failed::usage(format!(
            "{name} holds no {file}. Write it first: docs/registry.md has an example for each provider"
        )));
    };
    let document = parse_mls(&file, &text, &Dialects);
    let check = probe::registry(&file, &document);
    let mut report = Report {
        mls: arguments.mls.to_string(),
        provider: None,
        resource: arguments.resource.to_string(),
        filter: arguments.filter.clone(),
        verdict: Verdict::Ok,
        requests: 0,
        checks: Vec::new(),
    };
    let Ok(mls) = document else {
        return Ok(report.ended(check, Vec::new(), "the document is not sound"));
    };
    report.provider = Some(mls.provider.to_string());
    let pair = Pair {
        mls: mls.mls.clone(),
        resource: arguments.resource.clone(),
        filter: arguments.filter.clone(),
        enabled: true,
    };
    let feed = FeedSpec::resolve(&mls, &pair);
    let dialect = Dialect::for_feed(&feed).map_err(|e| Failed::internal(&e))?;
    let check = probe::filter(check, &feed, &dialect);
    if check.verdict == Verdict::Failed {
        return Ok(report.ended(check, Vec::new(), "the registry does not fit the provider"));
    }
    let account = match secrets.get(&feed.credential).await {
        Ok(text) => Account::parse_as(feed.auth, dialect.api_key_header.is_some(), &text)
            .map_err(SecretTrouble::Account),
        Err(error) => Err(SecretTrouble::Unreadable(with_causes(&error))),
    };
    let mut secret = probe::secret(&feed, &account);
    if let Some(registry) = &source.registry
        && let Some(advice) = exposed::exposed(registry, &feed.credential)
    {
        secret.verdict = secret.verdict.max(Verdict::Warning);
        secret.seen.push(exposed::PROBLEM.to_owned());
        secret.change.push(Change {
            field: None,
            advice,
        });
    }
    let Ok(account) = account else {
        return Ok(report.ended(check, vec![secret], "there is no account to ask with"));
    };
    let (transport, key) = (HttpTransport::new(), arguments.key.as_deref());
    let probed = probe::probe(&transport, &SystemPace, &feed, &account, key).await;
    let Probed { checks, requests } = probed.map_err(|e| Failed::internal(&e))?;
    report.requests = requests;
    let checks = [secret].into_iter().chain(checks).collect();
    Ok(report.ended(check, checks, ""))
}

impl Report {
    /// With all checks; those that are not there were skipped, and `why`.
    fn ended(mut self, registry: Check, made: Vec<Check>, why: &str) -> Report {
        self.checks = [registry].into_iter().chain(made).collect();
        for name in Name::ALL.into_iter().skip(self.checks.len()) {
            self.checks.push(Check::skipped(name, why));
        }
        let worst = self.checks.iter().map(|check| check.verdict).max();
        self.verdict = worst.unwrap_or(Verdict::Ok);
        self
    }

    fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        let provider = self.provider.as_deref().unwrap_or("an unknown provider");
        write!(text, "{} of {} by {provider}", self.resource, self.mls)?;
        if let Some(filter) = &self.filter {
            write!(text, ", filter {filter}")?;
        }
        writeln!(text, "\n")?;
        for check in &self.checks {
            let (verdict, name) = (check.verdict.as_str(), check.name.as_str());
            let mut head = format!("{verdict:8} {name:13}");
            for seen in &check.seen {
                writeln!(text, "{head} {seen}")?;
                head = " ".repeat(22);
            }
            for change in &check.change {
                match &change.field {
                    Some(field) => writeln!(text, "{head} -> {field}: {}", change.advice)?,
                    None => writeln!(text, "{head} -> {}", change.advice)?,
                }
            }
        }
        let of = |verdict| self.checks.iter().filter(|c| c.verdict == verdict).count();
        writeln!(
            text,
            "\nok: {}, warnings: {}, failed: {}, skipped: {}; requests: {}",
            of(Verdict::Ok),
            of(Verdict::Warning),
            of(Verdict::Failed),
            of(Verdict::Skipped),
            self.requests
        )
    }
}

/// The machine's clock and randomness.
struct SystemPace;

#[async_trait]
impl Pace for SystemPace {
    fn now(&self) -> jiff::Timestamp {
        SystemClock.now()
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }

    async fn patience_ends(&self, duration: Duration) {
        SystemClock.patience_ends(duration).await;
    }

    fn fraction(&self) -> f64 {
        SystemEntropy.fraction()
    }
}
