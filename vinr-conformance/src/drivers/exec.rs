//! A command that answers: the question on its input, the answer on its output, once for each question.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::time::timeout;
use vinr_protocol::question::{Answer, Question};

/// What a shell answers for a command that is not there, and a driver for a question that it cannot answer.
const CANNOT: i32 = 127;

/// How long a command may take beyond the deadline that it was told.
const GRACE: Duration = Duration::from_secs(2);

/// Far more than any answer needs. A command that prints for ever must not take the suite's memory.
const ANSWER_LIMIT: u64 = 64 * 1024;

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
    let output = match child.stdout.take() {
        Some(stdout) => answer(stdout).await?,
        None => Vec::new(),
    };
    let status = child.wait().await.map_err(|error| error.to_string())?;
    match status.code() {
        Some(0) => serde_json::from_slice(&output)
            .map_err(|error| format!("the command's output is no answer: {error}")),
        Some(CANNOT) => Err("the command says that it cannot".into()),
        _ => Err(format!("the command failed: {status}")),
    }
}

/// Everything that it prints, up to the limit.
async fn answer(output: impl AsyncRead + Unpin) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut bounded = output.take(ANSWER_LIMIT + 1);
    let read = bounded.read_to_end(&mut bytes).await;
    let read = read.map_err(|error| error.to_string())?;
    if read as u64 > ANSWER_LIMIT {
        return Err(format!(
            "the command's output is longer than {ANSWER_LIMIT} bytes"
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use tokio::io::repeat;

    use super::*;

    const LIMIT: usize = 64 * 1024;

    fn question() -> Question {
        Question {
            question: "present_card".into(),
            id: "q1".into(),
            requirement: Vec::new(),
            why: String::new(),
            subject: "term_CT20_0042".into(),
            args: serde_json::Map::new(),
            deadline_ms: 60_000,
        }
    }

    #[tokio::test]
    async fn an_answer_as_long_as_the_limit_is_read() {
        let printed = vec![b'x'; LIMIT];
        assert_eq!(answer(&printed[..]).await, Ok(printed.clone()));
    }

    #[tokio::test]
    async fn an_answer_one_byte_longer_is_none() {
        let why = answer(&[b'x'; LIMIT + 1][..]).await.unwrap_err();
        assert_eq!(why, "the command's output is longer than 65536 bytes");
    }

    #[tokio::test]
    async fn an_answer_without_an_end_is_none() {
        assert!(answer(repeat(b'x')).await.is_err());
    }

    // The deadline is far away: it is the limit that ends this.
    #[tokio::test]
    async fn a_command_that_prints_for_ever_cannot_answer() {
        let told = ask("yes", &question(), Duration::from_secs(60)).await;
        let why = told.why.unwrap_or_default();
        assert!(why.contains("longer than"), "{why}");
    }

    #[tokio::test]
    async fn a_command_that_answers_is_understood() {
        let command = r#"cat > /dev/null; echo '{"id":"q1","answer":"done"}'"#;
        let told = ask(command, &question(), Duration::from_secs(60)).await;
        assert_eq!(told.answer, vinr_protocol::question::Answered::Done);
    }
}
