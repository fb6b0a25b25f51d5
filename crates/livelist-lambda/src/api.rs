//! The handler of the HTTP API.

use std::sync::Arc;

use axum::Router;
use http::HeaderValue;
use lambda_http::request::RequestContext;
use lambda_http::tower::ServiceExt;
use lambda_http::{Request, RequestExt, service_fn};
use livelist_api::{ApiState, GATEWAY_REQUEST_ID};
use livelist_aws::{AwsClients, Place};
use livelist_store::{SystemClock, SystemEntropy};

use crate::config::Config;

/// Serves the API over the bucket.
pub(crate) async fn serve(config: &Config) -> Result<(), lambda_runtime::Error> {
    let clients = AwsClients::new(Place::Environment).await;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let objects = Arc::new(clients.objects(&config.bucket, entropy.clone()));
    let links = Arc::new(clients.links(&config.bucket, clock.clone()));
    let mut state = ApiState::new(objects, links, clock, entropy);
    if config.has_dashboard {
        state = state.beside_dashboard();
    }
    let router = livelist_api::router(state);
    answer(router).await
}

/// Serves API Gateway's requests until Lambda ends the process.
pub(crate) async fn answer(router: Router) -> Result<(), lambda_runtime::Error> {
    lambda_http::run(service_fn(move |request| {
        router.clone().oneshot(with_id(request))
    }))
    .await
}

/// The request with API Gateway's id in a header, so that the log and the caller have the same id. A header
/// with that name from the caller is removed.
fn with_id(mut request: Request) -> Request {
    let id = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    let headers = request.headers_mut();
    headers.remove(GATEWAY_REQUEST_ID);
    if let Some(id) = id.and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.insert(GATEWAY_REQUEST_ID, id);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: &str) -> Request {
        let event = format!(
            r#"{{"version":"2.0","routeKey":"$default","rawPath":"/v1/health","rawQueryString":"",
                "headers":{{"apigw-requestid":"forged"}},"isBase64Encoded":false,
                "requestContext":{{"accountId":"1","apiId":"a","domainName":"d","stage":"$default",
                "requestId":"{id}","time":"","timeEpoch":0,"http":{{"method":"GET",
                "path":"/v1/health","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":""}}}}}}"#
        );
        lambda_http::request::from_str(&event).unwrap()
    }

    #[test]
    fn the_gateways_id_replaces_a_forged_one() {
        let with = with_id(request("JKJaXmPLvHcESHA="));
        assert_eq!(with.headers()[GATEWAY_REQUEST_ID], "JKJaXmPLvHcESHA=");
        let without = with_id(request("\\u0000"));
        assert!(!without.headers().contains_key(GATEWAY_REQUEST_ID));
    }
}
