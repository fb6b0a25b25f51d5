//! A foreign RESO server needs only a registry document.

use livelist_mls::{MlsSpec, Provider};
use serde_json::json;

use crate::reader;
use crate::stranger::{CLIENT, Links, Manners, PLAIN, Stranger, TOKEN};
use crate::town::Town;

/// Keys as MLSs have them, and as no MLS should have them.
fn keys() -> Vec<String> {
    let odd = [
        "a",
        "A",
        "007",
        "7",
        "O'Hara",
        "x&y=z+1 %",
        "Öl",
        "#1",
        "--",
    ];
    let plain = (0..90).map(|n| format!("KEY{:04}", n * 7_919 % 9_973));
    odd.map(str::to_owned).into_iter().chain(plain).collect()
}

/// A town whose MLS is the stranger.
pub fn town_of(stranger: &Stranger, manners: &Manners, provider: &str) -> Town {
    let mut town = Town::one(MlsSpec::new("abor", Provider::Reso, 0));
    let base = format!("http://{}", stranger.address);
    let mut document = json!({"provider": provider, "base_url": format!("{base}/odata")});
    let mut account = json!({"token": TOKEN});
    if manners.oauth {
        document["token_url"] = json!(format!("{base}/token"));
        account = json!({"client_id": CLIENT.0, "client_secret": CLIENT.1});
    }
    town.mls_document("abor", &document);
    town.set("ABOR_ACCOUNT", Some(&account.to_string()));
    town
}

/// Three days: all is new; some come and go; pages lose rows that are still there.
fn three_days(manners: Manners) {
    let stranger = Stranger::start(keys(), manners.clone());
    let town = town_of(&stranger, &manners, "reso");
    let published = || reader::only(&town.data()).unwrap().keys;

    let line = town.only("2026-11-21", 0);
    assert_eq!(line["outcome"], "published");
    assert_eq!(published(), stranger.book.lock().unwrap().keys());

    let mut book = stranger.book.lock().unwrap();
    assert!(book.sell(2..31).contains("O'Hara"));
    book.list((0..6).map(|n| format!("NEW{n}")));
    let present = book.keys();
    drop(book);
    let line = town.only("2026-11-22", 0);
    assert_eq!((&line["added"], &line["removed"]), (&json!(6), &json!(29)));
    assert_eq!(line["confirmed"], 29);
    assert_eq!(published(), present);

    let mut book = stranger.book.lock().unwrap();
    book.asked.clear();
    book.lost = ["a", "A", "KEY0000", "NEW5"].map(str::to_owned).into();
    let shown = present.iter().filter(|key| !book.lost.contains(*key));
    let lost = present.len() - shown.count();
    drop(book);
    assert!(lost > 2);
    // Nobody counts, and one page holds it all: where the list ends is not to be told.
    let has_no_sign = !manners.counts && manners.page > present.len();
    let is_held = manners.counts || has_no_sign;
    let line = town.day("2026-11-23", if is_held { 3 } else { 0 });
    if manners.counts {
        assert_eq!(line[0]["held_reason"], "count_mismatch");
    } else if has_no_sign {
        assert_eq!(line[0]["held_reason"], "end_unproved");
    } else {
        assert_eq!(line[0]["confirmed"], lost);
        assert_eq!(line[0]["outcome"], "unchanged", "{line:?}");
    }
    assert_eq!(published(), present, "no listing that is there is lost");
    let asked = &stranger.book.lock().unwrap().asked;
    let tokens = asked.iter().filter(|a| a.starts_with("POST")).count();
    assert_eq!(tokens, usize::from(manners.oauth));
}

#[test]
fn absolute_links_and_a_count() {
    three_days(PLAIN);
}

#[test]
fn relative_links() {
    three_days(Manners {
        links: Links::Relative,
        ..PLAIN
    });
}

#[test]
fn opaque_links_and_no_count() {
    three_days(Manners {
        links: Links::Opaque,
        counts: false,
        ..PLAIN
    });
}

#[test]
fn top_is_the_total_owed() {
    three_days(Manners {
        top_is_total: true,
        page: 5,
        ..PLAIN
    });
    three_days(Manners {
        top_is_total: true,
        links: Links::Opaque,
        counts: false,
        ..PLAIN
    });
}

#[test]
fn tokens_that_do_not_say_how_long_they_live() {
    three_days(Manners {
        oauth: true,
        ..PLAIN
    });
    three_days(Manners {
        oauth: true,
        links: Links::Relative,
        counts: false,
        page: 1_000,
        ..PLAIN
    });
}
