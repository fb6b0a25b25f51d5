//! Tokens, and page tokens, that expire after good pages.

use livelist_model::evidence::EndSign;

use crate::error::ClientError;
use crate::strange::{Asked, Reply, Strange, feed, keys, read, rows};

const OAUTH: &str = r#","auth":"client_credentials""#;
const STATIC: &str = r#","auth":"server_token""#;

/// Pages of links, until `ends` says that a request is refused.
fn paged(ends: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> Strange {
    Strange::new(rows(keys(950), 1), 100, move |server, asked| {
        if let Some(refusal) = ends(asked) {
            return refusal;
        }
        let at = asked.number("at").or(asked.number("$skip")).unwrap_or(0);
        let reply = server.page(&server.matching(asked), at, asked.number("$top"));
        match at + 100 < 950 && !asked.counts() && asked.number("$skip").is_none() {
            true => reply.with("@odata.nextLink", format!("Property?at={}", at + 100)),
            false => reply,
        }
    })
}

#[test]
fn a_token_that_ends_with_403_or_400_behind_good_pages_is_replaced_once() {
    for (status, words) in [
        (403, "Forbidden"),
        (403, "token expired"),
        (400, "The access token has expired"),
        (400, "invalid_token"),
    ] {
        let old = "Bearer token-1";
        let server = paged(move |asked| {
            (asked.nth > 4 && asked.token == old).then(|| Reply::error(status, words))
        });
        let (ended, read) = read(&server, &feed("reso", OAUTH));
        let scan = ended.expect(words).evidence;
        assert_eq!((scan.end, read), (Some(EndSign::NoNextLink), server.all()));
    }
}

/// A token that serves a few requests expires at any of them: the count, a page, the question after the
/// last row.
#[test]
fn tokens_that_last_a_few_requests_read_the_list() {
    for (status, words) in [(401, ""), (403, "Forbidden"), (400, "token expired")] {
        for lasts in 3..9 {
            for counts in [false, true] {
                let served = std::sync::Mutex::new(std::collections::BTreeMap::new());
                let server = paged(move |asked| {
                    let mut served = served.lock().unwrap();
                    let served = served.entry(asked.token.clone()).or_insert(0);
                    *served += 1;
                    let is_over = *served > lasts;
                    let uncounted = asked.counts() && !counts;
                    let uncounted = uncounted.then(|| Reply::error(400, "no $count"));
                    is_over.then(|| Reply::error(status, words)).or(uncounted)
                });
                let (ended, read) = read(&server, &feed("reso", OAUTH));
                let what = format!("{status} after {lasts}");
                let end = ended.expect(&what).evidence.end;
                assert_eq!((end, read), (Some(EndSign::NoNextLink), server.all()));
            }
        }
    }
}

#[test]
fn access_that_is_lost_behind_good_pages_is_worth_one_token() {
    let server = || paged(|asked| (asked.nth > 4).then(|| Reply::error(403, "Forbidden")));
    for auth in [OAUTH, STATIC] {
        let server = server();
        let (ended, _) = read(&server, &feed("reso", auth));
        assert!(matches!(
            ended,
            Err(ClientError::Denied { status: 403, .. })
        ));
        // A static token is not shown again to who refused it.
        assert_eq!(server.requests(), if auth == OAUTH { 7 } else { 6 });
    }
    let first = paged(|asked| Some(Reply::error(403, &asked.path)));
    let (ended, _) = read(&first, &feed("reso", OAUTH));
    assert!(matches!(ended, Err(ClientError::Denied { .. })));
    assert_eq!(first.requests(), 2, "the count, and the page");
}

#[test]
fn a_page_token_that_died_behind_good_pages_is_one_new_beginning() {
    for status in [410, 404, 400] {
        for lasts in [1, usize::MAX] {
            let refused = std::sync::atomic::AtomicUsize::new(0);
            let server = paged(move |asked| {
                let dies = asked.number("at") == Some(500);
                let dies =
                    dies && refused.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < lasts;
                dies.then(|| Reply::error(status, "the page token is not known"))
            });
            let (ended, read) = read(&server, &feed("reso", OAUTH));
            match lasts {
                1 => {
                    let scan = ended.unwrap().evidence;
                    assert_eq!((scan.end, read), (Some(EndSign::NoNextLink), server.all()));
                    assert_eq!((scan.doubt(950), scan.rows), (None, 950));
                }
                _ => {
                    let error = livelist_model::with_causes(&ended.unwrap_err());
                    assert!(error.contains("token"), "{error}");
                    assert!(server.requests() < 30, "{}", server.requests());
                }
            }
        }
    }
}
