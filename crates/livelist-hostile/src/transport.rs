//! HTTP in the simulated world: host and path choose the MLS, time passes, connections break. It checks
//! that no token goes to a host that is not its feed's (F13).

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use livelist_mls::{Delivery, Ending};
use livelist_reso::{BodyStream, Transport, TransportError};

use crate::ports::{Failed, Place, Port};
use crate::sim::Ms;
use crate::world::World;

/// HTTP from one place.
pub struct SimTransport(pub(crate) Port);

/// How long a client waits for the beginning of an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// An answer on its way.
pub(crate) struct Sent {
    status: StatusCode,
    headers: HeaderMap,
    pieces: Vec<Bytes>,
    is_broken: bool,
    delay: Duration,
}

#[async_trait]
impl Transport for SimTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<BodyStream>, TransportError> {
        let place = &self.0.0;
        let host = request.uri().host().unwrap_or("").to_owned();
        let after = place
            .pass("request", (20, 200))
            .await
            .map_err(|_: Failed| TransportError::Connect {
                host,
                source: "the simulated network failed".into(),
            })?;
        let sent = {
            let now = place.sim.now();
            place.sim.world().request(now, place, request)
        };
        let task = place.task();
        let takes = 10 + sent.delay.min(PATIENCE).as_millis() as Ms;
        place.sim.point(task, Some(place.sim.now() + takes)).await;
        if sent.delay > PATIENCE {
            return Err(TransportError::TimedOut(PATIENCE.as_secs()));
        }
        place
            .end(after)
            .await
            .map_err(|_| TransportError::Broken("the simulated network failed".into()))?;
        let end = sent
            .is_broken
            .then(|| Err(TransportError::Broken("the connection was reset".into())));
        let pieces = sent.pieces.into_iter().map(Ok).chain(end);
        let body: BodyStream = stream::iter(pieces).boxed();
        let mut response = Response::new(body);
        *response.status_mut() = sent.status;
        *response.headers_mut() = sent.headers;
        Ok(response)
    }
}

impl From<Delivery> for Sent {
    fn from(delivery: Delivery) -> Sent {
        Sent {
            status: delivery.status,
            headers: delivery.headers,
            is_broken: delivery.ending != Ending::Whole,
            delay: delivery.delay,
            pieces: delivery.pieces.into_pieces().map(Bytes::from).collect(),
        }
    }
}

/// The `Date` header.
fn date(at: Ms) -> Option<(header::HeaderName, HeaderValue)> {
    let at = jiff::Timestamp::from_millisecond(at).ok()?;
    let text = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    Some((header::DATE, HeaderValue::try_from(text).ok()?))
}

impl World {
    /// Answers a request that arrives now.
    fn request(&mut self, now: Ms, place: &Place, request: Request<Bytes>) -> Sent {
        self.tally.requests += 1;
        let uri = request.uri();
        let host = uri.host().unwrap_or("");
        let mls = self.mlss.iter().position(|mls| mls.plan.host == host);
        let is_safe = uri.scheme_str() == Some("https") && uri.port_u16().is_none_or(|p| p == 443);
        let shown = request.headers().get(header::AUTHORIZATION);
        let shown = shown.and_then(|value| value.to_str().ok()).unwrap_or("");
        let body = String::from_utf8_lossy(request.body());
        for (at, other) in self.mlss.iter().enumerate() {
            let own = mls == Some(at) && is_safe;
            if own {
                continue;
            }
            let leaks =
                |secret: &String| shown.contains(secret.as_str()) || body.contains(secret.as_str());
            if other.control.secrets().iter().any(leaks) {
                let text = format!(
                    "a secret of {} was sent to {}",
                    other.plan.spec.mls,
                    uri.authority().map_or("nobody", |a| a.as_str())
                );
                self.wrong(text);
                break;
            }
        }
        let Some(at) = mls.filter(|_| is_safe) else {
            // A stranger's answer looks like the last page.
            return Sent {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                pieces: vec![Bytes::from_static(b"{\"value\":[]}")],
                is_broken: false,
                delay: Duration::ZERO,
            };
        };
        self.set_clock(now);
        self.changes_before_request(now, at);
        let target = uri.path_and_query().map(|p| p.as_str().to_owned());
        let delivery = self.town.send(request);
        self.answered(now, at, place, target.unwrap_or_default(), &delivery);
        let mut sent = Sent::from(delivery);
        if self.story.tells_time {
            let told = now + self.mlss[at].plan.date_off * 1_000;
            sent.headers.extend(date(told));
        }
        sent
    }
}
