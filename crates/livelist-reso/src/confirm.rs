//! Asks the provider for certain keys. The answer either proves that a listing is gone, or shows that
//! it is still live.

mod batch;

use std::collections::BTreeSet;

use livelist_model::asking::Manner;
use livelist_model::keys::KeyBuffer;

use crate::allow;
use crate::client::{Client, Patience};
use crate::dialect::{CountForm, Dialect};
use crate::error::ClientError;
use crate::filter::filter;
use crate::page::PageError;
use crate::query::{Query, literal_as};

pub use batch::{CONTROLS, Plan, Question};
pub use livelist_model::asking::Words;

/// URLs longer than this are cut off or refused by some servers (RMLS: 5,246 characters).
const MAX_URL: usize = 4_000;
/// The most pages of one answer. More pages mean that the provider's links run in a circle.
const MAX_PAGES: usize = 20;

/// Limits of repetition for a question that only tests what the provider understands. It is expected to
/// fail.
pub const SEARCHING: Patience = Patience {
    attempts: 2,
    short_waits: 20,
};

/// How the dialect and the registry ask for keys; `None` if single keys cannot be asked for. An answer has
/// to fit on half a page: `$top` is twice the number of keys, and an answer that fills it does not count.
pub fn as_set(dialect: &Dialect) -> Option<Manner> {
    let set = dialect.confirm.manner()?;
    let most = (dialect.page_max / 2).max(1);
    Some(Manner {
        keys: set.keys.min(most),
        ..set
    })
}

/// What a provider's answer to one question about keys contains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The keys of its rows, whatever was asked for.
    pub keys: BTreeSet<Vec<u8>>,
    /// If listings are asked for by an id: the ids of its rows, each with the row's key.
    pub ids: BTreeSet<(Vec<u8>, Vec<u8>)>,
    /// Its count, if the dialect asks for one.
    pub count: Option<u64>,
    /// Whether it has as many rows as it was given room for: twice the keys that were asked for.
    pub is_full: bool,
}

impl Shown {
    /// Whether it is an answer to a question with these keys in it, which are known to be live.
    pub fn is_answer(&self, controls: &[Vec<u8>]) -> bool {
        !self.is_full && controls.iter().all(|key| self.keys.contains(key))
    }

    /// A key that was not asked for and differs from `key` only in case or in blanks around it: a
    /// server that compares so answers with it.
    pub fn variant_of(&self, key: &[u8], asked: &[Vec<u8>]) -> Option<&[u8]> {
        let wanted = folded(key)?;
        let others = self.keys.iter().filter(|shown| !asked.contains(shown));
        others
            .map(Vec::as_slice)
            .find(|shown| folded(shown).as_ref() == Some(&wanted))
    }

    /// Other keys of rows with an id that was asked for. A listing that was asked for by that id may have
    /// another key now.
    pub fn others_with<'s>(
        &'s self,
        id: &'s [u8],
        asked: &'s [Vec<u8>],
    ) -> impl Iterator<Item = &'s [u8]> {
        let rows = self.ids.iter().filter(move |(shown, _)| shown == id);
        rows.map(|(_, key)| key.as_slice())
            .filter(|key| !asked.iter().any(|asked| asked == key))
    }
}

fn folded(key: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(key).ok()?;
    Some(text.trim_matches(' ').to_lowercase())
}

/// Whether an error may be due to the question: its length, form or literals. A provider that is down, or
/// lost access, gives the same errors.
pub fn may_be_the_question(error: &ClientError) -> bool {
    let is_broken = matches!(
        error,
        ClientError::Unavailable { .. } | ClientError::Page(_) | ClientError::Loop { .. }
    );
    error.is_refusal() || is_broken
}

/// Whether there was no answer at all. Then the question is not the reason.
pub fn is_down(error: &ClientError) -> bool {
    matches!(
        error,
        ClientError::Unavailable {
            source: Some(_),
            ..
        }
    )
}

/// Asks one question: which of `keys` the provider knows in this feed, over all pages of the answer.
pub async fn ask(
    client: &mut Client<'_>,
    manner: Manner,
    keys: &[Vec<u8>],
) -> Result<Shown, ClientError> {
    let mut uri = allow::parse(&url(client, manner, keys)).map_err(ClientError::Link)?;
    let mut rows = KeyBuffer::default();
    let mut count = None;
    let mut seen = BTreeSet::new();
    for page in 0..MAX_PAGES {
        if !seen.insert(uri.to_string()) {
            return Err(ClientError::Loop { pages: page as u64 });
        }
        let answer = client.question_of_keys(&uri, &mut rows).await?;
        count = count.or(answer.page.count);
        let is_full = rows.len() >= room(keys.len());
        // An answer that fills its page does not count, whatever follows it.
        if let (Some(link), false) = (answer.next, is_full) {
            uri = client.resolve(&answer.uri, &link)?;
            continue;
        }
        // Fewer rows than the answer itself counts: something was lost on the way.
        if !is_full && count.is_some_and(|count| (rows.len() as u64) < count) {
            return Err(ClientError::Page(PageError::Shape(
                "it has fewer rows than it counts".to_owned(),
            )));
        }
        return Ok(Shown {
            keys: rows.iter().map(|(key, _)| key.to_vec()).collect(),
            ids: rows
                .ids()
                .map(|(key, id)| (id.to_vec(), key.to_vec()))
                .collect(),
            count,
            is_full,
        });
    }
    Err(ClientError::Loop {
        pages: MAX_PAGES as u64,
    })
}

/// The questions about `others`, with `controls` among them, each within the length limit of a URL.
pub fn questions(
    client: &Client<'_>,
    manner: Manner,
    controls: &[Vec<u8>],
    others: &[Vec<u8>],
    turn: u32,
) -> Vec<Question> {
    let mut most = manner.keys as usize;
    loop {
        let questions = Plan::of(most).questions(controls, others, turn);
        let fits = |question: &Question| url(client, manner, &question.keys).len() <= MAX_URL;
        if most <= 1 || questions.iter().all(fits) {
            return questions;
        }
        most /= 2;
    }
}

/// The `$top` of a question about this many keys: twice as many rows. An answer that fills it was cut, or
/// shows rows that were not asked for. For a single key it is four, because keys that differ by case may
/// match.
fn room(keys: usize) -> usize {
    keys.saturating_mul(2).max(4)
}

fn url(client: &Client<'_>, manner: Manner, keys: &[Vec<u8>]) -> String {
    let key_field = &client.feed().key_field;
    let field = client.asked_field();
    let condition = condition(client, manner, keys);
    let counts = client.dialect().count == CountForm::Always;
    let select = match field == key_field {
        true => key_field.clone(),
        false => format!("{key_field},{field}"),
    };
    Query::of(
        &client.dialect().base(client.feed()),
        client.feed().resource.as_str(),
    )
    .option("$select", &select)
    .option("$filter", &filter(client, &[&condition]))
    .option("$top", &room(keys.len()).to_string())
    .option("$count", if counts { "true" } else { "" })
    .options(&client.feed().parameters)
    .url()
}

/// That a record is one of these.
pub(crate) fn condition(client: &Client<'_>, manner: Manner, keys: &[Vec<u8>]) -> String {
    let field = client.asked_field();
    let literals = keys.iter().map(|key| {
        literal_as(
            manner.literal,
            &String::from_utf8_lossy(client.asked_as(key)),
        )
    });
    match manner.words {
        Words::In => format!("{field} in ({})", literals.collect::<Vec<_>>().join(",")),
        Words::Or => {
            let terms: Vec<String> = literals.map(|key| format!("{field} eq {key}")).collect();
            terms.join(" or ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_another_case_is_a_variant_unless_it_was_asked_for() {
        let keys = |keys: &[&str]| {
            keys.iter()
                .map(|k| k.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        let shown = Shown {
            keys: keys(&["ABC1", "xyz ", "Ä1"]).into_iter().collect(),
            ..Shown::default()
        };
        let asked = keys(&["abc1", "xyz", "ä1", "q"]);
        let of = |key: &str| shown.variant_of(key.as_bytes(), &asked).map(<[u8]>::to_vec);
        assert_eq!(of("abc1"), Some(b"ABC1".to_vec()));
        assert_eq!(of("xyz"), Some(b"xyz ".to_vec()));
        assert_eq!(of("ä1"), Some("Ä1".as_bytes().to_vec()));
        assert_eq!(of("q"), None);
        let both = keys(&["abc1", "ABC1"]);
        assert_eq!(shown.variant_of(b"abc1", &both), None);
    }

    #[test]
    fn an_id_under_another_key_is_found_unless_that_key_was_asked_for() {
        let pair = |id: &str, key: &str| (id.as_bytes().to_vec(), key.as_bytes().to_vec());
        let shown = Shown {
            ids: [pair("1", "new"), pair("1", "newer"), pair("2", "c")].into(),
            ..Shown::default()
        };
        let asked = |keys: &[&str]| -> Vec<Vec<u8>> {
            keys.iter().map(|key| key.as_bytes().to_vec()).collect()
        };
        let others = |id: &str, keys: &[&str]| {
            let asked = asked(keys);
            let others = shown.others_with(id.as_bytes(), &asked);
            others.map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        assert_eq!(others("1", &["old", "c"]), asked(&["new", "newer"]));
        assert_eq!(others("1", &["old", "new"]), asked(&["newer"]));
        assert!(others("2", &["old", "c"]).is_empty());
        assert!(others("3", &["old"]).is_empty());
    }
}
