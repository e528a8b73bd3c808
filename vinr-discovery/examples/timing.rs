//! How long a till takes to find 1, 10 and 100 terminals, on loopback, as ratios.
//!
//! ```sh
//! cargo run --release -p vinr-discovery --example timing
//! ```
//!
//! The measure is the first answer that any program could have: a bare socket that asks once, from a port of its
//! own, and waits for the first packet. Every figure is the median of 15 rounds; between two rounds a second goes by,
//! for a responder repeats nothing to everybody within one.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use vinr_discovery::{Advert, Announcement, Browser, Interfaces};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::{Activity, ReaderStatus};

const ROUNDS: usize = 15;
const LONG: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut announcements = Vec::new();
    let prefix = format!("term_T{}", std::process::id());
    println!("terminals  bare answer  find one  all of them  find/bare  all/bare");
    for count in [1, 10, 100] {
        for number in announcements.len()..count {
            let announcement = Announcement::start(Advert {
                terminal: TerminalId::new(&format!("{prefix}_{number:03}"))?,
                model: Model::Simulator,
                status: ReaderStatus::Online,
                activity: Activity::Idle,
                listens_on: (Ipv4Addr::LOCALHOST, 8443).into(),
            });
            announcements.push(announcement.await?);
        }
        for announcement in &announcements {
            announcement.announced().await;
        }
        // Until the second announcements are out as well.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let last = TerminalId::new(&format!("{prefix}_{:03}", count - 1))?;
        let (mut bare, mut one, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bare.push(tokio::task::spawn_blocking(first_answer).await??);
            tokio::time::sleep(Duration::from_secs(1)).await;

            let begun = Instant::now();
            let browser = Browser::start(Interfaces::Loopback)?;
            browser.find(&last, LONG).await.ok_or("not found")?;
            one.push(begun.elapsed());
            drop(browser);
            tokio::time::sleep(Duration::from_secs(1)).await;

            let begun = Instant::now();
            let browser = Browser::start(Interfaces::Loopback)?;
            let is_ours = |id: &TerminalId| id.as_str().starts_with(&prefix);
            let found = browser.until(LONG, |found| {
                found.candidates.iter().filter(|c| is_ours(&c.id)).count() == count
            });
            assert_eq!(
                found
                    .await
                    .candidates
                    .iter()
                    .filter(|c| is_ours(&c.id))
                    .count(),
                count
            );
            all.push(begun.elapsed());
            drop(browser);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let (bare, one, all) = (median(bare), median(one), median(all));
        let ratio = |time: Duration| time.as_secs_f64() / bare.as_secs_f64();
        println!(
            "{count:9}  {:>11}  {:>8}  {:>11}  {:9.2}  {:8.2}",
            format!("{bare:.1?}"),
            format!("{one:.1?}"),
            format!("{all:.1?}"),
            ratio(one),
            ratio(all)
        );
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// What it takes to send one query and to have the first packet back.
fn first_answer() -> std::io::Result<Duration> {
    let begun = Instant::now();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(LONG))?;
    let mut query = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in ["_vinr-terminal", "_tcp", "local"] {
        query.push(u8::try_from(label.len()).expect("labels are short"));
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 12, 0, 1]);
    socket.send_to(&query, (Ipv4Addr::new(224, 0, 0, 251), 5353))?;
    socket.recv(&mut [0; 9000])?;
    Ok(begun.elapsed())
}
