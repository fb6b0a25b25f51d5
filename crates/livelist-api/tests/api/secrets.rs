//! F20: nothing secret in answers or in the log, whatever goes wrong.

use std::sync::atomic::Ordering;

use axum::Router;
use livelist_model::layout;

use crate::log;
use crate::world::{ACME_KEY, BOLT_KEY, World, ask, feed, get, hash, live_path};

const KEYS: [&str; 4] = [ACME_KEY, BOLT_KEY, "ll1.acme.wr0ng-secret", "wr0ng-secret"];

async fn all_requests(api: &Router) -> String {
    let mut told = String::new();
    let paths = [
        "/v1/feeds".to_owned(),
        live_path(&feed("abor")),
        live_path(&feed("crmls")),
        "/v1/none?key=wr0ng-secret".to_owned(),
    ];
    for key in KEYS {
        for path in &paths {
            let answer = ask(api, path, key).await;
            told.push_str(&answer.text());
            told.push_str(&format!("{:?}", answer.headers));
        }
    }
    told
}

fn check(text: &str) {
    for key in KEYS {
        assert!(!text.contains(key), "a key in: {text}");
        assert!(!text.contains(&hash(key)), "a hash in: {text}");
    }
    assert!(!text.contains("secret"), "{text}");
    assert!(!text.contains("ssm:"), "{text}");
}

#[tokio::test]
async fn no_secret_in_answers_or_in_the_log() {
    let world = World::new().await;
    let (api, _) = world.api_with_objects("https://lists.example.com");

    let told = all_requests(&api).await;
    check(&told);
    let manifest = ask(&api, &live_path(&feed("abor")), ACME_KEY).await.json();
    let url = manifest["full"]["url"].as_str().unwrap();
    let path = url.trim_start_matches("https://lists.example.com");
    get(&api, path, &[]).await;
    let signature = path.rsplit_once('=').unwrap().1;

    world
        .put(&layout::head(&feed("abor")), "{\"schema\":1}")
        .await;
    let damaged = "{\"client\":\"coast\",\"api_keys\":\"wr0ng-secret\"}";
    world.put("registry/clients/coast.json", damaged).await;
    check(&all_requests(&api).await);
    world.objects.down.store(true, Ordering::Relaxed);
    let told = all_requests(&api).await;
    check(&told);
    assert!(
        !told.contains("4711") && !told.contains("registry/"),
        "{told}"
    );

    let logged = log::take();
    check(&logged);
    assert!(!logged.contains(signature), "{logged}");
    assert!(logged.contains("4711"), "operators see the cause: {logged}");
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_request() {
    let world = World::new().await;
    world.objects.down.store(true, Ordering::Relaxed);
    let headers = [
        ("authorization", format!("Bearer {ACME_KEY}")),
        ("x-request-id", "site-42".to_owned()),
    ];
    let headers = headers.each_ref().map(|(n, v)| (*n, v.as_str()));
    get(&world.api(), &live_path(&feed("abor")), &headers).await;
    let logged = log::take();
    let errors: Vec<&str> = logged.lines().filter(|l| l.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{logged}");
    for part in [
        "request_id=site-42",
        "route=/v1/feeds/{feed}/live",
        "vendor-detail-4711",
    ] {
        assert!(errors[0].contains(part), "{part} in {logged}");
    }
    let last = logged.lines().last().unwrap();
    assert!(
        last.contains("answered 503") && last.contains("status=503"),
        "{logged}"
    );
}
