//! A Lambda Runtime API endpoint for one function's process, as AWS documents it: the process polls for the
//! next invocation and posts its result.

use std::convert::Infallible;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

use crate::Failed;
use crate::machine::{Moment, files_of, peak_of};

/// The interval of checks whether a process that has not polled yet still runs.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// No invocation takes longer.
const LONGEST: Duration = Duration::from_secs(300);

enum Said {
    Polls,
    Answers(Bytes),
    Fails(Bytes),
}

struct Endpoint {
    events: Mutex<mpsc::Receiver<Vec<u8>>>,
    said: mpsc::Sender<Said>,
}

/// Resident memory in MB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// The most there was.
    pub peak: f64,
    /// The part of it that is mapped from the binary and its libraries.
    pub of_files: f64,
}

/// A function's process that waits for an invocation.
pub struct Function {
    process: Child,
    events: mpsc::Sender<Vec<u8>>,
    said: mpsc::Receiver<Said>,
    /// From its start to its first poll, in milliseconds.
    pub first_poll: f64,
}

impl Function {
    /// Starts `bootstrap` in this environment and nothing else.
    pub async fn start(bootstrap: &Path, variables: &[(String, String)]) -> Result<Self, Failed> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (events, taken) = mpsc::channel(1);
        let (said, mut heard) = mpsc::channel(4);
        let endpoint = Arc::new(Endpoint {
            events: Mutex::new(taken),
            said,
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let endpoint = Arc::clone(&endpoint);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(&endpoint, request));
                    // The process ends during a poll.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        let begun = Moment::now();
        let mut process = Command::new(bootstrap)
            .env_clear()
            .envs(variables.iter().cloned())
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("LIVELIST_LOG", "error")
            .stdin(Stdio::null())
            // Its log: errors, if any.
            .stdout(std::io::stderr())
            .spawn()?;
        loop {
            match tokio::time::timeout(LOOK_EVERY, heard.recv()).await {
                Ok(Some(Said::Polls)) => break,
                Ok(_) => return Err("the function did not poll".into()),
                Err(_) => {}
            }
            if let Some(ended) = process.try_wait()? {
                return Err(format!("the function ended before its first poll: {ended}").into());
            }
        }
        Ok(Function {
            process,
            events,
            said: heard,
            first_poll: begun.elapsed().as_secs_f64() * 1e3,
        })
    }

    /// Invokes it; gives its answer and how long it took, in milliseconds.
    pub async fn invoke(&mut self, event: &impl serde::Serialize) -> Result<(Bytes, f64), Failed> {
        let begun = Moment::now();
        self.events.send(serde_json::to_vec(event)?).await?;
        loop {
            match tokio::time::timeout(LONGEST, self.said.recv()).await? {
                Some(Said::Polls) => {}
                Some(Said::Answers(body)) => {
                    return Ok((body, begun.elapsed().as_secs_f64() * 1e3));
                }
                Some(Said::Fails(body)) => {
                    return Err(String::from_utf8_lossy(&body).into_owned().into());
                }
                None => return Err("the function has ended".into()),
            }
        }
    }

    /// Its memory so far.
    pub fn memory(&self) -> Memory {
        let process = self.process.id().to_string();
        let read = |of: fn(&str) -> Option<f64>| of(&process).unwrap_or_default();
        Memory {
            peak: read(peak_of),
            of_files: read(files_of),
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn answer(
    endpoint: &Endpoint,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    if request.method() == Method::GET && path.ends_with("/invocation/next") {
        // When the function is dropped, there is no receiver.
        let _ = endpoint.said.send(Said::Polls).await;
        let event = endpoint.events.lock().await.recv().await;
        let Some(event) = event else {
            return Ok(status(StatusCode::GONE));
        };
        let mut response = Response::new(Full::new(Bytes::from(event)));
        let deadline = livelist_store::Clock::now(&livelist_store::SystemClock)
            .as_millisecond()
            .saturating_add(900_000);
        let headers = [
            (
                "lambda-runtime-aws-request-id",
                "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned(),
            ),
            ("lambda-runtime-deadline-ms", deadline.to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:000000000000:function:bench".to_owned(),
            ),
        ];
        for (name, value) in headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        return Ok(response);
    }
    let is_answer = path.ends_with("/response");
    let body = request.into_body().collect().await;
    let body = body.map(|b| b.to_bytes()).unwrap_or_default();
    let said = if is_answer {
        Said::Answers(body)
    } else {
        Said::Fails(body)
    };
    let _ = endpoint.said.send(said).await;
    Ok(status(StatusCode::ACCEPTED))
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
