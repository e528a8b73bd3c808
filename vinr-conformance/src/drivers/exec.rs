//! A command that answers: the question on its input, the answer on its output, once for each question.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;
use vinr_protocol::question::{Answer, Question};

/// What a shell answers for a command that is not there, and a driver for a question that it cannot answer.
const CANNOT: i32 = 127;

/// How long a command may take beyond the deadline that it was told.
const GRACE: Duration = Duration::from_secs(2);

pub(crate) async fn ask(command: &str, question: &Question, deadline: Duration) -> Answer {
    let cannot = |why: String| Answer::cannot(&question.id, why);
    match timeout(deadline + GRACE, run(command, question)).await {
        Ok(Ok(answer)) if answer.id == question.id => answer,
        Ok(Ok(_)) => cannot("the command answered another question".into()),
        Ok(Err(why)) => cannot(why),
        Err(_) => cannot("the command did not answer in time".into()),
    }
}

async fn run(command: &str, question: &Question) -> Result<Answer, String> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("the command cannot be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        let mut line = serde_json::to_vec(question).map_err(|error| error.to_string())?;
        line.push(b'\n');
        // A command that needs no question may close its input.
        let _ = stdin.write_all(&line).await;
    }
    let output = child
        .wait_with_output()
        .await
        .map_err(|error| error.to_string())?;
    match output.status.code() {
        Some(0) => serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("the command's output is no answer: {error}")),
        Some(CANNOT) => Err("the command says that it cannot".into()),
        _ => Err(format!("the command failed: {}", output.status)),
    }
}
