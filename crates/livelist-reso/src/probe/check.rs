//! The output of a probe: checks with stable names, each with a verdict, observations, and advice. Plain
//! data.

use serde::Serialize;

/// The checks, in the order in which they are made. The names are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Name {
    /// The MLS's document.
    Registry,
    /// The secret behind the credential reference.
    Secret,
    /// Getting a token, and whether requests are let in with it.
    Token,
    /// The first page of a scan.
    Page,
    /// The way from one page to the next.
    Continuation,
    /// Whether the server counts.
    Count,
    /// Asking for keys.
    Confirmation,
    /// The server's clock compared with ours.
    Clock,
    /// The requests that a run needs, compared with the budgets.
    Budget,
}

impl Name {
    /// All of them, in order.
    pub const ALL: [Name; 9] = [
        Name::Registry,
        Name::Secret,
        Name::Token,
        Name::Page,
        Name::Continuation,
        Name::Count,
        Name::Confirmation,
        Name::Clock,
        Name::Budget,
    ];

    /// The name.
    pub fn as_str(self) -> &'static str {
        match self {
            Name::Registry => "registry",
            Name::Secret => "secret",
            Name::Token => "token",
            Name::Page => "page",
            Name::Continuation => "continuation",
            Name::Count => "count",
            Name::Confirmation => "confirmation",
            Name::Clock => "clock",
            Name::Budget => "budget",
        }
    }
}

/// The result of a check; the greater, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It was not made; the reason is given.
    Skipped,
    /// It works.
    Ok,
    /// It works, but someone should look at it.
    Warning,
    /// Runs would fail or be held.
    Failed,
}

impl Verdict {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Skipped => "skipped",
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "failed",
        }
    }
}

/// Something to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The field of the MLS's document; `None` if something else has to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do.
    pub advice: String,
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which.
    pub name: Name,
    /// The result.
    pub verdict: Verdict,
    /// Observations, one per line. Never holds a secret.
    pub seen: Vec<String>,
    /// What to change.
    pub change: Vec<Change>,
}

impl Check {
    /// One that works so far.
    pub fn ok(name: Name) -> Check {
        Check {
            name,
            verdict: Verdict::Ok,
            seen: Vec::new(),
            change: Vec::new(),
        }
    }

    /// One that is not made.
    pub fn skipped(name: Name, why: impl Into<String>) -> Check {
        Check {
            verdict: Verdict::Skipped,
            ..Check::ok(name).saw(why)
        }
    }

    /// With something seen.
    #[must_use]
    pub fn saw(mut self, seen: impl Into<String>) -> Check {
        self.seen.push(seen.into());
        self
    }

    /// The check with a warning.
    #[must_use]
    pub fn warn(mut self, seen: impl Into<String>) -> Check {
        self.verdict = self.verdict.max(Verdict::Warning);
        self.saw(seen)
    }

    /// With something that does not work.
    #[must_use]
    pub fn fail(mut self, seen: impl Into<String>) -> Check {
        self.verdict = Verdict::Failed;
        self.saw(seen)
    }

    /// With something to change in `field` of the MLS's document.
    #[must_use]
    pub fn change(mut self, field: &str, advice: impl Into<String>) -> Check {
        self.change.push(Change {
            field: Some(field.to_owned()),
            advice: advice.into(),
        });
        self
    }

    /// With something to do elsewhere.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Check {
        self.change.push(Change {
            field: None,
            advice: advice.into(),
        });
        self
    }

    /// The same with every text passed through `words`.
    #[must_use]
    pub(super) fn reworded(mut self, words: impl Fn(&str) -> String) -> Check {
        for seen in &mut self.seen {
            *seen = words(seen);
        }
        for change in &mut self.change {
            change.advice = words(&change.advice);
        }
        self
    }
}
