//! A plain RESO Web API server (RESO Web API Core 2.0/2.1); [`Options`](crate::spec::Options) sets what the
//! standard leaves open.

use hyper::StatusCode;
use serde_json::json;

use super::ask::{COMMON, number, only_options, order, page_size, resource};
use super::{Ask, Asked, Dialect, NextPage, Refusal, Shape, bad, not_found};
use crate::answer::Answer;
use crate::book::dice::mix;
use crate::book::keys::KeyStyle;
use crate::book::select::{By, Start};
use crate::incoming::Incoming;
use crate::page::Form;
use crate::query::Escape;
use crate::spec::{Credential, MlsSpec, Paging};

pub(super) struct Reso;

/// The largest page of this server, and its default; the standard gives none.
const MOST_ROWS: u64 = 1_000;

impl Dialect for Reso {
    fn base(&self, _spec: &MlsSpec) -> String {
        "/odata".into()
    }

    fn token_path(&self, spec: &MlsSpec) -> Option<String> {
        let issues = matches!(spec.credential, Credential::ClientCredentials { .. });
        issues.then(|| "/oauth2/token".into())
    }

    fn key_style(&self, _spec: &MlsSpec) -> KeyStyle {
        KeyStyle::Mixed
    }

    /// RESO Web API Core: the code is a string.
    fn refusal(&self, status: StatusCode, message: &str) -> Answer {
        let code = status.as_u16().to_string();
        let error = json!({"error": {"code": code, "message": message, "details": []}});
        Answer::json(status, &error).with("odata-version", "4.0")
    }

    fn ask(&self, asked: &Asked<'_>, path: &[&str]) -> Result<Ask, Refusal> {
        let options = &asked.spec.options;
        let query = asked.incoming.query.clone();
        only_options(&query, &[&COMMON[..], &["$skiptoken"]].concat())?;
        if let Some(id) = query.get("next") {
            let mut ask = asked.cursors.find(id)?;
            ask.size = size(asked, &ask);
            return Ok(ask);
        }
        let shape = match path {
            ["Property", "$count"] if options.count => Shape::Number,
            [segment] => match resource(segment)? {
                Some(key) => return Ask::one(asked, query, &key),
                None => Shape::Page,
            },
            _ => return Err(not_found()),
        };
        let mut ask = Ask::new(asked, query)?;
        ask.shape = shape;
        ask.count &= options.count;
        let order = order(asked, &ask.query)?;
        ask.order = order.unwrap_or(By::Listed.up());
        if options.paging == Paging::NextSkiptoken {
            if order.is_some_and(|order| order != By::Key.up()) {
                return Err(bad("only $orderby=ListingKey can be paged"));
            }
            ask.order = By::Key.up();
            if let Some(token) = ask.query.get("$skiptoken") {
                ask.start = Start::AfterKey(token.to_owned());
            }
        } else if options.unordered && order.is_none() {
            ask.drift = mix(asked.spec.seed ^ asked.serial) % 3;
        }
        if options.top_is_total {
            ask.owed = number(&ask.query, "$top")?;
        }
        ask.size = size(asked, &ask);
        number(&ask.query, "$top")?;
        Ok(ask)
    }

    fn link(&self, mut next: NextPage<'_>) -> Option<String> {
        let base = next.base;
        let paging = next.spec.options.paging;
        if paging == Paging::None {
            return None;
        }
        let by_cursor = paging == Paging::NextOpaqueId && next.ask.order == By::Listed.up();
        if by_cursor {
            return Some(format!("{base}/Property?next={}", next.cursor()));
        }
        let left = next.ask.owed.map(|owed| owed.saturating_sub(next.served));
        let mut without = vec!["$skip", "$skiptoken"];
        let mut options = String::new();
        if let Some(left) = left {
            without.push("$top");
            options = format!("$top={left}&");
        }
        options.insert_str(0, &next.ask.query.rewritten(&without, Escape::Strict));
        Some(match paging {
            Paging::NextSkiptoken => next.by_last_key(&options),
            Paging::RelativeLink => format!("Property?{options}$skip={}", next.skip()),
            _ => format!("{base}/Property?{options}$skip={}", next.skip()),
        })
    }

    fn form(&self, spec: &MlsSpec, _ask: &Ask) -> Form {
        let in_header = spec.options.paging == Paging::LinkHeader;
        Form {
            link_in_body: !in_header,
            link_in_header: in_header,
            ..Form::PLAIN
        }
    }
}

/// Rows of a page: `Prefer: odata.maxpagesize`, `$top`, and the server's own limit. Larger pages are
/// silently cut, as in OData's server-driven paging.
fn size(asked: &Asked<'_>, ask: &Ask) -> usize {
    let top = match ask.owed {
        Some(owed) => Some(owed),
        None => number(&ask.query, "$top").ok().flatten(),
    };
    let preferred = preferred(asked.incoming);
    let wanted = [top, preferred].into_iter().flatten().min();
    page_size(asked.spec, wanted.unwrap_or(MOST_ROWS), MOST_ROWS)
}

fn preferred(incoming: &Incoming) -> Option<u64> {
    let preferences = incoming.header("prefer")?.split([',', ';']);
    preferences.into_iter().find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let known = matches!(name.trim(), "odata.maxpagesize" | "maxpagesize");
        let size = value.trim().trim_matches('"').parse().ok();
        size.filter(|size| known && *size > 0)
    })
}
