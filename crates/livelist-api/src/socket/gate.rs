//! Between the connection and the router: reports refusals of the connection, and counts requests that a
//! trusted proxy forwards by their own address.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, header};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tower::ServiceExt;

use super::door::{AddressSeat, Door, too_many};
use crate::envelope::Refusal;
use crate::error::ApiError;

/// The header in which a proxy names the client.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The checks for the requests of one connection.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) router: Router,
    pub(super) door: Arc<Door>,
    pub(super) peer: IpAddr,
    /// The answer to all requests except for health.
    pub(super) refused: Option<ApiError>,
}

impl Gate {
    pub(super) async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<Seated>, Infallible> {
        let mut request = request.map(Body::new);
        let mut seat = None;
        let mut refused = self.refused;
        if refused.is_none()
            && let Some(address) = forwarded(&self.door, self.peer, request.headers())
        {
            seat = self.door.seat_of(address);
            refused = seat.is_none().then(too_many);
        }
        if refused.is_none() && is_ambiguous(request.headers()) {
            refused = Some(ApiError::BadRequest);
        }
        if let Some(error) = refused {
            request.extensions_mut().insert(Refusal(error));
        }
        let response = self.router.oneshot(request).await?;
        Ok(response.map(|body| Seated { body, _seat: seat }))
    }
}

/// Whether a server before this one may have understood another request: several hosts, a
/// length beside chunks. (hyper itself reads chunks by their own lengths, and closes.)
fn is_ambiguous(headers: &HeaderMap) -> bool {
    let has = |name| headers.contains_key(name);
    headers.get_all(header::HOST).iter().count() > 1
        || (has(header::TRANSFER_ENCODING) && has(header::CONTENT_LENGTH))
}

/// The client of a trusted proxy: the last address in the list that is not a trusted proxy's, because
/// clients can forge all before it. `None` for other peers.
fn forwarded(door: &Door, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    if !door.limits.trusts(peer) {
        return None;
    }
    let values = headers.get_all(FORWARDED_FOR);
    let values = values.iter().filter_map(|value| value.to_str().ok());
    let listed: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
    for text in listed.iter().rev() {
        let address = address(text.trim())?;
        if !door.limits.trusts(address) {
            return Some(address);
        }
    }
    None
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<std::net::SocketAddr>() {
        return Some(address.ip());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse().ok()
}

/// A body that holds a seat until it was sent.
pub(super) struct Seated {
    body: Body,
    _seat: Option<AddressSeat>,
}

impl HttpBody for Seated {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::Limits;
    use super::*;

    #[test]
    fn the_last_stranger_counts() {
        let door = Door::new(Limits {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..Limits::default()
        });
        let from = |peer: &str, told: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in told {
                headers.append(FORWARDED_FOR, value.parse().unwrap());
            }
            let found = forwarded(&door, peer.parse().unwrap(), &headers);
            found.map(|address| address.to_string())
        };
        let some = |address: &str| Some(address.to_owned());
        assert_eq!(from("10.0.0.1", &["192.0.2.7"]), some("192.0.2.7"));
        // The client's own entries come before those of the proxy.
        assert_eq!(from("10.0.0.1", &["1.1.1.1, 192.0.2.7"]), some("192.0.2.7"));
        assert_eq!(
            from("10.0.0.1", &["1.1.1.1", "192.0.2.7,10.0.0.2"]),
            some("192.0.2.7")
        );
        assert_eq!(from("10.0.0.1", &["192.0.2.7:4711"]), some("192.0.2.7"));
        assert_eq!(from("10.0.0.1", &["[2001:db8::1]:80"]), some("2001:db8::1"));
        assert_eq!(from("10.0.0.1", &["[2001:db8::1]"]), some("2001:db8::1"));
        assert_eq!(from("10.0.0.1", &[]), None);
        assert_eq!(from("10.0.0.1", &["10.0.0.3"]), None);
        assert_eq!(from("10.0.0.1", &["unknown"]), None);
        // A stranger's own word is none.
        assert_eq!(from("192.0.2.1", &["10.9.9.9"]), None);
    }
}
