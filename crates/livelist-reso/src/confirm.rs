//! Asking the provider for certain keys: the proof that a listing is gone, or the discovery that it
//! is not.

use std::collections::{BTreeSet, VecDeque};

use livelist_model::keys::KeyBuffer;

use crate::allow;
use crate::client::{Client, PageRequest};
use crate::dialect::{ConfirmForm, CountForm};
use crate::error::ClientError;
use crate::page::PageError;
use crate::query::{Query, literal};
use crate::scan::filter;

/// URLs longer than this are cut off or refused by some servers (RMLS: 5,246 characters).
const MAX_URL: usize = 4_000;
/// So many pages one answer may have; more is a provider that goes round in circles.
const MAX_PAGES: usize = 20;

/// Which of `keys` the provider knows in this feed. A set that is too large for the provider is
/// asked for in pieces.
pub async fn find(
    client: &mut Client<'_>,
    keys: &[Vec<u8>],
) -> Result<BTreeSet<Vec<u8>>, ClientError> {
    let mut found = BTreeSet::new();
    let mut pieces = VecDeque::from([keys]);
    while let Some(piece) = pieces.pop_front() {
        let (Some(condition), false) = (condition(client, piece), piece.is_empty()) else {
            continue;
        };
        let (left, right) = piece.split_at(piece.len() / 2);
        let url = url(client, &condition, piece.len());
        if url.len() > MAX_URL && piece.len() > 1 {
            pieces.extend([left, right]);
            continue;
        }
        match ask(client, &url).await {
            Ok(rows) => {
                // Others than those that were asked for say nothing.
                found.extend(piece.iter().filter(|key| rows.contains(*key)).cloned());
            }
            Err(ClientError::Rejected { .. }) if piece.len() > 1 => pieces.extend([left, right]),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// What a provider's answer to one question about keys shows, as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The keys of its rows, whatever was asked for.
    pub keys: BTreeSet<Vec<u8>>,
    /// What it counts, where the dialect asks for that.
    pub count: Option<u64>,
}

/// Asks about `keys` once and tells what is on the answer's only or first page. Nothing where the dialect
/// does not ask by key.
pub(crate) async fn look(
    client: &mut Client<'_>,
    keys: &[Vec<u8>],
) -> Result<Option<Shown>, ClientError> {
    let Some(condition) = condition(client, keys) else {
        return Ok(None);
    };
    let url = url(client, &condition, keys.len());
    let uri = allow::parse(&url).map_err(ClientError::Link)?;
    let request = PageRequest {
        url: &|_| Ok(uri.clone()),
        size: 1,
        prefer: false,
        stamps: false,
        ahead: None,
    };
    let mut rows = KeyBuffer::default();
    let answer = client.page(request, &mut rows).await?;
    Ok(Some(Shown {
        keys: rows.iter().map(|(key, _)| key.to_vec()).collect(),
        count: answer.page.count,
    }))
}

fn condition(client: &Client<'_>, keys: &[Vec<u8>]) -> Option<String> {
    let field = &client.feed().key_field;
    let literals = keys
        .iter()
        .map(|key| literal(&String::from_utf8_lossy(key)));
    match client.dialect().confirm {
        ConfirmForm::In(_) => Some(format!(
            "{field} in ({})",
            literals.collect::<Vec<_>>().join(",")
        )),
        ConfirmForm::Or(_) => {
            let terms: Vec<String> = literals.map(|key| format!("{field} eq {key}")).collect();
            Some(terms.join(" or "))
        }
        ConfirmForm::SecondScan => None,
    }
}

fn url(client: &Client<'_>, condition: &str, keys: usize) -> String {
    let counts = client.dialect().count == CountForm::Always;
    Query::of(
        &client.dialect().base(client.feed()),
        client.feed().resource.as_str(),
    )
    .option("$select", &client.feed().key_field)
    .option("$filter", &filter(client, &[condition]))
    .option("$top", &keys.to_string())
    .option("$count", if counts { "true" } else { "" })
    .options(&client.feed().parameters)
    .url()
}

/// All rows of the answer, over all of its pages.
async fn ask(client: &mut Client<'_>, url: &str) -> Result<BTreeSet<Vec<u8>>, ClientError> {
    let mut uri = allow::parse(url).map_err(ClientError::Link)?;
    let mut keys = KeyBuffer::default();
    let mut count = None;
    for _ in 0..MAX_PAGES {
        let request = PageRequest {
            url: &|_| Ok(uri.clone()),
            size: 1,
            prefer: false,
            stamps: false,
            ahead: None,
        };
        let answer = client.page(request, &mut keys).await?;
        count = count.or(answer.page.count);
        if let Some(link) = answer.next {
            uri = client.resolve(&answer.uri, &link)?;
            continue;
        }
        // Fewer rows than the answer itself counts: something was lost on the way.
        if count.is_some_and(|count| (keys.len() as u64) < count) {
            return Err(ClientError::Page(PageError::Shape(
                "it has fewer rows than it counts".to_owned(),
            )));
        }
        return Ok(keys.iter().map(|(key, _)| key.to_vec()).collect());
    }
    Err(ClientError::Loop {
        pages: MAX_PAGES as u64,
    })
}
