//! What a run knows about its token. If a token worked a moment ago and is refused now, it has
//! probably expired, and requesting a new one makes sense. If it never worked, the credential itself
//! is refused.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::Uri;
use serde::{Deserialize, Serialize};

/// How often in a row one request may be refused, each time with a token that worked for others.
const MOST: u32 = 5;

/// What is known about the current token. It is stored between the tasks of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Admission {
    /// Whether the provider has accepted it.
    let_in: bool,
    /// How many tokens in a row were refused without ever being accepted.
    vain: u32,
    /// Whether any token of this run was accepted.
    has_read: bool,
    /// Hash of the URL of the request that was refused last; empty once it is answered.
    refused: Option<u64>,
    /// How often in a row that was refused.
    times: u32,
    /// How often that request had failed before it was refused. A new token does not reset the number of
    /// its attempts.
    tried: u32,
    /// Whether no further token should be requested.
    #[serde(skip)]
    is_over: bool,
}

impl Admission {
    /// The state of a run whose token has read a whole list.
    pub fn of_a_reader() -> Admission {
        Admission {
            let_in: true,
            has_read: true,
            ..Admission::default()
        }
    }

    /// Whether nothing is known yet.
    pub fn is_none(&self) -> bool {
        *self == Admission::default()
    }

    /// Whether requesting another token is pointless. That is so if the token before was refused as well
    /// and nothing was answered in between (two tokens before, if the run has read with one), or if the
    /// same request was refused again and again.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether the provider has accepted the token.
    pub(crate) fn is_let_in(&self) -> bool {
        self.let_in
    }

    /// Whether a refusal of this request with another status than 401 may mean that the token has expired.
    /// That is possible if the token was accepted before, or if the message mentions the token and this is
    /// its first refusal. It is not if a new token got the same refusal.
    pub(crate) fn may_have_ended(&self, uri: &Uri, is_named: bool) -> bool {
        let is_first = is_named && self.refused.is_none();
        (self.let_in || is_first) && self.refused != Some(hash(uri))
    }

    /// How many attempts of this request failed with tokens that have expired.
    pub(crate) fn tried(&self, uri: &Uri) -> u32 {
        match self.refused == Some(hash(uri)) {
            true => self.tried,
            false => 0,
        }
    }

    /// The request was answered.
    pub(crate) fn answered(&mut self, uri: &Uri) {
        (self.let_in, self.has_read, self.vain) = (true, true, 0);
        if self.refused == Some(hash(uri)) {
            (self.refused, self.times, self.tried) = (None, 0, 0);
        }
    }

    /// The request failed, but the token was not refused.
    pub(crate) fn stumbled(&mut self) {
        (self.let_in, self.has_read, self.vain) = (true, true, 0);
    }

    /// The token was refused, after `tried` failed attempts of the same request.
    pub(crate) fn refuse(&mut self, uri: &Uri, tried: u32) {
        self.refuse_at(hash(uri), tried);
    }

    /// Several answers together indicate that the token has expired; none of them does so alone.
    pub(crate) fn doubt(&mut self) {
        self.refuse_at(0, 0);
    }

    fn refuse_at(&mut self, here: u64, tried: u32) {
        let here = Some(here);
        let is_again = self.refused == here;
        let is_vain = !self.let_in && self.refused.is_some();
        let vain = self.vain + u32::from(is_vain);
        // A run that has read before may have used a token that another token request invalidated: allow
        // one more.
        self.is_over = vain > u32::from(self.has_read) || (is_again && self.times >= MOST);
        *self = Admission {
            let_in: false,
            vain,
            has_read: self.has_read,
            refused: here,
            times: if is_again { self.times + 1 } else { 1 },
            tried,
            is_over: self.is_over,
        };
    }
}

/// Only one run compares these hashes. `DefaultHasher::new` has no random key, so they can be stored.
fn hash(uri: &Uri) -> u64 {
    let mut hasher = DefaultHasher::new();
    uri.to_string().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(n: u32) -> Uri {
        format!("https://x.example/odata/Property?at={n}")
            .parse()
            .unwrap()
    }

    #[test]
    fn a_token_that_was_never_let_in_is_refused_at_the_second_one() {
        let mut known = Admission::default();
        assert!(!known.may_have_ended(&uri(1), false));
        assert!(known.may_have_ended(&uri(1), true), "by its words");
        known.refuse(&uri(1), 0);
        assert!(!known.is_over(), "it may have been kept too long");
        known.refuse(&uri(1), 0);
        assert!(known.is_over());
        let mut elsewhere = Admission::of_a_reader();
        elsewhere.refuse(&uri(1), 0);
        elsewhere.refuse(&uri(2), 0);
        assert!(
            !elsewhere.is_over(),
            "another request for a token may have ended it"
        );
        elsewhere.refuse(&uri(1), 0);
        assert!(
            elsewhere.is_over(),
            "two new ones in a row, whatever was asked"
        );
    }

    #[test]
    fn a_token_that_ends_again_and_again_gets_somewhere() {
        let mut known = Admission::of_a_reader();
        for n in 0..100 {
            assert!(known.may_have_ended(&uri(n), true));
            known.refuse(&uri(n), 0);
            assert!(!known.is_over(), "{n}");
            assert!(!known.may_have_ended(&uri(n), true));
            known.answered(&uri(n));
        }
    }

    #[test]
    fn one_request_is_refused_a_few_times_by_tokens_that_are_let_in_elsewhere() {
        let mut known = Admission::of_a_reader();
        let times = (0..100).take_while(|_| {
            known.answered(&uri(2));
            known.refuse(&uri(1), 0);
            !known.is_over()
        });
        assert_eq!(times.count(), MOST as usize);
    }

    #[test]
    fn what_was_sent_in_vain_is_not_begun_anew_with_another_token() {
        let mut known = Admission::of_a_reader();
        known.stumbled();
        known.refuse(&uri(1), 4);
        let text = serde_json::to_string(&known).unwrap();
        let mut known: Admission = serde_json::from_str(&text).unwrap();
        assert_eq!((known.tried(&uri(1)), known.tried(&uri(2))), (4, 0));
        known.answered(&uri(2));
        assert_eq!(known.tried(&uri(1)), 4);
        known.answered(&uri(1));
        assert_eq!(known.tried(&uri(1)), 0);
    }
}
