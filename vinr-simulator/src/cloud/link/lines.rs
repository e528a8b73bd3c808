//! JSON values, one a line, in a stream that may end or stall.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::DEAD_AFTER;

/// The longest line: a list of many attempts of one sale, or the longest revocation list with its line ends escaped.
const MAX_LINE: u64 = 5 * 1024 * 1024;

/// The next value; an error where the stream ends, stalls or says anything else.
pub(super) async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<T> {
    let mut line = Vec::new();
    let mut limited = stream.take(MAX_LINE);
    let read = limited.read_until(b'\n', &mut line);
    timeout(DEAD_AFTER, read)
        .await
        .map_err(|_| io::ErrorKind::TimedOut)??;
    if line.last() != Some(&b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&line)?)
}

/// Writes a value and sees it off.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    value: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let sent = async {
        stream.write_all(&line).await?;
        stream.flush().await
    };
    timeout(DEAD_AFTER, sent)
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_and_a_broken_line_is_not() {
        let mut stream = Vec::new();
        write(&mut stream, &[1, 2]).await.unwrap();
        stream.extend(b"[3");
        let mut stream = stream.as_slice();
        assert_eq!(read::<Vec<u8>>(&mut stream).await.unwrap(), [1, 2]);
        assert!(read::<Vec<u8>>(&mut stream).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_stalls_for_three_seconds_is_over() {
        let (_silent, ours) = tokio::io::duplex(64);
        let begun = tokio::time::Instant::now();
        let read = read::<u8>(&mut tokio::io::BufReader::new(ours)).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), DEAD_AFTER);
    }
}
