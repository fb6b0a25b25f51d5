//! Scans by an order: timestamps that are shown coarser than they are stored, instants with more rows
//! than a page holds, keys that differ only by case at a page's edge.

use livelist_model::evidence::{Doubt, EndSign};

use crate::error::ClientError;
use crate::scan::Cursor;
use crate::strange::{Asked, Reply, Row, Strange, exactly, feed, keys, read, read_by, rows};

/// How a timestamp is shown.
type Shown = fn(i64) -> String;

const MS: i64 = 1_000;
const SECOND: i64 = 1_000 * MS;
const MINUTE: i64 = 60 * SECOND;

fn half_up<const UNIT: i64>(at: i64) -> String {
    exactly((at + UNIT / 2).div_euclid(UNIT) * UNIT)
}

fn up<const UNIT: i64>(at: i64) -> String {
    exactly((at + UNIT - 1).div_euclid(UNIT) * UNIT)
}

fn down<const UNIT: i64>(at: i64) -> String {
    exactly(at.div_euclid(UNIT) * UNIT)
}

fn ampre() -> livelist_model::run::FeedSpec {
    feed("ampre", r#","page_size":100,"count":"never""#)
}

#[track_caller]
fn is_read_whole(server: &Strange, what: &str) {
    let (ended, read) = read(server, &ampre());
    let scan = ended.expect(what).evidence;
    let missed: Vec<_> = server.all().difference(&read).cloned().collect();
    assert_eq!(missed, Vec::<String>::new(), "{what}");
    assert_eq!(
        (scan.end, scan.rows_skipped),
        (Some(EndSign::EmptyPage), 0),
        "{what}"
    );
}

#[test]
fn stored_finer_than_shown_all_rows_are_read() {
    let shown: [(&str, Shown); 9] = [
        ("exactly", exactly),
        ("half up to ms", half_up::<MS>),
        ("up to ms", up::<MS>),
        ("down to ms", down::<MS>),
        ("half up to s", half_up::<SECOND>),
        ("down to s", down::<SECOND>),
        ("half up to min", half_up::<MINUTE>),
        ("up to min", up::<MINUTE>),
        ("down to min", down::<MINUTE>),
    ];
    for (name, show) in shown {
        // From a few rows in one shown instant to more than a page holds.
        for apart in [137, 3, 40 * MS, SECOND, 7 * SECOND] {
            let mut server = Strange::new(rows(keys(1_200), apart), 100, Strange::plain);
            server.show = show;
            is_read_whole(&server, &format!("{name}, {apart} apart"));
            let pages = server.requests();
            assert!(pages < 90, "{name}, {apart} apart: {pages}");
        }
    }
}

#[test]
fn more_rows_of_one_instant_than_a_page_holds_are_read() {
    for (many, at_once) in [
        (1_200, 700),
        (450, 450),
        (101, 101),
        (100, 100),
        (1_000, 100),
    ] {
        for show in [exactly as Shown, half_up::<MS>, down::<SECOND>] {
            let mut all = rows(keys(many), 9 * MS);
            let instant = all[many as usize / 3].at;
            let bulk = all.len() / 3..(all.len() / 3 + at_once).min(all.len());
            for row in &mut all[bulk] {
                row.at = instant;
            }
            let mut server = Strange::new(all, 100, Strange::plain);
            server.show = show;
            is_read_whole(&server, &format!("{many} {at_once}"));
        }
    }
}

#[test]
fn tiny_lists_have_an_end() {
    for provider in ["ampre", "trestle"] {
        for (many, cap) in [(0, 9), (1, 9), (2, 9), (9, 9), (5, 2), (4, 1)] {
            if (provider, cap) == ("ampre", 1) {
                continue;
            }
            let server = Strange::new(rows(keys(many), MS), cap, Strange::plain);
            let (ended, read) = read(&server, &feed(provider, r#","count":"never""#));
            let what = format!("{provider}: {many} in pages of {cap}");
            let scan = ended.expect(&what).evidence;
            assert_eq!(scan.end, Some(EndSign::EmptyPage), "{what}");
            assert_eq!(read, server.all(), "{what}");
        }
    }
}

/// A page that shows nothing new is as full as any where the list is one of a few rows of one instant.
#[test]
fn a_few_rows_of_one_instant_are_a_list() {
    let shown: [Shown; 6] = [
        exactly,
        half_up::<MS>,
        down::<MS>,
        up::<MS>,
        down::<SECOND>,
        half_up::<SECOND>,
    ];
    for (many, show) in (1..6).flat_map(|many| shown.map(|show| (many, show))) {
        for (begun, apart) in [0, 51_400, 51_600, 882_000, 882_999]
            .into_iter()
            .flat_map(|begun| [0, 200, MS, 300 * MS, 700 * MS].map(|apart| (begun, apart)))
        {
            let mut all = rows(keys(many), apart);
            all.iter_mut().for_each(|row| row.at += begun);
            let mut server = Strange::new(all, 100, Strange::plain);
            server.show = show;
            let (ended, read) = read(&server, &feed("ampre", r#","page_size":61"#));
            let last = show(1_700_000_000_000_000 + begun + (many as i64 - 1) * apart);
            let what = format!("{many}, {apart} apart, the last at {last}");
            let scan = ended.expect(&what).evidence;
            assert_eq!(scan.end, Some(EndSign::EmptyPage), "{what}");
            assert_eq!(read, server.all(), "{what}");
            assert!(server.requests() < 10, "{what}: {}", server.requests());
        }
    }
}

/// After a span, a mark of the last scan at its last row leads back into it.
#[test]
fn a_mark_in_an_instant_that_was_read_by_key_leads_nowhere_else() {
    for mark in 0..61 {
        let mut all = rows(keys(70), 9 * MS);
        all[..61].iter_mut().for_each(|row| row.at = all_at());
        all[..61].sort_by(|a, b| a.key.cmp(&b.key));
        let marked = Cursor::Since {
            stamp: exactly(all_at()),
            key: all[mark].key.clone(),
        };
        let server = Strange::new(all, 61, Strange::plain);
        let (ended, read) = read_by(&server, &feed("ampre", r#","count":"never""#), vec![marked]);
        let scan = ended.expect("it has an end").evidence;
        assert_eq!(scan.end, Some(EndSign::EmptyPage), "{mark}");
        assert_eq!(read, server.all(), "{mark}");
    }
}

fn all_at() -> i64 {
    1_600_000_000_882_000
}

/// Where an instant holds more rows than a page and the server refuses to go on by key within it.
#[test]
fn an_instant_that_cannot_be_read_is_told() {
    let mut all = rows(keys(500), 9 * MS);
    all.iter_mut()
        .skip(200)
        .for_each(|row| row.at = 1_800_000_000_000_000);
    let server = Strange::new(all, 100, |server, asked| {
        match asked.option("$orderby") == "ListingKey" || asked.option("$filter").contains(" le ") {
            true => Reply::error(400, "not supported"),
            false => server.plain(asked),
        }
    });
    let (ended, _) = read(&server, &ampre());
    let scan = ended.unwrap().evidence;
    assert_eq!(scan.end, Some(EndSign::Unproved));
    assert_eq!(scan.doubt(300), Some(Doubt::EndUnproved));
}

/// `gt` jumps over a twin where the server ignores case.
#[test]
fn keys_that_differ_only_by_case_are_read_by_a_server_that_ignores_it() {
    for cap in 3..9 {
        let keys = (0..60).flat_map(|n| [format!("key{n:03}"), format!("KEY{n:03}")]);
        let mut server = Strange::new(rows(keys, 1), cap, Strange::plain);
        server.blind = true;
        let (ended, read) = read(&server, &feed("trestle", r#","count":"never""#));
        assert_eq!(ended.unwrap().evidence.end, Some(EndSign::EmptyPage));
        assert_eq!(read, server.all(), "pages of {cap}");
    }
}

/// Numbers that are less unique than the dialect says: no row is lost silently.
#[test]
fn rows_of_one_number_are_read_or_missed_and_told() {
    for of_each in [1, 2, 3, 7, 12] {
        let keys = (0..60).map(|n| format!("{n}K{}", n / of_each));
        let server = Strange::new(rows(keys, 1), 10, Strange::plain);
        let (ended, read) = read(&server, &feed("rmls", r#","count":"never""#));
        let is_whole = match ended {
            Ok(state) => state.evidence.doubt(read.len() as u64).is_none(),
            Err(error) => {
                assert!(matches!(error, ClientError::Loop { .. }), "{error:?}");
                false
            }
        };
        assert_eq!(is_whole, of_each < 10, "{of_each}");
        assert!(!is_whole || read == server.all(), "{of_each}");
    }
}

/// A listing that is sold while its page is being read takes nothing with it.
#[test]
fn the_last_row_of_a_page_may_be_sold_or_modified() {
    for provider in ["ampre", "trestle"] {
        for many in [400, 950] {
            let server = Strange::new(rows(keys(many), MS), 100, |server, asked| {
                let reply = server.plain(asked);
                let shown = reply.1["value"].as_array().unwrap();
                if let Some(last) = shown
                    .last()
                    .filter(|_| asked.nth % 3 == 1 && asked.nth < 40)
                {
                    let mut rows = server.rows.lock().unwrap();
                    let at = rows.iter().position(|row| row.key == last["ListingKey"]);
                    let gone = rows.remove(at.unwrap());
                    if asked.nth % 2 == 0 {
                        rows.push(Row {
                            at: 1_800_000_000_000_000 + asked.nth as i64,
                            ..gone
                        });
                    }
                }
                reply
            });
            let more = r#","page_size":100,"count":"never""#;
            let (ended, read) = read(&server, &feed(provider, more));
            let scan = ended.unwrap().evidence;
            assert_eq!((scan.end, scan.doubt(0)), (Some(EndSign::EmptyPage), None));
            assert!(server.all().is_subset(&read), "{provider}");
        }
    }
}

/// An empty answer in the middle is no end: it does not show the row that was asked from.
#[test]
fn an_empty_answer_in_the_middle_is_no_end() {
    for provider in ["ampre", "trestle"] {
        for times in [1, 99] {
            let empty = move |server: &Strange, asked: &Asked| match asked.nth {
                n if (3..3 + times).contains(&n) => server.page(&[], 0, None),
                _ => server.plain(asked),
            };
            let server = Strange::new(rows(keys(950), MS), 100, empty);
            let more = r#","page_size":100,"count":"never""#;
            let (ended, read) = read(&server, &feed(provider, more));
            let scan = ended.unwrap().evidence;
            match times {
                1 => assert_eq!((scan.doubt(950), read), (None, server.all()), "{provider}"),
                _ => assert_eq!(scan.end, Some(EndSign::Unproved), "{provider}"),
            }
        }
    }
}

/// Who ignores the condition shows its first page for ever.
#[test]
fn a_server_that_does_not_heed_the_condition_is_found_out() {
    for provider in ["ampre", "trestle"] {
        let server = Strange::new(rows(keys(950), MS), 100, |server, asked| {
            server.page(&server.rows.lock().unwrap(), 0, asked.number("$top"))
        });
        let more = r#","page_size":100,"count":"never""#;
        let (ended, _) = read(&server, &feed(provider, more));
        match ended {
            Ok(state) => assert!(state.evidence.doubt(100).is_some(), "{provider}"),
            Err(error) => assert!(
                matches!(error, ClientError::Loop { .. } | ClientError::Page(_)),
                "{provider}: {error:?}"
            ),
        }
        assert!(server.requests() < 50);
    }
}
