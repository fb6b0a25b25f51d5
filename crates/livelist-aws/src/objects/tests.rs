use livelist_store::SystemEntropy;
use livelist_store::memory::SeededEntropy;

use super::*;
use crate::stub::{Answer, Request, serve};

#[test]
fn a_list_is_told_as_a_gzip_file_and_never_as_an_encoding() {
    assert_eq!(
        content_type("feeds/a/snapshots/1.txt.gz"),
        "application/gzip"
    );
    assert_eq!(content_type("feeds/a/head.json"), "application/json");
    assert_eq!(content_type("feeds/a.b/x"), "application/octet-stream");
}

fn error(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code><Message>says why</Message></Error>");
    Answer::of(status, &body)
}

fn found(etag: &str, write: &str) -> Answer {
    let headers = format!("etag: \"{etag}\"\r\nx-amz-meta-livelist-write: {write}\r\n");
    Answer::Http(200, headers, String::new())
}

fn write_of(request: &Request) -> String {
    let write = request.header("x-amz-meta-livelist-write");
    write.unwrap().to_owned()
}

async fn put(objects: &S3Objects, condition: Condition) -> Result<String, StoreError> {
    let body = Body::from(b"x".to_vec());
    objects.put("k", body, condition, Retention::Keep).await
}

fn unchanged() -> Condition {
    Condition::Unchanged("\"old\"".to_owned())
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_found_again() {
    let first = std::sync::Mutex::new(String::new());
    let (clients, requests) = serve(move |n, request| match n {
        0 => {
            *first.lock().unwrap() = write_of(request);
            Answer::Lost
        }
        1 => error(412, "PreconditionFailed"),
        _ => found("new", &first.lock().unwrap()),
    })
    .await;
    let objects = clients.objects("b", Arc::new(SystemEntropy));
    assert_eq!(put(&objects, unchanged()).await.unwrap(), "\"new\"");
    let requests = requests.lock().unwrap();
    let methods: Vec<_> = requests.iter().map(Request::method).collect();
    assert_eq!(methods, ["PUT", "PUT", "HEAD"]);
    assert_eq!(requests[1].header("if-match"), Some("\"old\""));
}

#[tokio::test]
async fn a_write_that_another_won_fails_its_condition() {
    let (clients, _) = serve(|n, _| match n {
        0 => error(412, "PreconditionFailed"),
        _ => found("new", "another"),
    })
    .await;
    let objects = clients.objects("b", Arc::new(SeededEntropy::new(1)));
    let written = put(&objects, Condition::Absent).await;
    assert!(matches!(written, Err(StoreError::ConditionFailed { .. })));
}

#[tokio::test]
async fn writes_that_met_are_tried_again() {
    let (clients, requests) = serve(|n, _| match n {
        0 => error(409, "ConditionalRequestConflict"),
        _ => found("new", ""),
    })
    .await;
    let objects = clients.objects("b", Arc::new(SystemEntropy));
    assert_eq!(put(&objects, unchanged()).await.unwrap(), "\"new\"");
    assert_eq!(requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn writes_that_keep_meeting_are_unavailable_unless_somebody_won() {
    let (clients, _) = serve(|n, _| found(["old", "new"][n], "another")).await;
    let objects = clients.objects("b", Arc::new(SystemEntropy));
    let settled = objects.settle("k", &unchanged(), Some("ours"), 409).await;
    assert!(matches!(settled, Err(StoreError::Unavailable { .. })));
    let settled = objects.settle("k", &unchanged(), Some("ours"), 409).await;
    assert!(matches!(settled, Err(StoreError::ConditionFailed { .. })));
}

#[tokio::test]
async fn replacing_what_is_gone_fails_its_condition() {
    let (clients, _) = serve(|_, _| error(404, "NoSuchKey")).await;
    let objects = clients.objects("b", Arc::new(SystemEntropy));
    let written = put(&objects, unchanged()).await;
    assert!(matches!(written, Err(StoreError::ConditionFailed { .. })));
    objects.delete("k", unchanged()).await.unwrap();
}

#[tokio::test]
async fn what_is_forbidden_is_refused_and_not_missing() {
    let (clients, _) = serve(|_, _| error(403, "AccessDenied")).await;
    let objects = clients.objects("b", Arc::new(SystemEntropy));
    let Err(refused) = objects.get("k").await else {
        panic!("it was read");
    };
    assert!(matches!(refused, StoreError::Refused { .. }));
    assert_eq!(refused.to_string(), "reading s3://b/k was refused");
}
