//! Keys that sites asked about and that are unknown. The API notes them, in one object for each feed
//! and client. The feed's next run asks the MLS for exactly these keys. A key that is found is
//! listed. A key that two looks do not find is gone. A key that cannot be asked for stays unknown,
//! and its note expires. Pure.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, FeedId};
use crate::instant;
use crate::keys::MAX_ID_BYTES;

/// At most this many new keys are noted in a day, per client and feed.
pub const NEW_A_DAY: usize = 1_000;
/// At most this many keys are open at once, per client and feed.
pub const MOST_OPEN: usize = 5_000;
/// One run asks for at most this many keys, of all clients together.
pub const MOST_ASKED: usize = 5_000;
/// The object is written at most once in this time.
pub const WRITTEN_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// A question without an answer for this long is dropped. A site that is still interested asks again.
const EXPIRES: SignedDuration = SignedDuration::from_hours(30 * 24);
/// If a site asks about a key this long after it was proved gone, the MLS is asked again.
const ASKED_ANEW: i64 = 2 * 86_400;

/// `questions/{feed}/{client}.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Questions {
    /// Version of this document's form.
    pub schema: u32,
    /// The feed.
    pub feed: FeedId,
    /// The client.
    pub client: ClientId,
    /// When it was written last.
    pub at: Timestamp,
    /// Open questions, oldest first.
    pub open: Vec<Question>,
}

/// A key that a site asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Question {
    /// When it was asked first.
    pub at: Timestamp,
    /// The key.
    pub key: String,
    /// Its `ListingId`, if the site sent it: some MLSs can only be asked by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// In which second of the Unix time the site got its copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub got: Option<i64>,
}

impl Question {
    /// A question asked now. An invalid id is ignored.
    pub fn new(key: String, id: Option<String>, got: Option<i64>, now: Timestamp) -> Question {
        let is_id = |id: &String| !id.is_empty() && id.len() <= MAX_ID_BYTES && !has_control(id);
        Question {
            at: now,
            key,
            id: id.filter(is_id),
            got,
        }
    }

    /// Whether it is answered by the proof that the key is gone since `since`.
    pub fn is_answered_by(&self, since: i64) -> bool {
        let is_older = self.got.is_none_or(|got| got < since);
        is_older && !is_anew(since, self.at)
    }
}

fn has_control(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control())
}

/// Whether a question at `at`, about a key that is gone since `since`, has to be asked again.
pub fn is_anew(since: i64, at: Timestamp) -> bool {
    at.as_second().saturating_sub(since) > ASKED_ANEW
}

/// How many keys of one call were noted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Noted {
    /// Keys that are open now.
    pub open: usize,
    /// Of these, those that were not before, or of which something else is known now.
    pub new: usize,
    /// Keys for which there is no room, today or at all.
    pub left_out: usize,
}

impl Questions {
    /// The form that this version writes and reads.
    pub const SCHEMA: u32 = 1;

    /// Nothing is open.
    pub fn new(feed: FeedId, client: ClientId) -> Questions {
        Questions {
            schema: Self::SCHEMA,
            feed,
            client,
            at: Timestamp::UNIX_EPOCH,
            open: Vec::new(),
        }
    }

    /// Whether it may be written now.
    pub fn may_be_written(&self, now: Timestamp) -> bool {
        // A time in the future comes from a wrong clock and does not count.
        instant::is_future(self.at, now) || now.duration_since(self.at) >= WRITTEN_EVERY
    }

    /// Removes questions that are too old. A time in the future counts as now.
    pub fn expire(&mut self, now: Timestamp) {
        for question in &mut self.open {
            question.at = instant::believed(question.at, now);
        }
        self.open
            .retain(|question| now.duration_since(question.at) <= EXPIRES);
        self.open.sort();
    }

    /// Notes new questions, up to the limits.
    pub fn note(&mut self, asked: Vec<Question>, now: Timestamp) -> Noted {
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let today = self.open.iter().filter(|open| day(open.at) == day(now));
        let mut room = NEW_A_DAY.saturating_sub(today.count());
        let mut open: std::collections::BTreeMap<String, Question> = self
            .open
            .drain(..)
            .map(|question| (question.key.clone(), question))
            .collect();
        let mut noted = Noted::default();
        for question in asked {
            if let Some(known) = open.get_mut(&question.key) {
                noted.open += 1;
                let id = question.id.or_else(|| known.id.clone());
                let got = question.got.max(known.got);
                if (&id, got) != (&known.id, known.got) {
                    (known.id, known.got) = (id, got);
                    noted.new += 1;
                }
            } else if room == 0 || open.len() >= MOST_OPEN {
                noted.left_out += 1;
            } else {
                room -= 1;
                noted.open += 1;
                noted.new += 1;
                open.insert(question.key.clone(), question);
            }
        }
        self.open = open.into_values().collect();
        self.open.sort();
        noted
    }
}

/// The questions of all clients, each key once. Clients take turns, so that one with many questions does
/// not delay the others. The oldest come first, up to the limit of one run.
pub fn in_turns(clients: Vec<Questions>, is_open: impl Fn(&Question) -> bool) -> Vec<Question> {
    let mut clients: Vec<_> = clients
        .into_iter()
        .map(|client| client.open.into_iter().filter(&is_open))
        .collect();
    let mut taken: std::collections::BTreeMap<String, usize> = Default::default();
    let mut all: Vec<Question> = Vec::new();
    let mut any = true;
    while any {
        any = false;
        for client in &mut clients {
            let Some(question) = client.next() else {
                continue;
            };
            any = true;
            if let Some(nth) = taken.get(&question.key)
                && let Some(other) = all.get_mut(*nth)
            {
                other.id = other.id.take().or(question.id);
                other.got = other.got.max(question.got);
            } else if all.len() < MOST_ASKED {
                taken.insert(question.key.clone(), all.len());
                all.push(question);
            }
        }
    }
    all
}

/// The shape of a feed's keys: their lengths and kinds of characters. A key of another shape cannot belong
/// to this feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    shortest: usize,
    longest: usize,
    /// A bit for each kind of character that was seen.
    kinds: u64,
}

impl Default for Shape {
    fn default() -> Shape {
        Shape {
            shortest: usize::MAX,
            longest: 0,
            kinds: 0,
        }
    }
}

impl Shape {
    /// Learns from a key of the feed.
    #[inline]
    pub fn learn(&mut self, key: &[u8]) {
        self.shortest = self.shortest.min(key.len());
        self.longest = self.longest.max(key.len());
        self.kinds = key.iter().fold(self.kinds, |all, byte| all | kind(*byte));
    }

    /// Whether a key has this shape: within the length of the feed's keys, and with no other kinds of
    /// characters. If no key was seen, none fits.
    pub fn fits(&self, key: &[u8]) -> bool {
        let kinds = key.iter().fold(0, |all, byte| all | kind(*byte));
        (self.shortest..=self.longest).contains(&key.len()) && kinds & !self.kinds == 0
    }
}

/// The kind of a character: digits, small letters, capitals, and non-ASCII characters are one kind each;
/// every other sign is a kind of its own.
#[inline]
const fn kind(byte: u8) -> u64 {
    match byte {
        b'0'..=b'9' => 1,
        b'a'..=b'z' => 1 << 1,
        b'A'..=b'Z' => 1 << 2,
        128.. => 1 << 3,
        // 33 signs: four stretches of ASCII that do not touch.
        b' '..=b'/' => 1 << (4 + (byte - b' ')),
        b':'..=b'@' => 1 << (20 + (byte - b':')),
        b'['..=b'`' => 1 << (27 + (byte - b'[')),
        b'{'..=b'~' => 1 << (33 + (byte - b'{')),
        _ => 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn of(client: &str) -> Questions {
        Questions::new(
            "abor-property-1f0c9a2b".parse().unwrap(),
            client.parse().unwrap(),
        )
    }

    fn asked(keys: impl IntoIterator<Item = String>, now: Timestamp) -> Vec<Question> {
        let new = |key| Question::new(key, None, None, now);
        keys.into_iter().map(new).collect()
    }

    #[test]
    fn a_day_has_room_for_so_many_and_the_object_for_five_days() {
        let mut questions = of("acme");
        let mut now = at("2026-11-21T04:00:00Z");
        let junk = || (0..6_000).map(|i| format!("{i:06}"));
        for day in 1..=5 {
            let noted = questions.note(asked(junk(), now), now);
            assert_eq!(noted.open, day * NEW_A_DAY);
            assert_eq!((noted.new, noted.left_out), (1_000, 6_000 - noted.open));
            let again = questions.note(asked(junk(), now), now);
            assert_eq!((again.new, again.open), (0, noted.open), "the same day");
            now += SignedDuration::from_hours(24);
        }
        let noted = questions.note(asked(junk(), now), now);
        assert_eq!((noted.new, noted.open), (0, MOST_OPEN));
        // Junk expires.
        questions.expire(now + SignedDuration::from_hours(26 * 24));
        assert_eq!(questions.open.len(), 4_000);
    }

    #[test]
    fn of_two_words_on_a_key_the_later_copy_counts() {
        let mut questions = of("acme");
        let now = at("2026-11-21T04:00:00Z");
        let ask = |id: Option<&str>, got| {
            vec![Question::new("a".into(), id.map(str::to_owned), got, now)]
        };
        assert_eq!(questions.note(ask(None, None), now).new, 1);
        assert_eq!(questions.note(ask(Some("L1"), Some(5)), now).new, 1);
        assert_eq!(questions.note(ask(Some("L\n"), Some(3)), now).new, 0);
        let [only] = &questions.open[..] else {
            panic!("{questions:?}")
        };
        assert_eq!((only.id.as_deref(), only.got), (Some("L1"), Some(5)));
    }

    #[test]
    fn a_proof_answers_what_was_asked_before_it_and_of_older_copies() {
        let since = at("2026-11-21T04:00:00Z");
        let question = |hours, got| {
            let at = since + SignedDuration::from_hours(hours);
            Question::new("a".into(), None, got, at).is_answered_by(since.as_second())
        };
        assert!(question(-48, None));
        assert!(question(48, None));
        assert!(!question(49, None), "asked anew");
        assert!(question(-48, Some(since.as_second() - 1)));
        assert!(!question(-48, Some(since.as_second())), "a later copy");
    }

    #[test]
    fn an_hour_lies_between_two_writes_whatever_the_clock_did() {
        let mut questions = of("acme");
        questions.at = at("2026-11-21T04:00:00Z");
        assert!(!questions.may_be_written(at("2026-11-21T04:59:59Z")));
        assert!(questions.may_be_written(at("2026-11-21T05:00:00Z")));
        assert!(
            questions.may_be_written(at("2026-11-19T04:00:00Z")),
            "the clock was ahead"
        );
        let now = at("2026-11-21T05:00:00Z");
        questions.note(asked(["a".to_owned()], at("2036-01-01T00:00:00Z")), now);
        questions.expire(now);
        assert_eq!(questions.open[0].at, now);
    }

    #[test]
    fn clients_are_asked_for_in_turns() {
        let now = at("2026-11-21T04:00:00Z");
        let mut greedy = of("acme");
        greedy.note(asked((0..1_000).map(|i| format!("{i:06}")), now), now);
        let mut modest = of("bolt");
        let later = now + SignedDuration::from_hours(1);
        let keys = ["000001", "x", "y"].map(str::to_owned);
        modest.note(asked(keys, later), later);
        let all = in_turns(vec![greedy, modest], |open| open.key != "y");
        let first: Vec<&str> = all.iter().take(4).map(|open| &open.key[..]).collect();
        assert_eq!(first, ["000000", "000001", "x", "000002"]);
        assert_eq!(all.len(), 1_001);
    }

    #[test]
    fn only_keys_of_the_feeds_shape_fit() {
        let mut shape = Shape::default();
        assert!(!shape.fits(b"1"), "nothing is known");
        for key in ["1124650211", "20A-1"] {
            shape.learn(key.as_bytes());
        }
        for (key, fits) in [
            ("1124650212", true),
            ("ZZZZZ", true),
            ("-----", true),
            ("1124", false),
            ("11246502110", false),
            ("20a-1", false),
            ("20A_1", false),
            ("20A 1", false),
            ("20\u{c4}1", false),
        ] {
            assert_eq!(shape.fits(key.as_bytes()), fits, "{key}");
        }
    }

    #[test]
    fn each_sign_is_a_kind_of_its_own() {
        let signs = (b' '..=b'~').filter(|byte| !byte.is_ascii_alphanumeric());
        let kinds: std::collections::BTreeSet<u64> = signs.map(kind).collect();
        assert_eq!(kinds.len(), 33);
        assert!(kinds.iter().all(|kind| *kind > 8));
    }
}
