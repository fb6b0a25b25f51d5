//! `livelist keys`: created, used, rotated, revoked; the rest of the documents stays as people wrote it.

use livelist_mls::{MlsSpec, Provider};
use serde_json::{Value, json};

use crate::reader;
use crate::serve::Server;
use crate::town::Town;

const WRITTEN: &str = "{ \"client\": \"acme\",\r\n   \"pairs\": [ { \"resource\": \"Property\", \
    \"mls\": \"abor\" },\n { \"mls\": \"bolt\", \"resource\": \"Property\" } ] }\n";

fn town() -> Town {
    let town = Town::of(vec![
        MlsSpec::new("abor", Provider::Trestle, 20),
        MlsSpec::new("bolt", Provider::Trestle, 5),
    ]);
    std::fs::write(town.registry().join("clients/acme.json"), WRITTEN).unwrap();
    town
}

impl Town {
    fn document(&self) -> String {
        std::fs::read_to_string(self.registry().join("clients/acme.json")).unwrap()
    }

    /// Makes a key, and gives what was printed for machines.
    fn made(&self, arguments: &[&str]) -> String {
        let done = self.livelist(&[&["keys"], arguments].concat());
        done.assert(0);
        let key = done.out.strip_suffix('\n').unwrap().to_owned();
        assert!(!key.contains('\n') && !done.err.contains(&key));
        key
    }

    fn listed(&self) -> Vec<Value> {
        let done = self.livelist(&["keys", "list", "--json"]);
        done.assert(0);
        let lines = done.out.lines().map(serde_json::from_str);
        lines.collect::<Result<_, _>>().unwrap()
    }
}

#[test]
fn a_key_opens_the_api_until_it_is_revoked() {
    let town = town();
    town.day("2026-11-21", 0);
    let server = Server::start(&town, &[]);
    let status = |key: &str| server.get("/v1/feeds", Some(key), &[]).status;
    let first = town.made(&["add", "acme", "--id", "site"]);
    assert!(first.starts_with("ll1.acme."), "{first}");
    assert_eq!(status(&first), 200);

    let second = town.made(&["rotate", "acme", "site", "--keep", "1"]);
    assert_eq!((status(&first), status(&second)), (200, 200));
    let third = town.made(&["rotate", "acme", "site", "--keep", "0"]);
    let all = [&first, &second, &third].map(|key| status(key));
    assert_eq!(all, [401, 200, 200]);

    let id = town.listed()[1]["id"].as_str().unwrap().to_owned();
    town.livelist(&["keys", "revoke", "acme", &id]).assert(0);
    let all = [&first, &second, &third].map(|key| status(key));
    assert_eq!(all, [401, 401, 200]);
    let document = town.document();
    for key in [&first, &second, &third] {
        assert!(!document.contains(key.as_str()));
    }
    let done = server.stop();
    done.assert(0);
    assert_eq!(done.err, "");
}

#[test]
fn operators_have_keys_of_their_own() {
    let town = town();
    let key = town.made(&["add", "--admin", "ada", "--days", "30"]);
    assert!(key.starts_with("lla.ada."), "{key}");
    let document = std::fs::read_to_string(town.registry().join("admins.json")).unwrap();
    let kept: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(kept["admins"][0]["sha256"], reader::digest(key.as_bytes()));
    assert!(!document.contains(&key["lla.ada.".len()..]));
    town.made(&["rotate", "--admin", "ada"]);
    let done = town.livelist(&["keys", "list", "--admin", "--json"]);
    let lines: Vec<Value> = done
        .assert(0)
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let told: Vec<_> = lines.iter().map(|l| (&l["admin"], &l["state"])).collect();
    assert_eq!(told, [(&json!("ada"), &json!("valid")); 2]);
    town.livelist(&["keys", "revoke", "--admin", "ada"])
        .assert(0);
    let table = town.livelist(&["keys", "list", "--admin"]);
    assert_eq!(table.assert(0).out.lines().count(), 1);

    for wrong in [
        &["keys", "add"][..],
        &["keys", "add", "acme", "--admin", "ada"],
        &["keys", "add", "--admin", "a.b"],
        &["keys", "revoke", "--admin", "ada"],
        &["keys", "rotate", "acme"],
    ] {
        town.livelist(wrong).assert(2);
    }
    let registry = town.registry();
    let check = ["registry", "check", registry.to_str().unwrap()];
    town.livelist(&check).assert(0);
    std::fs::write(registry.join("admins.json"), "{\"schema\":1,\"keys\":[]}").unwrap();
    let done = town.livelist(&check);
    assert!(
        done.assert(2).out.starts_with("admins.json: "),
        "{}",
        done.out
    );
}

#[test]
fn a_key_may_open_some_feeds_only() {
    let town = town();
    let lines = town.day("2026-11-21", 0);
    let feeds = [&lines[0]["feed"], &lines[1]["feed"]].map(|feed| feed.as_str().unwrap());
    let key = town.made(&["add", "acme", "--feeds", feeds[1]]);
    let server = Server::start(&town, &[]);
    let path = |feed: &str| format!("/v1/feeds/{feed}/live");
    assert_eq!(server.get(&path(feeds[0]), Some(&key), &[]).status, 403);
    assert_eq!(server.get(&path(feeds[1]), Some(&key), &[]).status, 200);
    let told = server.get("/v1/feeds", Some(&key), &[]);
    let told: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(told["feeds"].as_array().unwrap().len(), 1);
    assert_eq!(told["feeds"][0]["feed"], feeds[1]);
    server.stop().assert(0);

    let refused = town.livelist(&["keys", "add", "acme", "--feeds", "other-property-1"]);
    refused.assert(2);
    assert!(refused.err.contains(feeds[0]), "{}", refused.err);
    assert_eq!(refused.out, "");
}

#[test]
fn the_document_keeps_what_people_wrote() {
    let town = town();
    let key = town.made(&["add", "acme", "--days", "30"]);
    let document = town.document();
    let (before, behind) = WRITTEN.split_at("{ \"client\": \"acme\"".len());
    assert!(document.starts_with(before) && document.ends_with(behind));
    let kept: Value = serde_json::from_str(&document).unwrap();
    let kept = &kept["api_keys"][0];
    assert_eq!(kept["sha256"], reader::digest(key.as_bytes()));
    let at = |name: &str| kept[name].as_str().unwrap().parse::<jiff::Timestamp>();
    let valid = at("expires")
        .unwrap()
        .duration_since(at("created").unwrap());
    assert_eq!(valid.as_hours(), 30 * 24);
    let registry = town.registry();
    let check = ["registry", "check", registry.to_str().unwrap()];
    town.livelist(&check).assert(0);

    assert_eq!(
        town.listed(),
        [json!({"client": "acme", "id": kept["id"], "state": "valid",
            "created": kept["created"], "expires": kept["expires"], "feeds": null})]
    );
    let table = town.livelist(&["keys", "list", "acme"]);
    assert_eq!(table.assert(0).out.lines().count(), 2);
    let hash = kept["sha256"].as_str().unwrap();
    assert!(!table.out.contains(hash) && !table.out.contains(&key));
}

#[test]
fn what_cannot_be_done_is_told_and_changes_nothing() {
    let town = town();
    for (arguments, told) in [
        (&["add", "zeta"][..], "clients/zeta.json"),
        (&["add", "acme", "--id", "a b"], "not an id"),
        (&["revoke", "acme", "none"], "no key `none`"),
        (&["rotate", "acme", "none"], "no key `none`"),
        (&["list", "zeta"], "clients/zeta.json"),
    ] {
        let done = town.livelist(&[&["keys"], arguments].concat());
        done.assert(2);
        assert!(done.err.contains(told), "{}", done.err);
        assert_eq!(done.out, "");
    }
    assert_eq!(town.document(), WRITTEN);
}

/// (O14) One operator's keys can be listed by name.
#[test]
fn an_operators_keys_are_listed_by_name() {
    let town = town();
    for name in ["ada", "bob"] {
        town.made(&["add", "--admin", name]);
    }
    let listed = |more: &[&str]| town.livelist(&[&["keys", "list", "--admin"], more].concat());
    assert_eq!(listed(&[]).assert(0).out.lines().count(), 3);
    let ada = listed(&["ada"]);
    assert_eq!(ada.assert(0).out.lines().count(), 2);
    assert!(ada.out.contains("ada") && !ada.out.contains("bob"));
    listed(&["eve"]).assert(2);
}
