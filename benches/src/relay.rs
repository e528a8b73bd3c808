//! A wire that is long: whoever asks through it waits for the other side once in each round trip, and what that took says
//! how many there were.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The way of each byte in one direction. Long beside all computing.
const ONE_WAY: Duration = Duration::from_millis(25);

/// Listens on a free port of the loopback and carries each connection to this address, late.
pub fn start(to: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            // Who cannot be reached is hung up on.
            let _ = TcpStream::connect(to).and_then(|far| join(&near, &far));
        }
    });
    Ok(address)
}

/// How many round trips are in what an exchange took, from TCP's connection on, which is one more: it is made with the
/// near end, at once.
pub fn round_trips(took: Duration) -> u32 {
    let trip = ONE_WAY * 2;
    // Whole trips are waited for; computing is some milliseconds, even on a busy machine.
    let after_tcp = took.as_micros() / trip.as_micros();
    1 + u32::try_from(after_tcp).unwrap_or(u32::MAX - 1)
}

fn join(near: &TcpStream, far: &TcpStream) -> io::Result<()> {
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    carry(near.try_clone()?, far.try_clone()?);
    carry(far.try_clone()?, near.try_clone()?);
    Ok(())
}

/// One thread reads and one writes, so that what is sent at once arrives at once.
fn carry(mut from: TcpStream, mut to: TcpStream) {
    let (sender, on_the_way) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let due = Instant::now() + ONE_WAY;
            if sender.send((due, buffer[..read].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in on_the_way {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        // It may be closed already.
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_waits_behind_the_connection_are_three_round_trips() {
        assert_eq!(round_trips(ONE_WAY * 4 + Duration::from_millis(9)), 3);
        assert_eq!(round_trips(ONE_WAY * 4 - Duration::from_millis(1)), 2);
    }

    #[test]
    fn an_echo_through_it_is_one_round_trip_more_than_the_connection() {
        let far = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let wire = start(far.local_addr().expect("it is bound")).expect("a port is free");
        thread::spawn(move || {
            let (mut far, _) = far.accept().expect("the relay dials");
            let mut byte = [0];
            far.read_exact(&mut byte)
                .and_then(|()| far.write_all(&byte))
        });
        let mut near = TcpStream::connect(wire).expect("the relay listens");
        let begun = Instant::now();
        near.write_all(&[7]).expect("the relay reads");
        near.read_exact(&mut [0]).expect("the echo comes back");
        assert_eq!(round_trips(begun.elapsed()), 2);
    }
}
