//! Scans by a timestamp alone: rows of one instant come in another order in each answer, and more of them
//! than a page holds.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use livelist_model::evidence::{EndSign, Paging};
use livelist_model::run::FeedSpec;

use super::super::{Cursor, Marks, Stage};
use crate::probe::{Name, Verdict, probe};
use crate::secret::Account;
use crate::strange::{Asked, Reply, Row, Still, Strange, exactly, feed, keys, read, rows};

const MS: i64 = 1_000;

fn grid() -> FeedSpec {
    feed("mlsgrid", r#","page_size":100,"originating_system":"abor""#)
}

/// A page of the rows by their timestamps, those of one instant as chance has it, with a link behind which
/// there is more.
fn shuffled(server: &Strange, asked: &Asked) -> Reply {
    if !asked.option("$orderby").is_empty() {
        return Reply::error(400, "$orderby is not supported");
    }
    let mut rows = server.matching(asked);
    rows.sort_by_cached_key(|row| (row.at, chance((asked.nth, &row.key))));
    linked(server, asked, &rows)
}

fn linked(server: &Strange, asked: &Asked, rows: &[Row]) -> Reply {
    let skip = asked.number("$skip").unwrap_or(0);
    let page = server.page(rows, skip, asked.number("$top"));
    let behind = skip + page.1["value"].as_array().map_or(0, Vec::len);
    match behind < rows.len() {
        true => page.with(
            "@odata.nextLink",
            format!("https://x.example/odata/Property?$skip={behind}"),
        ),
        false => page,
    }
}

fn chance(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// This many rows, of which `at_once`, from a third on, have one timestamp.
fn bulk(many: u64, at_once: usize, apart: i64) -> Vec<Row> {
    let mut all = rows(keys(many), apart);
    let from = all.len() / 3;
    let instant = all[from].at;
    all.iter_mut()
        .skip(from)
        .take(at_once)
        .for_each(|row| row.at = instant);
    all
}

#[test]
fn rows_of_one_instant_are_read_in_whatever_order_they_come() {
    for (many, at_once, most) in [
        (1_000, 1, 12),
        (1_000, 60, 13),
        (1_000, 100, 17),
        (1_200, 700, 40),
        (450, 450, 25),
        (101, 101, 12),
        (100, 100, 12),
        (3, 3, 8),
    ] {
        for (show, apart) in [
            (exactly as fn(i64) -> String, 9 * MS),
            (to_seconds, 1_000 * MS),
            (to_seconds, 90 * MS),
        ] {
            let mut server = Strange::new(bulk(many, at_once, apart), 100, shuffled);
            server.show = show;
            let (ended, read) = read(&server, &grid());
            let what = format!("{at_once} of {many}, {apart} apart");
            let scan = ended.expect(&what).evidence;
            let missed = server.all().difference(&read).count();
            assert_eq!(missed, 0, "{what}");
            assert_eq!(
                (scan.end, scan.rows_skipped, scan.paging),
                (Some(EndSign::EmptyPage), 0, Paging::Keyset),
                "{what}"
            );
            let asked = server.requests();
            assert!(asked <= most || apart == 90 * MS, "{what}: {asked}");
        }
    }
}

fn to_seconds(at: i64) -> String {
    exactly((at + 500 * MS).div_euclid(1_000 * MS) * 1_000 * MS)
}

/// The last row has a time of whole tenths of a second, or of whole seconds, and more rows than a page holds lie
/// in the unit before. Other rows show that times are finer.
#[test]
fn a_whole_time_among_finer_ones_is_not_taken_for_rounded() {
    for last in [100 * MS, 1_000 * MS, 60_000 * MS] {
        let mut rows = rows(keys(150), MS);
        for (nth, row) in (0..).zip(&mut rows) {
            row.at = 1_769_999_940_000_000 + last - (149 - nth) * MS / 2;
        }
        let server = Strange::new(rows, 100, shuffled);
        let (ended, read) = read(&server, &grid());
        let scan = ended.unwrap().evidence;
        assert_eq!(server.all().difference(&read).count(), 0);
        assert_eq!(
            (scan.end, scan.rows_skipped, scan.paging),
            (Some(EndSign::EmptyPage), 0, Paging::Keyset)
        );
        assert!(server.requests() <= 12, "{}", server.requests());
    }
}

/// Rows are modified at every request, before and after the reader's position.
#[test]
fn rows_that_are_modified_meanwhile_are_ahead_of_the_reader() {
    for (many, at_once) in [(1_000, 1), (1_000, 300)] {
        let server = Strange::new(bulk(many, at_once, 9 * MS), 100, |server, asked| {
            let now = 1_800_000_000_000_000 + asked.nth as i64 * MS;
            let answer = shuffled(server, asked);
            let mut rows = server.rows.lock().unwrap();
            for nth in 0..20 {
                let at = (asked.nth * 37 + nth * 53) % rows.len();
                rows[at].at = now;
            }
            answer
        });
        let (ended, read) = read(&server, &grid());
        let scan = ended.unwrap().evidence;
        assert_eq!(server.all().difference(&read).count(), 0);
        assert_eq!((scan.end, scan.rows_skipped), (Some(EndSign::EmptyPage), 0));
    }
}

/// Records that are requested by key are distinguished by their keys.
#[test]
fn an_instant_is_divided_by_key_where_that_may_be_asked_for() {
    let server = Strange::new(bulk(500, 400, 9 * MS), 100, shuffled);
    let feed = FeedSpec {
        key_field: "ListingId".to_owned(),
        ..grid()
    };
    let (ended, read) = read(&server, &feed);
    let rows = server.rows.lock().unwrap();
    assert_eq!(read, rows.iter().map(Row::id).collect::<BTreeSet<_>>());
    assert_eq!(ended.unwrap().evidence.paging, Paging::Keyset);
}

/// Rows that cannot be divided are read by `$skip`, with its doubts, and keys that were read before are
/// kept.
#[test]
fn what_cannot_be_divided_is_read_by_skip() {
    let deaf = |asked: &Asked| {
        let filter = asked.option("$filter").to_owned();
        let filter = filter.split(" and ").filter(|c| !c.contains("ListingId"));
        let filter = filter.collect::<Vec<_>>().join(" and ");
        let mut asked = asked.clone();
        asked.options.insert("$filter".to_owned(), filter);
        asked
    };
    let refuses =
        |server: &Strange, asked: &Asked| match asked.option("$filter").contains("ListingId ") {
            true => Reply::error(400, "ListingId is not a searchable field"),
            false => shuffled(server, asked),
        };
    let hears_nothing = move |server: &Strange, asked: &Asked| shuffled(server, &deaf(asked));
    let has_none = |server: &Strange, asked: &Asked| {
        let mut answer = shuffled(server, asked);
        for row in answer.1["value"].as_array_mut().into_iter().flatten() {
            row["ListingId"] = serde_json::Value::Null;
        }
        answer
    };
    let all = || bulk(900, 350, 9 * MS);
    for (what, server) in [
        ("refuses", Strange::new(all(), 100, refuses)),
        ("deaf", Strange::new(all(), 100, hears_nothing)),
        ("without ids", Strange::new(all(), 100, has_none)),
    ] {
        let (ended, read) = read(&server, &grid());
        let state = ended.expect(what);
        assert_eq!(state.evidence.paging, Paging::Links, "{what}");
        assert!(state.by_skip && matches!(state.cursor, Cursor::Skip(_)));
        let is_whole = server.all() == read;
        let distinct = read.len() as u64;
        let is_doubted = state.evidence.doubt(distinct).is_some();
        let is_unsteady = state.evidence.is_unsteady(distinct);
        assert!(is_whole || is_doubted || is_unsteady, "{what}");
    }
}

/// A list in another order, and a server that takes no condition on timestamps, are read by `$skip`.
#[test]
fn a_list_in_another_order_is_read_by_skip() {
    let by_key = |server: &Strange, asked: &Asked| {
        let mut rows = server.matching(asked);
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        linked(server, asked, &rows)
    };
    let refuses = |server: &Strange, asked: &Asked| match asked
        .option("$filter")
        .contains("ModificationTimestamp ge")
    {
        true => Reply::error(400, "not a searchable field"),
        false => linked(server, asked, &server.matching(asked)),
    };
    let without = |server: &Strange, asked: &Asked| {
        let mut answer = linked(server, asked, &server.matching(asked));
        for row in answer.1["value"].as_array_mut().into_iter().flatten() {
            row["ModificationTimestamp"] = serde_json::Value::Null;
        }
        answer
    };
    let all = || rows(keys(700), 9 * MS);
    for (what, server) in [
        ("by key", Strange::new(all(), 100, by_key)),
        ("refuses", Strange::new(all(), 100, refuses)),
        ("without", Strange::new(all(), 100, without)),
    ] {
        let (ended, read) = read(&server, &grid());
        let scan = ended.expect(what).evidence;
        assert_eq!(read, server.all(), "{what}");
        assert_eq!(
            (scan.paging, scan.rows_skipped),
            (Paging::Links, 0),
            "{what}"
        );
    }
}

/// Links on every page, the last one included: where a page with room for more shows one instant alone, the
/// question behind it tells. An instant with more rows than a page is divided all the same.
#[test]
fn a_link_on_every_page_is_no_sign_of_more() {
    for (many, at_once) in [(250, 1), (100, 1), (250, 250), (253, 250)] {
        let server = Strange::new(bulk(many, at_once, 9 * MS), 100, |server, asked| {
            let answer = shuffled(server, asked);
            answer.with(
                "@odata.nextLink",
                "https://x.example/odata/Property?$skip=9",
            )
        });
        let (ended, read) = read(&server, &grid());
        assert_eq!(read, server.all());
        let scan = ended.unwrap().evidence;
        assert_eq!((scan.paging, scan.rows_skipped), (Paging::Keyset, 0));
        assert!(scan.pages < 40, "{}", scan.pages);
    }
}

/// A page of one instant is cut far below half, and only its link says so: its rows are divided, and none is
/// lost.
#[test]
fn a_cut_page_of_one_instant_is_not_believed() {
    let server = Strange::new(bulk(500, 200, 9 * MS), 100, |server, asked| {
        let mut answer = shuffled(server, asked);
        let Some(rows) = answer.1["value"].as_array_mut() else {
            return answer;
        };
        let of_one_instant = rows
            .iter()
            .all(|row| row["ModificationTimestamp"] == rows[0]["ModificationTimestamp"]);
        if of_one_instant && !asked.option("$filter").contains("ListingId ") {
            rows.truncate(30);
        }
        answer
    });
    let (ended, read) = read(&server, &grid());
    assert_eq!(read, server.all());
    let scan = ended.unwrap().evidence;
    assert_eq!((scan.paging, scan.rows_skipped), (Paging::Keyset, 0));
}

/// Each page leaves out its second row and every second one behind it, and so never shows the row that it
/// was asked from. The scan goes back once from each place, and says that rows were lost.
#[test]
fn pages_that_never_join_are_no_circle() {
    for many in [150, 220, 300] {
        let server = Strange::new(rows(keys(many), 9 * MS), 100, |server, asked| {
            let mut answer = shuffled(server, asked);
            let mut nth = asked.number("$skip").unwrap_or(0) + usize::from(asked.nth > 1);
            if let Some(rows) = answer.1["value"].as_array_mut() {
                rows.retain(|_| {
                    nth += 1;
                    nth % 2 == 1
                });
            }
            answer
        });
        let (ended, _) = read(&server, &grid());
        let scan = ended.unwrap().evidence;
        assert!(scan.rows_skipped > 0, "{many}");
        assert!(scan.pages < 40, "{many}: {}", scan.pages);
    }
}

/// The probe's check of continuing from page to page, and of the first page.
fn probed(server: &Strange) -> (Verdict, String) {
    livelist_blocking::in_place_on_this_thread();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.unwrap();
    let account = r#"{"token":"a-token-of-some-length"}"#.to_owned();
    let account = Account::parse(&account.into()).unwrap();
    let (pace, feed) = (Still::default(), grid());
    let probed = runtime.block_on(probe(server, &pace, &feed, &account, None));
    let checks = probed.unwrap().checks;
    let of = |name| checks.iter().find(|check| check.name == name).unwrap();
    let (first, on) = (of(Name::Page), of(Name::Continuation));
    let seen = first.seen.iter().chain(&on.seen).cloned();
    let worst = match first.verdict {
        Verdict::Ok => on.verdict,
        verdict => verdict,
    };
    (worst, seen.collect::<Vec<_>>().join("; "))
}

/// The probe asks as a run does, and says how the run will read.
#[test]
fn the_probe_says_what_a_run_will_do() {
    let no_in = |server: &Strange, asked: &Asked| match asked.option("$filter") {
        filter if filter.contains(" in (") => Reply::error(400, "not here"),
        _ => shuffled(server, asked),
    };
    let deaf = move |server: &Strange, asked: &Asked| match asked.option("$filter") {
        filter if filter.contains("ListingId lt") => Reply::error(400, "not searchable"),
        _ => no_in(server, asked),
    };
    let refuses = move |server: &Strange, asked: &Asked| match asked.option("$filter") {
        filter if filter.contains("Timestamp ge") => Reply::error(400, "not searchable"),
        _ => no_in(server, asked),
    };
    let by_key = |server: &Strange, asked: &Asked| {
        if asked.option("$filter").contains(" in (") {
            return Reply::error(400, "not here");
        }
        let mut rows = server.matching(asked);
        rows.sort_by(|a, b| a.key.cmp(&b.key));
        linked(server, asked, &rows)
    };
    let plain = || rows(keys(700), 9 * MS);
    let crowded = || bulk(700, 466, 9 * MS).split_off(233);
    for (server, expected, words) in [
        (
            Strange::new(plain(), 100, no_in),
            Verdict::Ok,
            "by `ModificationTimestamp ge …`: 99 more rows behind 1",
        ),
        (
            Strange::new(crowded(), 100, no_in),
            Verdict::Ok,
            "they are read in parts, by `ListingId`",
        ),
        (
            Strange::new(crowded(), 100, deaf),
            Verdict::Warning,
            "runs read by `$skip`",
        ),
        (
            Strange::new(plain(), 100, refuses),
            Verdict::Warning,
            "runs read by `$skip`",
        ),
        (
            Strange::new(plain(), 100, by_key),
            Verdict::Warning,
            "rows do not stand in the order of `ModificationTimestamp`: runs read by `$skip`",
        ),
    ] {
        let (verdict, seen) = probed(&server);
        assert_eq!(verdict, expected, "{seen}");
        assert!(seen.contains(words), "{seen}");
    }
}

/// A scan that a former version began by `$skip` goes on so.
#[test]
fn a_scan_that_was_begun_by_skip_goes_on_so() {
    let mut state = super::super::ScanState::begin(&grid(), jiff::Timestamp::UNIX_EPOCH).unwrap();
    state.stage = Stage::Pages;
    state.cursor = Cursor::Skip(90);
    let mut written = serde_json::to_value(&state).unwrap();
    for new in ["by_skip", "parts"] {
        assert!(written.get(new).is_none());
    }
    written["marks"] = serde_json::to_value(Marks::default()).unwrap();
    let read: super::super::ScanState = serde_json::from_value(written).unwrap();
    assert_eq!(read, state);
}
