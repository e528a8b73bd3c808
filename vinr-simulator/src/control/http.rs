//! The control port on the wire.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use vinr_protocol::question::Question;

use super::state::State;
use super::{Shared, calls, dashboard, events, openapi, page};

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A question is far smaller.
const MAX_BODY: usize = 64 * 1024;

pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>, off: CancellationToken) {
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            // Out of file handles: it passes when connections close.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let (shared, off) = (shared.clone(), off.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let (shared, off) = (shared.clone(), off.clone());
                // Whoever hangs up breaks nothing off: a terminal whose power is being cut would stay half cut.
                let answer = async move { answer(&shared, request).await };
                let answered = tokio::spawn(off.run_until_cancelled_owned(answer));
                async move { answered.await.ok().flatten().ok_or(BrokenOff) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(tcp), service);
            off.run_until_cancelled(connection).await
        });
    }
}

/// The port closed, or serving the request panicked: its connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the request was broken off")]
struct BrokenOff;

/// Why a request is not served.
struct Refused(StatusCode, String);

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    serve(shared, request)
        .await
        .unwrap_or_else(|Refused(status, message)| {
            reply(status, &json!({ "error": { "message": message } }))
        })
}

async fn serve(shared: &Shared, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
    if !shared.own.admits(request.headers()) {
        let message = format!(
            "of all that a browser shows, only {}/ may use the control port",
            shared.own.origin()
        );
        return Err(Refused(StatusCode::FORBIDDEN, message));
    }
    if let Some(asset) = page::find(request.uri().path()) {
        return page_file(shared, &request, asset);
    }
    // It says nothing of what runs here.
    if (request.method(), request.uri().path()) == (&Method::GET, "/v1/openapi.json") {
        return Ok(reply(StatusCode::OK, &openapi()));
    }
    let authorization = request.headers().get(AUTHORIZATION);
    if !authorization.is_some_and(|value| shared.token.is_in(value.as_bytes())) {
        let message =
            "Authorization: Bearer <token> is required; the token stands in control/<id>.json";
        return Err(Refused(StatusCode::UNAUTHORIZED, message.into()));
    }
    match (request.method(), request.uri().path()) {
        (&Method::POST, "/v1/question") => question(shared, request).await,
        (&Method::GET, "/v1/events") => Ok(screen_events(shared)),
        (&Method::GET, "/v1/state") => Ok(reply(StatusCode::OK, &State::of(&shared.terminals))),
        (&Method::POST, _) => call(shared, request).await,
        _ => Err(no_such()),
    }
}

/// The page holds no secret: no token is asked for, which a browser could not send with a link.
fn page_file(
    shared: &Shared,
    request: &Request<Incoming>,
    asset: &page::Asset,
) -> Result<Response<Body>, Refused> {
    if request.method() != Method::GET {
        let message = "the page is only read".into();
        return Err(Refused(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    if !shared.own.is_called(request.headers()) {
        let message = format!("the page is at {}/", shared.own.origin());
        return Err(Refused(StatusCode::MISDIRECTED_REQUEST, message));
    }
    Ok(asset.response().map(|text| Full::from(text).boxed_unsync()))
}

async fn question(shared: &Shared, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
    let question: Question = read(request).await?;
    let subject = shared
        .terminals
        .iter()
        .find(|it| it.id().as_str() == question.subject);
    let answer = match subject {
        Some(terminal) => terminal.answer(&question).await,
        None => {
            let why = format!("no terminal {} runs here", question.subject);
            vinr_protocol::question::Answer::cannot(&question.id, why)
        }
    };
    Ok(reply(StatusCode::OK, &answer))
}

/// A call of [`calls`].
async fn call(shared: &Shared, request: Request<Incoming>) -> Result<Response<Body>, Refused> {
    let path = request.uri().path().to_owned();
    let body = collect(request).await?;
    let answer = match calls::serve(&path, &shared.terminals, &body).await {
        Some(answer) => Some(answer),
        None => match &shared.dashboard {
            Some(dashboard) => dashboard::serve(&path, dashboard, &body).await,
            None => None,
        },
    };
    match answer {
        Some(Ok(answer)) => Ok(reply(StatusCode::OK, &answer)),
        Some(Err(error)) => Err(Refused(error.status, error.message)),
        None => Err(no_such()),
    }
}

fn no_such() -> Refused {
    Refused(StatusCode::NOT_FOUND, "no such path or method".into())
}

fn screen_events(shared: &Shared) -> Response<Body> {
    let mut response =
        Response::new(StreamBody::new(events::stream(&shared.terminals)).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn read<T: for<'de> Deserialize<'de>>(request: Request<Incoming>) -> Result<T, Refused> {
    serde_json::from_slice(&collect(request).await?)
        .map_err(|error| Refused(StatusCode::BAD_REQUEST, format!("the body: {error}")))
}

async fn collect(request: Request<Incoming>) -> Result<Bytes, Refused> {
    let body = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let body =
        body.map_err(|_| Refused(StatusCode::BAD_REQUEST, "the body cannot be read".into()))?;
    Ok(body.to_bytes())
}

fn reply(status: StatusCode, value: &impl serde::Serialize) -> Response<Body> {
    let json = serde_json::to_vec(value).expect("what the control port says has string keys");
    let mut response = Response::new(Full::from(json).boxed_unsync());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
