//! Receives webhooks: plain HTTP on a loopback port, one request after the other, journaled as it came.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::journal::{Event, Header, Journal, Webhook};

const WITHIN: Duration = Duration::from_secs(5);
const MOST: usize = 1024 * 1024;
const MAX_HEADERS: usize = 64;

/// Listens until it is dropped.
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: JoinHandle<()>,
}

struct Shared {
    journal: Journal,
    /// How many are still refused.
    refuses: AtomicU64,
    ahead_s: AtomicU64,
}

impl Receiver {
    pub(super) async fn open(journal: Journal, refuses: u64) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            journal,
            refuses: AtomicU64::new(refuses),
            ahead_s: AtomicU64::new(0),
        });
        let listening = tokio::spawn({
            let shared = shared.clone();
            async move {
                while let Ok((tcp, _)) = listener.accept().await {
                    tokio::spawn(serve(shared.clone(), tcp));
                }
            }
        });
        Ok(Self {
            address,
            shared,
            listening,
        })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/webhooks", self.address)
    }

    pub(super) fn is_ahead(&self, by: Duration) {
        self.shared
            .ahead_s
            .fetch_add(by.as_secs(), Ordering::Relaxed);
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(shared: Arc<Shared>, mut tcp: TcpStream) {
    let Ok(Ok((headers, body))) = timeout(WITHIN, read(&mut tcp)).await else {
        return;
    };
    let is_refused = shared
        .refuses
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(1)
        })
        .is_ok();
    let (answered, line) = match is_refused {
        true => (500, "500 Internal Server Error"),
        false => (200, "200 OK"),
    };
    let now = jiff::Timestamp::now().as_second();
    // Journaled before it is answered: what the sender sees as acknowledged stands there.
    shared.journal.record(Event::Webhook(Webhook {
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        received_unix: u64::try_from(now).unwrap_or_default(),
        ahead_s: shared.ahead_s.load(Ordering::Relaxed),
        answered,
    }));
    let answer = format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // A sender that does not wait for it sends again, and is journaled again.
    let _ = tcp.write_all(answer.as_bytes()).await;
    let _ = tcp.shutdown().await;
}

async fn read(tcp: &mut TcpStream) -> std::io::Result<(Vec<Header>, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if tcp.read_buf(&mut bytes).await? == 0 || bytes.len() > MOST {
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        if let Some(request) = whole(&bytes)? {
            return Ok(request);
        }
    }
}

/// The headers and the body; `None` while they are not whole.
fn whole(bytes: &[u8]) -> std::io::Result<Option<(Vec<Header>, Vec<u8>)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let head = request
        .parse(bytes)
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
    let httparse::Status::Complete(used) = head else {
        return Ok(None);
    };
    let headers: Vec<Header> = request
        .headers
        .iter()
        .map(|header| {
            let value = String::from_utf8_lossy(header.value).into_owned();
            (header.name.to_ascii_lowercase(), value)
        })
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, length)| length.parse::<usize>().ok())
        .ok_or(std::io::ErrorKind::InvalidData)?;
    let body = &bytes[used..];
    Ok((body.len() >= length).then(|| (headers, body[..length].to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn send(receiver: &Receiver, body: &str) -> String {
        let mut tcp = TcpStream::connect(receiver.address)
            .await
            .expect("it listens");
        let request = format!(
            "POST /webhooks HTTP/1.1\r\nHost: x\r\nVinr-Signature: t=1,v1=ab\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        tcp.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.expect("it answers");
        answer
    }

    #[tokio::test]
    async fn the_first_is_refused_and_all_are_journaled_as_they_came() {
        let journal = Journal::in_memory();
        let receiver = Receiver::open(journal.clone(), 1).await.expect("a port");
        assert!(
            send(&receiver, "{\"id\":\"evt_1\"}")
                .await
                .starts_with("HTTP/1.1 500")
        );
        assert!(
            send(&receiver, "{\"id\":\"evt_1\"}")
                .await
                .starts_with("HTTP/1.1 200")
        );
        let webhooks: Vec<_> = journal
            .entries()
            .into_iter()
            .filter_map(|entry| match entry.event {
                Event::Webhook(webhook) => Some(webhook),
                _ => None,
            })
            .collect();
        let answered: Vec<_> = webhooks.iter().map(|webhook| webhook.answered).collect();
        assert_eq!(answered, [500, 200]);
        assert_eq!(webhooks[0].body, "{\"id\":\"evt_1\"}");
        assert!(
            webhooks[0]
                .headers
                .contains(&("vinr-signature".into(), "t=1,v1=ab".into()))
        );
    }
}
