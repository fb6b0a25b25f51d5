//! Faults of the wire, seen on the wire.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use livelist_mls::{Fault, FaultRule, Provider};

use crate::client::get;
use crate::scan::{Stage, spec, stage};

async fn struck(fault: Fault) -> Stage {
    let stage = stage(spec(Provider::Reso, 900)).await;
    stage
        .control
        .set_faults(vec![FaultRule::new(fault).times(1)]);
    stage
}

/// Plain and gzip.
async fn both(fault: Fault, check: impl Fn(&crate::client::Reply)) {
    let stage = struck(fault.clone()).await;
    let url = format!("{}/Property", stage.base);
    for gzip in [false, true] {
        stage
            .control
            .set_faults(vec![FaultRule::new(fault.clone()).times(1)]);
        let ask = get(&url).bearer(&stage.token().await);
        let ask = if gzip { ask.gzip() } else { ask };
        check(&ask.clone().send().await);
        assert_eq!(
            ask.send().await.keys().len(),
            900,
            "the next attempt is whole"
        );
    }
    assert_eq!(stage.control.struck()[fault.name()], 2);
}

#[tokio::test]
async fn truncated_json_is_valid_http() {
    both(Fault::TruncateJson, |reply| {
        assert!(reply.complete && reply.broke.is_none() && reply.status == 200);
        assert!(reply.text().starts_with("{\"@odata.context\""));
        assert!(serde_json::from_slice::<serde_json::Value>(&reply.body).is_err());
    })
    .await;
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    both(Fault::Reset, |reply| {
        assert_eq!((reply.status, reply.complete), (200, false));
        assert_eq!(reply.broke, Some(ErrorKind::ConnectionReset));
        assert!(!reply.raw.is_empty(), "half of the body came first");
    })
    .await;
}

#[tokio::test]
async fn a_short_body_ends_before_its_length() {
    both(Fault::ShortContentLength, |reply| {
        let length: usize = reply.headers["content-length"].parse().unwrap();
        assert!(reply.raw.len() < length && !reply.raw.is_empty());
        assert_eq!(reply.broke, None, "the connection closes in peace");
    })
    .await;
}

#[tokio::test]
async fn a_gzip_stream_can_end_in_the_middle() {
    let stage = struck(Fault::GzipTruncated).await;
    let url = format!("{}/Property", stage.base);
    let token = stage.token().await;
    let plain = get(&url).bearer(&token).send().await;
    assert_eq!(
        plain.keys().len(),
        900,
        "without gzip there is nothing to cut"
    );
    assert!(stage.control.struck().is_empty());
    let reply = get(&url).bearer(&token).gzip().send().await;
    assert!(reply.complete && reply.headers["content-encoding"] == "gzip");
    assert!(serde_json::from_slice::<serde_json::Value>(&reply.body).is_err());
    assert_eq!(stage.control.struck()["gzip_truncated"], 1);
}

#[tokio::test]
async fn slow_answers_wait() {
    let stage = struck(Fault::Slow { ms: 200 }).await;
    let start = Instant::now();
    assert_eq!(stage.get("Property").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert_eq!(stage.control.struck()["slow"], 1);
}

#[tokio::test]
async fn a_connection_is_kept_for_many_requests() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let stage = stage(spec(Provider::Reso, 10)).await;
    let mut socket = tokio::net::TcpStream::connect(stage.simulator.addr())
        .await
        .unwrap();
    for _ in 0..3 {
        let ask = "GET /_control/abor/state HTTP/1.1\r\nhost: localhost\r\n\r\n";
        socket.write_all(ask.as_bytes()).await.unwrap();
        let mut buffer = [0; 4096];
        let read = socket.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_page_of_three_hundred_thousand_keys_is_one_answer() {
    let stage = stage(spec(Provider::Trestle, 300_001)).await;
    let start = Instant::now();
    let page = stage.get(&stage.first()).await;
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(page.keys().len(), 300_000);
    assert!(page.next().unwrap().ends_with("$top=300000&$skip=300000"));
}
