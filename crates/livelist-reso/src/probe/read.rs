//! The checks of reading: the first page, the next page, the count. Pure: from facts to a check.

use livelist_model::run::FeedSpec;

use super::check::{Check, Name};
use super::keys::KeyLook;
use super::trouble::trouble;
use crate::dialect::{CountForm, Dialect, KeysetBy, ScanForm};
use crate::error::ClientError;
use crate::heard::Heard;

/// A page, as far as anybody wants to know.
#[derive(Debug)]
pub struct PageSeen {
    /// Rows that were requested; `None` if the dialect requests no number.
    pub asked: Option<u32>,
    /// Rows that were returned.
    pub rows: u64,
    /// The shape of their keys.
    pub look: KeyLook,
    /// Keys that were JSON numbers.
    pub numbers: u64,
    /// Rows that have the dialect's second field.
    pub seconds: u64,
    /// The link to the next page.
    pub next: Option<NextSeen>,
    /// Whether there are more rows, or why the scan could not go on.
    pub way_on: Result<bool, ClientError>,
    /// Whether it was read by `$skip`, because the rows are not in the order of their timestamps.
    pub by_skip: bool,
    /// Bytes, uncompressed.
    pub bytes: u64,
    /// Facts about the answer.
    pub heard: Heard,
}

/// A link to a next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextSeen {
    /// Its host; none if it is relative.
    pub host: Option<String>,
    /// How the page gives the start of the next one.
    pub by: &'static str,
    /// Whether the link was in the `Link` header.
    pub in_header: bool,
}

impl NextSeen {
    /// The shape of `link`.
    pub fn of(link: &str, in_header: bool) -> NextSeen {
        let host = link
            .split_once("://")
            .map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or(""))
            .map(|authority| authority.rsplit('@').next().unwrap_or(authority).to_owned());
        let query = link.split_once('?').map_or("", |(_, query)| query);
        let query = query.to_ascii_lowercase().replace("%24", "$");
        let has = |name: &str| query.split('&').any(|option| option.starts_with(name));
        let by = match () {
            () if has("$skip=") => "with `$skip`",
            () if has("$skiptoken=") => "with `$skiptoken`",
            () => "opaque",
        };
        NextSeen {
            host,
            by,
            in_header,
        }
    }

    fn describe(&self) -> String {
        let place = match self.in_header {
            true => "in the `Link` header",
            false => "in the page",
        };
        match &self.host {
            Some(host) => format!("a next link {place}: absolute, {}, to {host}", self.by),
            None => format!("a next link {place}: relative, {}", self.by),
        }
    }
}

/// The check of the first page. `heard` has facts about the answer, if there was one.
pub fn page(
    feed: &FeedSpec,
    dialect: &Dialect,
    seen: &Result<PageSeen, ClientError>,
    heard: Option<&Heard>,
) -> Check {
    let check = Check::ok(Name::Page);
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => return trouble(no_json(check, heard), feed, error),
    };
    let (rows, key) = (seen.rows, &feed.key_field);
    let of = seen.asked.map(|asked| format!(" of {asked} asked for"));
    let of = of.unwrap_or_default();
    if rows == 0 {
        let check = check.warn("a page without rows: the account sees nothing here");
        let check = match feed.filter {
            Some(_) => check.advise("probe without `--filter`"),
            None => check,
        };
        return check
            .change(
                "originating_system",
                "see that it is this MLS's name, if it is given",
            )
            .advise("ask the provider what the account may see; an empty first list is held");
    }
    let encoding = seen.heard.encoding.as_deref().unwrap_or("not compressed");
    let check = check
        .saw(format!(
            "{rows} rows{of}, each with `{key}`; {} bytes, {encoding}, in {} ms",
            seen.bytes,
            seen.heard.took.as_millis()
        ))
        .saw(format!("keys of {}", seen.look.describe()));
    let check = match seen.numbers {
        0 => check,
        n => check.saw(format!("{n} keys are JSON numbers; they are kept as text")),
    };
    let check = match seen.look.repeated {
        0 => check,
        n => check.warn(format!("{n} keys are there more than once on one page")),
    };
    let check = match dialect.scan {
        _ if !seen.by_skip => second_field(check, dialect, seen),
        ScanForm::Keyset(KeysetBy::TimeAlone(field)) => by_skip(check.warn(format!(
            "rows do not stand in the order of `{field}`: runs read by `$skip`, and rows of one instant \
             may slip past"
        ))),
        _ => check,
    };
    let check = match (&dialect.scan, &seen.next) {
        (ScanForm::Keyset(_), _) => check,
        (ScanForm::Links { skips: true, .. }, Some(next)) => {
            check.saw(format!("{}; the scan makes its own", next.describe()))
        }
        (_, Some(next)) if seen.way_on.is_ok() => {
            check.saw(format!("{}, which may be followed", next.describe()))
        }
        (_, Some(next)) => check.saw(next.describe()),
        (ScanForm::List, None) => check.saw("the list came whole"),
        (ScanForm::Links { .. }, None) => check.saw("no next link"),
    };
    match &seen.way_on {
        Err(error) => trouble(check, feed, error),
        Ok(_) => check,
    }
}

/// Advice if a list is read by `$skip` because it has no usable order.
fn by_skip(check: Check) -> Check {
    check
        .change("provider", "see that the dialect is the server's")
        .advise("ask the provider in which order its rows come, and which fields are searchable")
}

/// The check of an answer whose content type is not JSON.
fn no_json(check: Check, heard: Option<&Heard>) -> Check {
    let Some(heard) = heard else {
        return check;
    };
    match &heard.content_type {
        Some(kind) if !kind.contains("json") => {
            check.saw(format!("status {} with {kind}", heard.status))
        }
        _ => check,
    }
}

fn second_field(check: Check, dialect: &Dialect, seen: &PageSeen) -> Check {
    let order = match dialect.scan {
        ScanForm::Keyset(_) if seen.way_on.is_ok() => ", in the order asked for",
        _ => "",
    };
    match dialect.scan {
        // The field that it pages by is in every row, else the scan could not go on.
        ScanForm::Keyset(
            KeysetBy::Number(field) | KeysetBy::Time(field) | KeysetBy::TimeAlone(field),
        ) if seen.way_on.is_ok() => check.saw(format!("`{field}` in every row{order}")),
        ScanForm::Keyset(KeysetBy::Key) if seen.way_on.is_ok() => {
            check.saw("in the order asked for")
        }
        _ => match dialect.stamp_field {
            Some(field) if seen.seconds == seen.rows => {
                check.saw(format!("`{field}` in every row"))
            }
            Some(field) => check.saw(format!(
                "`{field}` in {} of {} rows; one without it is known again by its key",
                seen.seconds, seen.rows
            )),
            None => check,
        },
    }
}

/// The page after the first.
#[derive(Debug)]
pub struct SecondSeen {
    /// Rows.
    pub rows: u64,
    /// Rows that the first had, too.
    pub repeated: u64,
    /// Whether there are more rows, or why the scan could not go on.
    pub way_on: Result<bool, ClientError>,
    /// Whether an instant with more rows than a page was read in parts.
    pub in_parts: bool,
    /// Whether the scan switched from the order of timestamps to `$skip`.
    pub gave_up: bool,
}

/// The check of continuing from page to page. `counted` is the server's count.
pub fn continuation(
    feed: &FeedSpec,
    dialect: &Dialect,
    first: &PageSeen,
    second: Option<&Result<SecondSeen, ClientError>>,
    counted: Option<u64>,
) -> Check {
    let check = Check::ok(Name::Continuation);
    let way = match first.by_skip {
        true => "by `$skip`".to_owned(),
        false => way(feed, dialect),
    };
    let second = match second {
        None if first.way_on.is_err() => {
            return Check::skipped(Name::Continuation, "the first page has no way on");
        }
        None => return whole(check, first, counted),
        Some(Err(error)) => return trouble(check.saw(way), feed, error),
        Some(Ok(second)) => second,
    };
    if let Err(error) = &second.way_on {
        return trouble(check.saw(way), feed, error);
    }
    if second.gave_up {
        return by_skip(check.warn(format!(
            "{way}: the server does not answer that, or not so that rows of one instant are told apart; \
             runs read by `$skip`, and such rows may slip past"
        )));
    }
    if second.in_parts {
        let field = dialect.told_apart_by(feed).unwrap_or(&feed.key_field);
        return check.saw(format!(
            "{way}: more rows of one instant than the probe's page holds; they are read in parts, by \
             `{field}`"
        ));
    }
    if second.rows == 0 {
        return whole(
            check.saw(format!("{way}: nothing comes behind the first page")),
            first,
            counted,
        );
    }
    let by_order = matches!(dialect.scan, ScanForm::Keyset(_));
    let overlaps = by_order || matches!(dialect.scan, ScanForm::Links { skips: true, .. });
    if overlaps && second.repeated == second.rows && second.rows < first.rows {
        return whole(
            check.saw(format!("{way}: nothing comes behind the first page")),
            first,
            counted,
        );
    }
    let check = match second.repeated {
        0 if overlaps => check
            .fail(format!(
                "{way}: none of the last rows of the first page come again, as they should"
            ))
            .change("provider", "see that the dialect is the server's")
            .advise("probe again, in case that many rows moved; ask the provider for its order"),
        n if overlaps && n < second.rows => check.saw(format!(
            "{way}: {} more rows behind {n} that were asked for again",
            second.rows - n
        )),
        0 => check.saw(format!(
            "{way}: {} more rows, none of the first page among them",
            second.rows
        )),
        n if n == second.rows => check
            .fail(format!(
                "{way}: {n} of {} rows are those of the first page again: the server does not go on",
                second.rows
            ))
            .change(
                "provider",
                match by_order {
                    true => "choose a dialect that follows links (`reso`)",
                    false => "see that the dialect is the server's",
                },
            )
            .advise("ask the provider how all rows are read"),
        n => check
            .warn(format!(
                "{way}: {n} of {} rows were on the first page, too: rows move while they are read",
                second.rows
            ))
            .advise("probe again; runs that see this scan twice"),
    };
    match first.asked {
        // It gave less than it was asked for, and there was more: that is its largest page.
        Some(asked) if first.rows < u64::from(asked) => check
            .warn(format!(
                "pages end at {} rows, though {asked} were asked for",
                first.rows
            ))
            .change("page_size", format!("give {}", first.rows)),
        _ => check,
    }
}

/// How the scan continues.
fn way(feed: &FeedSpec, dialect: &Dialect) -> String {
    match dialect.scan {
        ScanForm::Keyset(KeysetBy::Key) => format!("by `{} ge '…'`", feed.key_field),
        ScanForm::Keyset(KeysetBy::Number(field)) => format!("by `{field} ge …`"),
        ScanForm::Keyset(KeysetBy::TimeAlone(field)) => format!("by `{field} ge …`"),
        ScanForm::Keyset(KeysetBy::Time(field)) => format!("by `{field}` and `{}`", feed.key_field),
        ScanForm::Links { skips: true, .. } => "by `$skip`".to_owned(),
        ScanForm::Links { skips: false, .. } => "by link".to_owned(),
        ScanForm::List => "the list".to_owned(),
    }
}

/// The first page is said to be all there is.
fn whole(check: Check, first: &PageSeen, counted: Option<u64>) -> Check {
    match counted {
        Some(count) if count > first.rows => check
            .fail(format!(
                "the scan ends after {} rows, and the server counts {count}: no run would be \
                 believed",
                first.rows
            ))
            .change(
                "provider",
                "choose the dialect by which this server gives its other pages",
            ),
        None if first.next.is_none() && first.asked.is_some_and(|asked| first.rows >= asked.into()) => {
            check
                .warn(format!(
                    "a page of {} rows, as full as was asked for, and neither a link nor a count says \
                     whether that is all",
                    first.rows
                ))
                .change(
                    "provider",
                    "choose the dialect by which this server gives its other pages, if it has more",
                )
                .advise("ask the provider how many rows there are")
        }
        _ => check.saw(format!("the first page is all: {} rows", first.rows)),
    }
}

/// The result of asking for the count.
#[derive(Debug)]
pub enum CountSeen {
    /// The dialect or the registry says not to.
    NotAsked,
    /// It counts.
    Counted(u64),
    /// It does not, and nothing is lost by that; with the answer's status.
    Silent(u16),
    /// It has to, and does not.
    Failed(ClientError),
}

impl CountSeen {
    /// The count.
    pub fn rows(&self) -> Option<u64> {
        match self {
            CountSeen::Counted(rows) => Some(*rows),
            _ => None,
        }
    }
}

/// The check of the count. `least` is the number of rows that were seen; `of_one` is the server's count of
/// the rows with one key.
pub fn count(
    feed: &FeedSpec,
    dialect: &Dialect,
    seen: &CountSeen,
    least: u64,
    of_one: Option<u64>,
) -> Check {
    let check = Check::ok(Name::Count);
    let is_narrowed = feed.filter.is_some() || !(dialect.conditions)(feed).is_empty();
    match (seen, of_one) {
        (CountSeen::Counted(rows), Some(one)) if one > 1 && one >= least && is_narrowed => {
            return check
                .fail(format!(
                    "the server counts {rows} rows, and {one} with the key of one: its count does \
                     not heed the filter, and every run would be held as count_mismatch"
                ))
                .change("count", "set it to \"never\"");
        }
        (CountSeen::Counted(rows), Some(one)) if one > 1 && one >= least => {
            return check
                .warn(format!(
                    "the server counts {rows} rows, and {one} with the key of one: its count does \
                     not heed a filter"
                ))
                .change(
                    "count",
                    "set it to \"never\": a feed with a filter would be held as count_mismatch",
                );
        }
        _ => {}
    }
    match seen {
        CountSeen::NotAsked => {
            let who = match feed.count {
                Some(_) => "the registry says `\"count\": \"never\"`".to_owned(),
                None => format!("{} does not count", dialect.title),
            };
            Check::skipped(Name::Count, format!("not asked: {who}"))
        }
        CountSeen::Counted(rows) if *rows < least => check
            .fail(format!(
                "the server counts {rows} rows and has shown {least}: runs would not believe it"
            ))
            .change("count", "set it to \"never\""),
        CountSeen::Counted(rows) => {
            let check = check.saw(format!("the server counts {rows} rows"));
            match dialect.count {
                CountForm::IfOffered => check.change(
                    "count",
                    "may be set to \"always\": then silence is an error and no scan goes uncounted",
                ),
                _ => check,
            }
        }
        CountSeen::Silent(status) => check
            .saw(match status {
                200 => "the server does not count: it answers without `@odata.count`".to_owned(),
                status => format!("the server does not count: it answers status {status}"),
            })
            .change(
                "count",
                "may be set to \"never\": that saves a request a scan",
            ),
        CountSeen::Failed(ClientError::Page(_)) => check
            .fail("the answer has no `@odata.count`, and the dialect or the registry demands one")
            .change(
                "count",
                "set it to \"never\", or to \"if_offered\" if it comes at times",
            ),
        CountSeen::Failed(error) if error.is_refusal() => check
            .fail(livelist_model::with_causes(error))
            .change("count", "set it to \"never\""),
        CountSeen::Failed(error) => trouble(check, feed, error),
    }
}
