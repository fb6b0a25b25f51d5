//! Allowed addresses of notices: a name that leads to this machine, or to a neighbour, is not called.

use std::sync::Arc;

use livelist_notify::Rules;

use crate::receiver::{Manner, Receiver};
use crate::world::{LOOPBACK, Names, World, impatient};

const PUBLIC: Rules = Rules { loopback: false };

/// The name of what went wrong, or the status.
async fn tell(rules: Rules, names: Arc<Names>, url: &str) -> String {
    let world = World::new(impatient(rules, names)).await;
    let client = world.client("acme", url).await;
    let delivery = world.tell(&client, 1, 1).await;
    let status = delivery.status.map(|status| status.to_string());
    delivery.error.or(status).unwrap()
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_refused() {
    let site = Receiver::start(&[Manner::Status(200)]).await;
    let port = site.address.port();
    let names = || Names::of("site.example", &[&["127.0.0.1"]]);
    for scheme in ["http", "https"] {
        let url = format!("{scheme}://site.example:{port}/");
        let signed = livelist_notify::SigningKeys::read(&crate::world::SECRET.into());
        let signed = signed
            .unwrap()
            .sign("msg_1", jiff::Timestamp::UNIX_EPOCH, "{}");
        let sender = impatient(PUBLIC, names());
        let error = sender.post(&url, &signed, "{}".to_owned()).await;
        assert_eq!(error.unwrap_err().name(), "address_refused", "{url}");
        let local = impatient(LOOPBACK, names());
        let answer = local.post(&url, &signed, "{}".to_owned()).await;
        if scheme == "http" {
            assert_eq!(answer.unwrap(), 200, "the setting lets it through");
        }
    }
    assert_eq!(site.got().len(), 1);
}

#[tokio::test]
async fn no_address_that_is_not_public_is_called() {
    let url = "https://site.example/hook";
    for addresses in [
        &["10.0.0.1"][..],
        &["169.254.169.254"],
        &["100.64.0.1"],
        &["0.0.0.0"],
        &["224.0.0.1"],
        &["::"],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["::ffff:8.8.8.8"],
        &["fe80::1"],
        &["fd00:ec2::254"],
        &["127.0.0.1", "10.0.0.1", "::1"],
    ] {
        let names = Names::of("site.example", &[addresses]);
        let told = tell(PUBLIC, names, url).await;
        assert_eq!(told, "address_refused", "{addresses:?}");
    }
    for (rules, url) in [
        (PUBLIC, "https://127.0.0.1:1/"),
        (PUBLIC, "https://[::1]:1/"),
        (PUBLIC, "http://127.0.0.1:1/"),
    ] {
        let told = tell(rules, Names::of("none", &[]), url).await;
        assert_eq!(told, "address_refused", "{url}");
    }
}

/// The setting for tests opens this machine and nothing else.
#[tokio::test]
async fn the_setting_opens_loopback_alone() {
    let names = Names::of("site.example", &[&["10.0.0.1", "169.254.169.254"]]);
    let told = tell(LOOPBACK, names, "https://site.example/").await;
    assert_eq!(told, "address_refused");
}

/// The name leads to a place that may be called at the first look, and to a neighbour at every
/// other: the connection goes to the address that was checked, so there is no other look.
#[tokio::test]
async fn a_name_is_looked_up_once() {
    let site = Receiver::start(&[Manner::Status(200)]).await;
    let names = Names::of(
        "site.example",
        &[&["127.0.0.1"], &["10.0.0.1"], &["10.0.0.1"]],
    );
    let url = format!("http://site.example:{}/", site.address.port());
    let signed = livelist_notify::SigningKeys::read(&crate::world::SECRET.into());
    let signed = signed
        .unwrap()
        .sign("msg_1", jiff::Timestamp::UNIX_EPOCH, "{}");
    let sender = impatient(LOOPBACK, names.clone());
    let first = sender.post(&url, &signed, "{}".to_owned()).await;
    assert_eq!(first.unwrap(), 200);
    assert_eq!(names.left("site.example"), 2, "one look for one notice");
    let second = sender.post(&url, &signed, "{}".to_owned()).await;
    assert_eq!(second.unwrap_err().name(), "address_refused");
    assert_eq!(
        names.left("site.example"),
        1,
        "nothing is kept of the first"
    );
    assert_eq!(site.got().len(), 1);
}

/// Of several addresses those that may be called are called.
#[tokio::test]
async fn a_private_address_among_others_is_passed_over() {
    let site = Receiver::start(&[Manner::Status(200)]).await;
    let names = Names::of("site.example", &[&["10.0.0.1", "::1", "127.0.0.1"]]);
    let url = format!("http://site.example:{}/", site.address.port());
    let signed = livelist_notify::SigningKeys::read(&crate::world::SECRET.into()).unwrap();
    let signed = signed.sign("msg_1", jiff::Timestamp::UNIX_EPOCH, "{}");
    let sender = impatient(LOOPBACK, names);
    let answer = sender.post(&url, &signed, "{}".to_owned()).await;
    assert_eq!(answer.unwrap(), 200, "::1 has nobody there, 127.0.0.1 has");
}

#[tokio::test]
async fn what_is_no_place_is_refused() {
    let sender = impatient(LOOPBACK, Names::of("none", &[]));
    let signed = livelist_notify::SigningKeys::read(&crate::world::SECRET.into()).unwrap();
    let signed = signed.sign("msg_1", jiff::Timestamp::UNIX_EPOCH, "{}");
    for (url, name) in [
        ("no url", "url_refused"),
        ("ftp://site.example/", "url_refused"),
        ("file:///etc/passwd", "url_refused"),
        ("https://user:word@site.example/", "url_refused"),
        ("https://site.example/", "name_not_resolved"),
    ] {
        let error = sender
            .post(url, &signed, "{}".to_owned())
            .await
            .unwrap_err();
        assert_eq!(error.name(), name, "{url}");
        assert!(!format!("{error} {error:?}").contains("site.example"));
    }
}
