//! A program that talks by lines, and ends with the test.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A guard against hanging, far above what anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A running program and what it says.
pub(crate) struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
            said: Vec::new(),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it one line.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits for a line that is as wanted; the claim that it comes.
    pub(crate) fn says(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        self.says_within(LONG, what, wanted)
    }

    pub(crate) fn says_within(
        &mut self,
        within: Duration,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> String {
        let end = Instant::now() + within;
        loop {
            let rest = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(rest) {
                Ok(line) if wanted(&line) => return line,
                Ok(line) => self.said.push(line),
                Err(_) => panic!("never heard: {what}; heard: {:#?}", self.said),
            }
        }
    }

    /// Asks it politely to end, and waits until it has.
    pub(crate) fn terminate(mut self) {
        assert!(self.ends(), "it does not end");
    }

    /// `timeout`, under which all runs, hands the word on, and insists after a second.
    fn ends(&mut self) -> bool {
        let id = self.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let end = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && !self.ends() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
