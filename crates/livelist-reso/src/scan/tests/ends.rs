//! The end of a list: which signs prove it, and which do not.

use livelist_model::evidence::{Doubt, EndSign};

use crate::error::ClientError;
use crate::strange::{Asked, Reply, Strange, feed, keys, read, rows};

/// A server of 5,000 rows that neither links nor counts, and stops at a thousand.
fn cut(cap: usize) -> impl Fn(&Strange, &Asked) -> Reply {
    move |server, asked| match asked.number("$skip") {
        Some(_) => server.plain(asked),
        None => server.page(&server.matching(asked), 0, Some(cap)),
    }
}

#[test]
fn a_page_without_link_and_count_is_no_end() {
    for (cap, many) in [(1_000, 5_000), (400, 5_000), (10, 11)] {
        let server = Strange::new(rows(keys(many), 1), 1_000, cut(cap));
        let (ended, _) = read(&server, &feed("reso", ""));
        let scan = ended.unwrap().evidence;
        assert_eq!(scan.end, Some(EndSign::Unproved), "{cap} of {many}");
        assert_eq!(scan.doubt(cap as u64), Some(Doubt::EndUnproved));
    }
}

#[test]
fn nothing_behind_the_last_row_is_the_end_of_a_list_without_links_and_counts() {
    for many in [1, 2, 30, 999, 1_000] {
        let server = Strange::new(rows(keys(many), 1), 1_000, cut(1_000));
        let (ended, read) = read(&server, &feed("reso", ""));
        let scan = ended.unwrap().evidence;
        assert_eq!(scan.end, Some(EndSign::Asked), "{many}");
        assert_eq!((scan.doubt(many), read), (None, server.all()));
    }
}

/// Who skips nothing shows its first rows whatever is asked, and who skips into nothing has no rows
/// there: neither says where the list ends.
#[test]
fn an_answer_that_does_not_heed_the_question_proves_nothing() {
    let deaf = |server: &Strange, asked: &Asked| {
        server.page(&server.matching(asked), 0, asked.number("$top"))
    };
    let mute = |server: &Strange, asked: &Asked| {
        let rows = server.matching(asked);
        let skip = asked.number("$skip").map_or(0, |_| rows.len());
        server.page(&rows, skip, None)
    };
    let refusing = |server: &Strange, asked: &Asked| match asked.number("$skip") {
        Some(_) => Reply::error(400, "$skip is not supported"),
        None => server.plain(asked),
    };
    let shuffled = |server: &Strange, asked: &Asked| {
        let mut rows = server.matching(asked);
        let by = asked.number("$skip").map_or(0, |_| 30);
        rows.rotate_left(by);
        server.page(
            &rows,
            asked.number("$skip").unwrap_or(0),
            asked.number("$top"),
        )
    };
    let servers = [
        ("deaf", Strange::new(rows(keys(100), 1), 100, deaf)),
        ("mute", Strange::new(rows(keys(100), 1), 100, mute)),
        ("refusing", Strange::new(rows(keys(100), 1), 100, refusing)),
        ("shuffled", Strange::new(rows(keys(200), 1), 200, shuffled)),
    ];
    for (name, server) in servers {
        let (ended, _) = read(&server, &feed("reso", ""));
        let end = ended.unwrap().evidence.end;
        assert_eq!(end, Some(EndSign::Unproved), "{name}");
    }
}

/// Where `$skip` is refused, rows in the order of their keys have an end by key.
#[test]
fn a_list_in_the_order_of_its_keys_ends_with_the_last_one() {
    for (many, cap, in_order, end) in [
        (30, 100, true, EndSign::Asked),
        (30, 100, false, EndSign::Unproved),
        (5, 100, true, EndSign::Unproved),
        (500, 100, true, EndSign::Unproved),
    ] {
        let mut keys = keys(many);
        if in_order {
            keys.sort();
        }
        let server = Strange::new(rows(keys, 1), cap, |server, asked| {
            match asked.number("$skip") {
                Some(_) => Reply::error(400, "$skip is not supported"),
                None => server.plain(asked),
            }
        });
        let (ended, _) = read(&server, &feed("reso", ""));
        assert_eq!(ended.unwrap().evidence.end, Some(end), "{many} {in_order}");
    }
}

/// A count of the page instead of the list, and one that stops at ten thousand.
#[test]
fn a_count_that_may_be_a_bound_or_the_pages_own_is_no_sign_of_the_end() {
    for (cap, counted) in [(1_000, 1), (1_000, 1_000 - 1), (10_000, 10_000)] {
        let server = Strange::new(
            rows(keys(cap as u64 + 500), 1),
            20_000,
            move |server, asked| match asked.counts() {
                true => server.plain(asked).with("@odata.count", counted),
                false => cut(cap)(server, asked),
            },
        );
        let (ended, _) = read(&server, &feed("reso", ""));
        assert_eq!(
            ended.unwrap().evidence.end,
            Some(EndSign::Unproved),
            "{counted}"
        );
    }
}

/// Pages that overlap by `$skip`, from a server that skips nothing.
#[test]
fn the_first_page_again_is_no_end() {
    for cap in [4, 20, 100] {
        let server = Strange::new(rows(keys(500), 1), cap, |server, asked| {
            server.page(&server.rows.lock().unwrap(), 0, asked.number("$top"))
        });
        let (ended, _) = read(&server, &feed("mlsgrid", r#","originating_system":"abor""#));
        assert!(matches!(ended, Err(ClientError::Loop { .. })), "{ended:?}");
    }
}

/// A link that is lost on a page as full as the others.
#[test]
fn a_lost_link_on_a_full_page_is_no_end() {
    for (lost, end) in [(3, EndSign::Unproved), (9, EndSign::NoNextLink)] {
        let server = Strange::new(rows(keys(950), 1), 100, move |server, asked| {
            linking(server, asked, move |page| page != lost)
        });
        let (ended, read) = read(&server, &feed("reso", r#","page_size":100"#));
        assert_eq!(ended.unwrap().evidence.end, Some(end));
        assert_eq!(read.len() as u64, if lost == 3 { 400 } else { 950 });
    }
}

/// Pages by links, each with a link while `links` says so and rows are left.
fn linking(server: &Strange, asked: &Asked, links: impl Fn(usize) -> bool) -> Reply {
    let skip = asked.number("$skip").or(asked.number("at")).unwrap_or(0);
    let rows = server.matching(asked);
    let reply = server.page(&rows, skip, asked.number("$top"));
    let next = skip + server.cap;
    match next < rows.len() && links(skip / server.cap) && asked.number("$skip").is_none() {
        true => reply.with("@odata.nextLink", format!("Property?at={next}")),
        false => reply,
    }
}

/// After the last row, the last link leads to an error.
fn leading(status: u16, counts: bool, has_skip: bool) -> Strange {
    Strange::new(rows(keys(300), 1), 100, move |server, asked| {
        if asked.counts() {
            return match counts {
                true => server.plain(asked).with("@odata.count", 300),
                false => server.plain(asked),
            };
        }
        match (asked.number("at"), asked.number("$skip")) {
            (Some(300), _) => Reply::error(status, "there is nothing"),
            (_, Some(_)) if !has_skip => Reply::error(400, "$skip is not supported"),
            (_, Some(_)) => server.plain(asked),
            (at, _) => {
                let at = at.unwrap_or(0);
                let link = format!("Property?at={}", at + 100);
                let reply = server.page(&server.matching(asked), at, None);
                reply.with("@odata.nextLink", link)
            }
        }
    })
}

#[test]
fn a_last_link_that_leads_nowhere_is_an_end_where_nothing_stands_behind_the_last_row() {
    for status in [404, 400, 416, 204, 410] {
        for (counts, has_skip, end) in [
            (true, true, EndSign::Asked),
            (false, true, EndSign::Asked),
            (true, false, EndSign::Counted),
            (false, false, EndSign::Unproved),
        ] {
            let server = leading(status, counts, has_skip);
            let (ended, read) = read(&server, &feed("reso", ""));
            let what = format!("{status} {counts} {has_skip}");
            assert_eq!(ended.expect(&what).evidence.end, Some(end), "{what}");
            assert_eq!(read, server.all());
        }
    }
}

/// A server of `many` rows that shows `window` of any list, and refuses requests for rows after those.
fn refusing(status: u16, many: u64, window: usize, takes_ne: bool) -> Strange {
    Strange::new(rows(keys(many), 1), 100, move |server, asked| {
        if !takes_ne && asked.option("$filter").contains(" ne ") {
            return Reply::error(400, "ne is not supported");
        }
        let mut rows = server.matching(asked);
        rows.truncate(window);
        let at = asked.number("$skip").unwrap_or(0);
        if at > 0 && at >= rows.len() {
            return Reply::error(status, "there is nothing");
        }
        let size = asked.number("$top").unwrap_or(100).min(100);
        let reply = server.page(&rows, at, asked.number("$top"));
        match asked.counts() || asked.number("$top").is_some() {
            true => reply,
            false => reply.with("@odata.nextLink", format!("Property?$skip={}", at + size)),
        }
    })
}

/// Where nothing may be asked for behind the end, all rows but one are one fewer: that shows the end, and
/// that there is none.
#[test]
fn an_end_that_nobody_may_ask_behind_shows_in_a_list_without_its_first_row() {
    for status in [404, 400, 416, 204] {
        for many in [1, 2, 3, 4, 99, 100, 101, 300] {
            let server = refusing(status, many, usize::MAX, true);
            let (ended, read) = read(&server, &feed("reso", ""));
            let what = format!("{status} {many}");
            assert_eq!(
                ended.expect(&what).evidence.end,
                Some(EndSign::Asked),
                "{what}"
            );
            assert_eq!(read, server.all());
        }
        for (many, window, takes_ne) in [(301, 300, true), (5_000, 300, true), (300, 400, false)] {
            let server = refusing(status, many, window, takes_ne);
            let (ended, _) = read(&server, &feed("reso", ""));
            let end = ended.map(|state| state.evidence.end);
            match takes_ne {
                true => assert!(end.is_err(), "{status} {many}: {end:?}"),
                false => assert_eq!(end.unwrap(), Some(EndSign::Unproved)),
            }
        }
    }
}

#[test]
fn empty_pages_and_repeated_ones_have_an_end() {
    let empty = |server: &Strange, asked: &Asked| {
        let link = format!("Property?at={}", asked.nth);
        let reply = server.page(&[], 0, None);
        reply.with("@odata.nextLink", link)
    };
    let again = |period: usize| {
        move |server: &Strange, asked: &Asked| {
            let at = asked.nth.min(300 + asked.nth % period);
            let link = format!("Property?at={}", asked.nth);
            let reply = server.page(&server.matching(asked), at * 10, None);
            reply.with("@odata.nextLink", link)
        }
    };
    let servers = [
        ("empty", Strange::new(Vec::new(), 10, empty), 120),
        (
            "again",
            Strange::new(rows(keys(3_010), 1), 10, again(1)),
            500,
        ),
        (
            "in turn",
            Strange::new(rows(keys(3_100), 1), 10, again(7)),
            1_500,
        ),
    ];
    for (name, server, most) in servers {
        for more in ["", r#","count":"never""#] {
            let (ended, _) = read(&server, &feed("reso", more));
            assert!(matches!(ended, Err(ClientError::Endless(_))), "{name}");
            assert!(server.requests() < 2 * most, "{name} {}", server.requests());
        }
    }
}

/// A few empty pages in a row do no harm: some servers filter after cutting.
#[test]
fn some_empty_pages_are_passed() {
    let server = Strange::new(rows(keys(400), 1), 10, |server, asked| {
        if asked.counts() || asked.number("$skip").is_some() {
            return server.plain(asked);
        }
        let at = asked.number("at").unwrap_or(0);
        let skip = if at % 400 == 0 { at / 40 } else { 9_999 };
        let reply = server.page(&server.matching(asked), skip, None);
        match at / 40 + 10 < 400 {
            true => reply.with("@odata.nextLink", format!("Property?at={}", at + 10)),
            false => reply,
        }
    });
    let (ended, read) = read(&server, &feed("reso", ""));
    assert_eq!(ended.unwrap().evidence.end, Some(EndSign::Asked));
    assert_eq!(read, server.all());
}

/// More requests than rows, page size and count explain; a setting allows them.
#[test]
fn requests_are_bounded_by_what_the_count_explains() {
    let server = || {
        Strange::new(rows(keys(1_000), 1), 100, |server, asked| {
            let at = asked.number("at").unwrap_or(0);
            let rows = server.matching(asked);
            if asked.counts() {
                return server.plain(asked).with("@odata.count", 1_000);
            }
            // Ten full pages, then one row a page.
            let reply = match at {
                0..10 => server.page(&rows, at * 50, None),
                _ => server.page(&rows, 590 + at, Some(1)),
            };
            match 590 + at < 999 {
                true => reply.with("@odata.nextLink", format!("Property?at={}", at + 1)),
                false => reply,
            }
        })
    };
    let (ended, _) = read(&server(), &feed("reso", ""));
    assert!(matches!(ended, Err(ClientError::Endless(_))), "{ended:?}");
    let (ended, _) = read(&server(), &feed("reso", r#","max_requests":1000"#));
    assert_eq!(ended.unwrap().evidence.end, Some(EndSign::NoNextLink));
}
