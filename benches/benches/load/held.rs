//! The memory of ten thousand payments that wait for a card: what a server has for each, beside the least that TLS takes
//! and hyper as it comes. The server is a process of its own. `VINR_LOAD_HELD` says how many.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::process::{Resource, getrlimit, setrlimit};
use rustls::{ServerConnection, StreamOwned};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use vinr_benches::by_hand;
use vinr_benches::floor::{Floor, server_config};
use vinr_benches::shop::{Failure, serve_many};
use vinr_benches::{HEAD_BYTES, REQUEST_BYTES};
use vinr_protocol::TerminalId;
use vinr_simulator::Pki;
use vinr_transport::server::{Aborted, Handler, Reply, Request};

use crate::number;

/// Says to this program that it is the server, and of what kind.
pub(crate) const SERVE: &str = "VINR_LOAD_HELD_BY";

/// Where its identity is.
const IDENTITY: &str = "VINR_LOAD_HELD_IDENTITY";

/// What is wanted.
const WANTED: f64 = 1.3;

/// So many payments first, for what is there once and for all.
const FIRST: u64 = 500;

/// Files that are open besides.
const OTHER_FILES: u64 = 100;

const RAW: &str = "raw TLS";
const PLAIN: &str = "hyper as it comes";
const OURS: &str = "our server";

fn terminal() -> Result<TerminalId, Failure> {
    Ok(TerminalId::new("term_BENCH_1")?)
}

pub(crate) fn measure() -> Result<bool, Failure> {
    if !cfg!(target_os = "linux") {
        println!("SKIPPED: how much memory a process has is read from /proc");
        return Ok(false);
    }
    let wanted = number("VINR_LOAD_HELD")?.unwrap_or(10_000);
    let possible = files()?.saturating_sub(OTHER_FILES + FIRST);
    let payments = wanted.min(possible);
    if payments < wanted {
        println!(
            "only {payments} instead of {wanted} payments: raise the limit of open files (ulimit -Hn)"
        );
    }
    let dir = tempfile::tempdir()?;
    let pki = Pki::provision(dir.path(), &[terminal()?])?.pki;
    println!("| {payments} held payments | KiB each | against raw TLS |\n|---|--:|--:|");
    let (mut raw, mut ratio) = (f64::NAN, f64::NAN);
    for kind in [RAW, PLAIN, OURS] {
        let each = held(kind, dir.path().to_owned(), &pki, payments)?;
        if kind == RAW {
            raw = each;
        }
        ratio = each / raw;
        println!("| {kind} | {each:.1} | {ratio:.2} |");
    }
    let is_reached = ratio <= WANTED;
    let said = if is_reached { "reached" } else { "NOT REACHED" };
    println!(
        "\na payment that our server holds takes {ratio:.2} times the memory of raw TLS ({WANTED} is wanted: {said})"
    );
    Ok(is_reached)
}

/// As many files as the system lets this process and its children open.
fn files() -> Result<u64, Failure> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit.current.unwrap_or(u64::MAX))
}

/// KiB for each.
fn held(kind: &str, dir: PathBuf, pki: &Pki, payments: u64) -> Result<f64, Failure> {
    let mut server = Process::start(kind, dir)?;
    let terminal = terminal()?;
    let (mut echoes, mut lines) = (Vec::new(), Vec::new());
    let floor = Floor::at(pki, &terminal, server.address)?;
    let dialler = by_hand::Dialler::new(pki, &terminal, server.address)?;
    let mut one = |nth| -> Result<(), Failure> {
        if kind == RAW {
            let mut echo = floor.connect()?;
            echo.echo()?;
            echoes.push(echo);
        } else {
            let mut line = dialler.dial()?;
            line.ask(&format!("held_{nth}"))?;
            lines.push(line);
        }
        Ok(())
    };
    (0..FIRST).try_for_each(&mut one)?;
    let before = server.resident()?;
    (FIRST..FIRST + payments).try_for_each(&mut one)?;
    let after = server.resident()?;
    Ok(after.saturating_sub(before) as f64 / payments as f64)
}

/// The server, seen from the till.
struct Process {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Process {
    fn start(kind: &str, identity: PathBuf) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .env(SERVE, kind)
            .env(IDENTITY, identity)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take().ok_or("no stdin")?;
        let mut from = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let address = said(&mut from)?;
        Ok(Self {
            child,
            to,
            from,
            address,
        })
    }

    fn resident(&mut self) -> Result<u64, Failure> {
        writeln!(self.to)?;
        said(&mut self.from)
    }
}

fn said<T: std::str::FromStr>(from: &mut impl BufRead) -> Result<T, Failure> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    let said = line.trim().parse();
    said.map_err(|_| format!("the server said {line:?}").into())
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is the server: tells its address, and its memory in KiB whenever a line comes.
pub(crate) fn serve(kind: &OsStr) -> Result<(), Failure> {
    let dir = std::env::var_os(IDENTITY).ok_or("it was told no identity")?;
    let pki = Pki::open(std::path::Path::new(&dir))?;
    files()?;
    let runtime = Runtime::new()?;
    let kind = kind.to_str().ok_or("an unknown server")?;
    let mut ours = None;
    let address = match kind {
        RAW => raw(&pki)?,
        PLAIN => plain(&pki, &runtime)?,
        _ => {
            let terminal = terminal()?;
            let server = serve_many(&pki, &terminal, Holder::default(), usize::from(u16::MAX));
            ours.insert(runtime.block_on(server)?).local_addr()
        }
    };
    println!("{address}");
    for line in std::io::stdin().lines() {
        line?;
        println!("{}", resident()?);
    }
    Ok(())
}

fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("there is no VmRSS")?.parse()?)
}

/// The least: a socket, and what rustls keeps of a session.
fn raw(pki: &Pki) -> Result<SocketAddr, Failure> {
    let config = server_config(pki, &terminal()?)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        let mut held = Vec::new();
        for tcp in listener.incoming().flatten() {
            let Ok(tls) = ServerConnection::new(config.clone()) else {
                continue;
            };
            let mut stream = StreamOwned::new(tls, tcp);
            let asked = stream.read_exact(&mut [0; REQUEST_BYTES]);
            if asked
                .and_then(|()| stream.write_all(&[7; HEAD_BYTES]))
                .is_ok()
            {
                held.push(stream);
            }
        }
    });
    Ok(address)
}

fn plain(pki: &Pki, runtime: &Runtime) -> Result<SocketAddr, Failure> {
    let acceptor = TlsAcceptor::from(server_config(pki, &terminal()?)?);
    let any = (Ipv4Addr::LOCALHOST, 0);
    let listener = runtime.block_on(tokio::net::TcpListener::bind(any))?;
    let address = listener.local_addr()?;
    runtime.spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let tls = acceptor.accept(tcp).await?;
                let answer =
                    service_fn(async |_| Ok::<_, Infallible>(http::Response::new(Waiting)));
                let served = http1::Builder::new().serve_connection(TokioIo::new(tls), answer);
                served.await.map_err(Failure::from)
            });
        }
    });
    Ok(address)
}

/// A body that does not come.
struct Waiting;

impl Body for Waiting {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

/// Sends every head, and no body.
#[derive(Default)]
struct Holder(Mutex<Vec<Outcome>>);

/// Who would send the body.
type Outcome = oneshot::Sender<Result<Bytes, Aborted>>;

impl Handler for Holder {
    async fn handle(&self, _: Request) -> Reply {
        let (sender, body) = oneshot::channel();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(sender);
        Reply::held(HeaderMap::new(), body)
    }
}
