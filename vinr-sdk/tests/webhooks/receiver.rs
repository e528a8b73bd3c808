//! A merchant's server that keeps what it gets and says 200.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

pub(crate) struct Receiver {
    address: SocketAddr,
    hooks: Mutex<mpsc::UnboundedReceiver<Hook>>,
}

/// What came.
#[derive(Debug)]
pub(crate) struct Hook {
    pub(crate) signature: String,
    pub(crate) body: Vec<u8>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (got, hooks) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let got = got.clone();
                let service = service_fn(move |request| receive(got.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
            }
        });
        let hooks = Mutex::new(hooks);
        Self { address, hooks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    pub(crate) async fn next(&self) -> Hook {
        self.hooks.lock().await.recv().await.unwrap()
    }

    /// The next one about a sale.
    pub(crate) async fn about(&self, reference: &str) -> Hook {
        loop {
            let hook = self.next().await;
            if String::from_utf8_lossy(&hook.body).contains(reference) {
                return hook;
            }
        }
    }
}

async fn receive(
    got: mpsc::UnboundedSender<Hook>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let signature = head.headers["vinr-signature"].to_str().unwrap().to_owned();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let _ = got.send(Hook { signature, body });
    Ok(Response::new(Full::default()))
}
