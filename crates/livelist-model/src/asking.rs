//! How a provider is asked about single keys: in which form (`in` or `or`), with which literals, and
//! how many keys in one question. This is a pure state machine. It is told the result of each
//! question, and says what to ask next. The client sends the questions.
//!
//! A question may be refused, or its answer may lack keys that are known to be live (the *controls*).
//! There are three possible reasons: the question is too long, the provider does not know its form,
//! or the provider is down or denies access. To tell them apart, one live key is asked for alone, in
//! the same form.
//!
//! - If that works, the question was too long. The next one has half as many keys, and once one
//!   works, larger sizes are tried in between.
//! - If it does not work, the other literal and the other form are tried, each with one live key.

use serde::{Deserialize, Serialize};

use crate::guard_switch::{Guard, is_off};

/// The words of a question about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// `key in ('a','b')`
    In,
    /// `key eq 'a' or key eq 'b'`
    Or,
}

/// How a key is written in a condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyLiteral {
    /// `'a'`: a text.
    #[default]
    Quoted,
    /// Bare: numbers (`Edm.Int64`) and UUIDs (`Edm.Guid`) on servers with strict types.
    Bare,
}

impl KeyLiteral {
    /// Whether this is the default, with quotes.
    pub fn is_quoted(&self) -> bool {
        *self == KeyLiteral::Quoted
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> KeyLiteral {
        match self {
            KeyLiteral::Quoted => KeyLiteral::Bare,
            KeyLiteral::Bare => KeyLiteral::Quoted,
        }
    }
}

/// Whether a key may be written without quotes. Only a 64-bit integer or a UUID may, because a bare literal
/// goes into the condition unchanged.
pub fn can_be_bare(key: &str) -> bool {
    let is_uuid = || {
        let parts: Vec<&str> = key.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let is_hex = |part: &&str| part.bytes().all(|b| b.is_ascii_hexdigit());
        lengths == [8, 4, 4, 4, 12] && parts.iter().all(is_hex)
    };
    let digits = key.strip_prefix('-').unwrap_or(key);
    let is_integer = !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && key.parse::<i64>().is_ok();
    is_integer || is_uuid()
}

/// How one question is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manner {
    /// Its words.
    pub words: Words,
    /// How keys are written in it.
    #[serde(default, skip_serializing_if = "KeyLiteral::is_quoted")]
    pub literal: KeyLiteral,
    /// About how many keys at most, those that are known to be live included.
    pub keys: u32,
}

impl Manner {
    /// In words, for people.
    pub fn describe(&self) -> String {
        let literal = match self.literal {
            KeyLiteral::Quoted => "",
            KeyLiteral::Bare => ", without quotes",
        };
        match (self.words, self.keys) {
            (_, ..=1) => format!("one at a time{literal}"),
            (Words::In, n) => format!("by `in`, at most {n} at once{literal}"),
            (Words::Or, n) => format!("by `eq` and `or`, at most {n} at once{literal}"),
        }
    }
}

/// What is known about the questions that a provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    words: Words,
    #[serde(default, skip_serializing_if = "KeyLiteral::is_quoted")]
    literal: KeyLiteral,
    /// More keys than this are never asked for at once.
    most: u32,
    /// The most keys in a question that was answered; 0 if not known yet.
    #[serde(default)]
    works: u32,
    /// The fewest that were not, if any were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fails: Option<u32>,
    /// A question that was not answered, and which trial comes next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    doubt: Option<Doubt>,
    /// Questions that were not answered.
    #[serde(default)]
    refusals: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Doubt {
    /// The keys of the question.
    keys: u32,
    /// The next trial: 0 is one key in the same form.
    trial: u32,
}

/// The next action after a question failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// The next question, or the next trial.
    GoOn,
    /// Nothing works: the provider is down, or access is lost.
    GiveUp,
}

/// No further trials after this many failed questions. Going from the largest question down to one key in
/// both forms, and up again, takes fewer.
const MOST_REFUSALS: u32 = 20;

impl Asking {
    /// Nothing was learned yet: questions are put as `manner` has it.
    pub fn as_set(manner: Manner) -> Asking {
        Asking {
            words: manner.words,
            literal: manner.literal,
            most: manner.keys.max(1),
            works: 0,
            fails: None,
            doubt: None,
            refusals: 0,
        }
    }

    /// How the next question is put.
    pub fn manner(&self) -> Manner {
        Manner {
            words: self.words,
            literal: self.literal,
            keys: self.size(),
        }
    }

    fn size(&self) -> u32 {
        match self.fails {
            None => self.most,
            Some(fails) if self.works == 0 => (fails / 2).max(1),
            // Near enough: one more question would gain less than it costs.
            Some(fails) if fails - self.works <= (self.works / 4).max(1) => self.works,
            Some(fails) => self.works + (fails - self.works) / 2,
        }
    }

    /// Whether a question with this many keys tries out a new size.
    pub fn is_attempt(&self, keys: u32) -> bool {
        self.fails.is_some() && keys > self.works
    }

    /// Whether a trial has to come before the next question.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// Whether anything was learned that `set` does not say.
    pub fn has_learned(&self, set: Manner) -> bool {
        self.doubt.is_none() && self.manner() != Asking::as_set(set).manner()
    }

    /// Records that a question with this many keys was answered.
    pub fn answered(&mut self, keys: u32) {
        self.works = self.works.max(keys.min(self.most));
        // It was not the number that failed then.
        self.fails = self.fails.filter(|fails| *fails > self.works);
    }

    /// Records that a question with this many keys failed, or that its answer was wrong.
    pub fn refused(&mut self, keys: u32) -> After {
        self.refusals += 1;
        if self.refusals > MOST_REFUSALS || is_off(Guard::Form) {
            return After::GiveUp;
        }
        self.doubt = Some(Doubt { keys, trial: 0 });
        After::GoOn
    }

    /// Ends the doubt: the failure had another cause than the question.
    pub fn forget_doubt(&mut self) {
        self.doubt = None;
        self.refusals = self.refusals.saturating_sub(1);
    }

    /// How to ask now for one key that is known to be live, alone. `can_be_bare` says whether the key may
    /// be written without quotes.
    pub fn trial(&mut self, can_be_bare: bool) -> Option<Manner> {
        let doubt = self.doubt.as_mut()?;
        loop {
            let (words, literal) = nth(self.words, self.literal, doubt.trial)?;
            if literal.is_quoted() || can_be_bare {
                return Some(Manner {
                    words,
                    literal,
                    keys: 1,
                });
            }
            doubt.trial += 1;
        }
    }

    /// The answer to the trial showed the key, or it did not.
    pub fn tried(&mut self, is_shown: bool) -> After {
        let Some(doubt) = self.doubt else {
            return After::GoOn;
        };
        if !is_shown {
            let trial = doubt.trial + 1;
            self.doubt = Some(Doubt { trial, ..doubt });
            return match nth(self.words, self.literal, trial) {
                Some(_) => After::GoOn,
                None => self.give_up(),
            };
        }
        self.doubt = None;
        if let (1.., Some((words, literal))) =
            (doubt.trial, nth(self.words, self.literal, doubt.trial))
        {
            (self.words, self.literal) = (words, literal);
            (self.works, self.fails) = (0, None);
            return After::GoOn;
        }
        if doubt.keys <= 1 {
            // As short as can be, and another key is answered: it is not the form.
            return self.give_up();
        }
        self.fails = Some(self.fails.map_or(doubt.keys, |fails| fails.min(doubt.keys)));
        // It worked before, and does no longer.
        if self.works >= doubt.keys {
            self.works = 0;
        }
        if self.size() == 1 && self.words == Words::In {
            // One key by `in` is worth no more than one by `eq`; several by `or` may work.
            self.words = Words::Or;
            (self.works, self.fails) = (0, None);
        }
        After::GoOn
    }

    fn give_up(&mut self) -> After {
        self.doubt = None;
        After::GiveUp
    }
}

/// The form of the trial `nth`: the same, the other literal, the other words, both.
fn nth(words: Words, literal: KeyLiteral, nth: u32) -> Option<(Words, KeyLiteral)> {
    let others = match words {
        Words::In => Words::Or,
        Words::Or => Words::In,
    };
    match nth {
        0 => Some((words, literal)),
        1 => Some((words, literal.other())),
        2 => Some((others, literal)),
        3 => Some((others, literal.other())),
        _ => None,
    }
}

/// `forms/{credential}.json`: which questions a credential's provider answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Learned {
    /// Version of this document's form.
    pub schema: u32,
    /// By resource, and by how the settings put the question.
    pub forms: Vec<LearnedForm>,
}

/// What was learned about one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedForm {
    /// The RESO resource.
    pub resource: crate::ResourceName,
    /// How the settings put the question.
    pub set: Manner,
    /// The working form and size.
    pub asking: Asking,
    /// When.
    pub at: jiff::Timestamp,
}

/// How long a result is valid. After that, larger questions are tried again.
const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

impl Learned {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// What was learned about `resource`, if it is still valid. An entry from the future was written with a
    /// wrong clock and does not count.
    pub fn of(
        &self,
        resource: &crate::ResourceName,
        set: Manner,
        now: jiff::Timestamp,
    ) -> Option<Asking> {
        let holds = |form: &&LearnedForm| {
            let age = now.duration_since(form.at);
            form.resource == *resource && form.set == set && age < KEPT && !age.is_negative()
        };
        let known = self
            .forms
            .iter()
            .find(holds)
            .filter(|_| self.schema == Self::SCHEMA)?;
        Some(Asking {
            refusals: 0,
            ..known.asking
        })
    }

    /// A copy that includes a new result.
    #[must_use]
    pub fn with(self, learned: LearnedForm) -> Learned {
        let mut forms = self.forms;
        forms.retain(|form| {
            let is_old = learned.at.duration_since(form.at).abs() >= KEPT;
            !is_old && (form.resource != learned.resource || form.set != learned.set)
        });
        forms.push(learned);
        Learned {
            schema: Self::SCHEMA,
            forms,
        }
    }
}

impl Default for Learned {
    fn default() -> Self {
        Learned {
            schema: Self::SCHEMA,
            forms: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
