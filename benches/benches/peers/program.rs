//! Programs of other languages that take payments on command, and a curl process for each.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use vinr_benches::shop::Failure;

use crate::Shop;
use crate::table::{Client, Took};

/// A program, and how many times as long as the SDK's call its is wanted to be.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    script: &'static str,
    pub(crate) mend: &'static str,
    pub(crate) warm: Option<f64>,
    pub(crate) cold: Option<f64>,
}

pub(crate) const PEERS: &[Program] = &[
    Program {
        name: "Go net/http",
        script: "go.go",
        mend: "install Go",
        warm: Some(1.8),
        cold: Some(1.3),
    },
    Program {
        name: "Node https",
        script: "node.mjs",
        mend: "install Node.js",
        warm: Some(3.5),
        cold: Some(7.0),
    },
    Program {
        name: "Node undici",
        script: "undici.mjs",
        mend: "npm install --prefix target/peers undici",
        warm: Some(3.0),
        cold: None,
    },
    Program {
        name: "Python http.client",
        script: "http_client.py",
        mend: "install Python 3",
        warm: None,
        cold: None,
    },
    Program {
        name: "Python requests",
        script: "with_requests.py",
        mend: "pip install requests",
        warm: Some(8.0),
        cold: Some(5.0),
    },
];

impl Program {
    /// What starts it.
    fn command(&self) -> Result<Command, Failure> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("peers")
            .join(self.script);
        let interpreter = match script.extension().and_then(|it| it.to_str()) {
            Some("go") => return Ok(Command::new(built(&script)?)),
            Some("py") => "python3",
            _ => "node",
        };
        let mut command = Command::new(interpreter);
        command.arg(script);
        Ok(command)
    }
}

/// Where what is installed or built for this bench is.
pub(crate) fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers")
}

fn built(script: &Path) -> Result<PathBuf, Failure> {
    let program = target().join("go");
    let built = Command::new("go")
        .args(["build", "-o"])
        .args([&program, script])
        .output()?;
    match built.status.success() {
        true => Ok(program),
        false => Err(String::from_utf8_lossy(&built.stderr).into()),
    }
}

/// One way of calling it.
pub(crate) struct Peer {
    word: &'static str,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    child: Child,
}

impl Peer {
    /// One process for payments on a kept connection, and one for payments that connect anew.
    pub(crate) fn start(program: &Program, shop: &Shop) -> Result<(Self, Self), Failure> {
        let one = |word| {
            let mut peer = Self::spawn(program, shop, word)?;
            // It may be there and its library may not.
            peer.pay()?;
            Ok::<_, Failure>(peer)
        };
        Ok((one("warm")?, one("cold")?))
    }

    fn spawn(program: &Program, shop: &Shop, word: &'static str) -> Result<Self, Failure> {
        let mut child = program
            .command()?
            .arg(shop.quick.port().to_string())
            .arg(shop.terminal.as_str())
            .args([
                shop.pki.terminal_ca(),
                shop.pki.pos_cert(),
                shop.pki.pos_key(),
            ])
            .arg(target().join("node_modules"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let to = child.stdin.take().ok_or("no stdin")?;
        let from = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Self {
            word,
            to,
            from,
            child,
        })
    }
}

impl Client for Peer {
    fn pay(&mut self) -> Result<Took, Failure> {
        writeln!(self.to, "{}", self.word)?;
        self.to.flush()?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        let (head, whole) = line.trim().split_once(' ').ok_or("it does not run")?;
        let time = |text: &str| Ok::<_, Failure>(Duration::from_nanos(text.parse()?));
        Ok(Took {
            head: time(head)?,
            whole: time(whole)?,
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process for each payment, from its start to its end.
pub(crate) struct Curl {
    arguments: Vec<String>,
    terminal: String,
    count: u64,
}

impl Curl {
    pub(crate) fn new(shop: &Shop) -> Result<Self, Failure> {
        let port = shop.quick.port();
        let terminal = shop.terminal.to_string();
        let path = |path: PathBuf| path.display().to_string();
        let arguments = [
            "--silent".to_owned(),
            "--fail".to_owned(),
            "--resolve".to_owned(),
            format!("{terminal}:{port}:127.0.0.1"),
            "--cacert".to_owned(),
            path(shop.pki.terminal_ca()),
            "--cert".to_owned(),
            path(shop.pki.pos_cert()),
            "--key".to_owned(),
            path(shop.pki.pos_key()),
            "--header".to_owned(),
            "content-type: application/json".to_owned(),
            format!("https://{terminal}:{port}/v1/pay"),
        ];
        let mut curl = Self {
            arguments: arguments.into(),
            terminal,
            count: 0,
        };
        curl.pay()?;
        Ok(curl)
    }
}

impl Client for Curl {
    fn pay(&mut self) -> Result<Took, Failure> {
        self.count += 1;
        let (terminal, reference) = (&self.terminal, format!("curl_{}", self.count));
        let body = format!(
            r#"{{"terminalId":"{terminal}","amount":2500,"currency":"USD","reference":"{reference}"}}"#
        );
        let begun = Instant::now();
        let done = Command::new("curl")
            .args(&self.arguments)
            .args(["--header", &format!("idempotency-key: {reference}")])
            .args(["--data", &body])
            .output()?;
        let whole = begun.elapsed();
        match done.status.success() && String::from_utf8_lossy(&done.stdout).contains("completed") {
            true => Ok(Took { head: whole, whole }),
            false => Err(format!("{:?}", done.status).into()),
        }
    }
}
