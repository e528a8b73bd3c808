//! A cable, a Wi-Fi and a bad Wi-Fi in one process: real kernel TCP over a TUN device whose packets are delayed and dropped.
//!
//! The device stands in a network namespace of the program's own, and nothing leaves it. Whoever speaks to one of the
//! addresses behind it speaks to this machine itself: source and destination of each packet are exchanged, which leaves
//! the checksums right, so a connection to [`Wifi::behind`] arrives at a listener on [`HERE`].

use std::io;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_tun::Tun;

use crate::shop::Failure;

/// This machine's address on the Wi-Fi.
pub const HERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// Says to the program that it runs in a namespace of its own.
const INSIDE: &str = "VINR_BENCH_IN_NAMESPACE";

const DEVICE: &str = "wifi0";

/// The largest packet.
const MTU: usize = 1500;

/// How bad it is.
#[derive(Debug, Clone, Copy)]
pub struct Air {
    /// The shortest way of a packet in one direction.
    pub delay_min: Duration,
    /// The longest; each packet has its own between the two, evenly spread. They do not overtake each other.
    pub delay_max: Duration,
    /// One packet of so many is lost, in each direction; none where it is `None`.
    pub lost_one_of: Option<u32>,
}

impl Air {
    /// A switch and two cables: 0.1 ms in each direction, and nothing is lost.
    pub const WIRED: Self = Self {
        delay_min: Duration::from_micros(100),
        delay_max: Duration::from_micros(100),
        lost_one_of: None,
    };

    /// 2 to 5 ms in each direction, and nothing is lost.
    pub const GOOD: Self = Self {
        delay_min: Duration::from_millis(2),
        delay_max: Duration::from_millis(5),
        lost_one_of: None,
    };

    /// The same, and one packet of a hundred is lost.
    pub const BAD: Self = Self {
        lost_one_of: Some(100),
        ..Self::GOOD
    };
}

/// The namespace and the device in it, until the process ends.
#[derive(Debug)]
pub struct Wifi(Arc<Mutex<Air>>);

/// Why there is no such Wi-Fi here.
#[derive(Debug)]
pub struct Forbidden(pub String);

/// Runs the program again in a network namespace of its own, where it can make a device. Returns inside of it.
pub fn enter() -> Result<(), Forbidden> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(());
    }
    let again = std::env::current_exe().map_err(|error| Forbidden(error.to_string()))?;
    let tried = Command::new("unshare")
        .args(["--net", "--map-root-user", "true"])
        .output();
    match tried {
        Ok(tried) if tried.status.success() => {}
        Ok(tried) => {
            return Err(Forbidden(
                String::from_utf8_lossy(&tried.stderr).into_owned(),
            ));
        }
        Err(error) => return Err(Forbidden(format!("unshare: {error}"))),
    }
    let status = Command::new("unshare")
        .args(["--net", "--map-root-user"])
        .arg(again)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .status()
        .map_err(|error| Forbidden(error.to_string()))?;
    std::process::exit(status.code().unwrap_or(1))
}

impl Wifi {
    /// Makes the device and carries its packets on a thread of its own. `slow` are the addresses behind it to and from
    /// which a lost packet is sent again after 200 ms at the earliest, as on kernels that cannot be told otherwise.
    pub fn start(air: Air, slow: &[Ipv4Addr]) -> Result<Self, Failure> {
        let (ready, is_ready) = std::sync::mpsc::channel();
        let air = Arc::new(Mutex::new(air));
        let its_air = air.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let carried = runtime.map_err(Failure::from).and_then(|runtime| {
                runtime.block_on(async {
                    let device = device()?;
                    ready.send(Ok(()))?;
                    carry(&device, &its_air).await.map_err(Failure::from)
                })
            });
            if let Err(error) = carried {
                // The program waits for this, or is over.
                let _ = ready.send(Err(error.to_string()));
            }
        });
        is_ready.recv()??;
        ip(&["link", "set", "lo", "up"])?;
        for address in slow {
            let (to, from) = (format!("{address}/32"), HERE.to_string());
            ip(&[
                "route", "add", &to, "dev", DEVICE, "src", &from, "rto_min", "200ms",
            ])?;
        }
        Ok(Self(air))
    }

    /// From now on it is like this.
    pub fn becomes(&self, air: Air) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = air;
    }

    /// The address with this number, from 2, which leads through the air to [`HERE`].
    pub fn behind(number: u8) -> Ipv4Addr {
        let [a, b, c, _] = HERE.octets();
        Ipv4Addr::new(a, b, c, number)
    }
}

fn device() -> Result<Tun, Failure> {
    let made = Tun::builder()
        .name(DEVICE)
        .mtu(i32::try_from(MTU)?)
        .address(HERE)
        .netmask(Ipv4Addr::new(255, 255, 255, 0))
        .up()
        .build()?;
    made.into_iter().next().ok_or_else(|| "no device".into())
}

fn ip(arguments: &[&str]) -> Result<(), Failure> {
    let done = Command::new("ip").args(arguments).output()?;
    match done.status.success() {
        true => Ok(()),
        false => Err(format!(
            "ip {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&done.stderr)
        )
        .into()),
    }
}

/// Carries packets for ever. A direction is known by whether the packet comes from the lower port: each connection has
/// two, and its packets keep their order in each.
async fn carry(device: &Tun, air: &Mutex<Air>) -> io::Result<()> {
    let (there, mut on_the_way) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let (back, mut on_the_way_back) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let mut due = [Instant::now(); 2];
    let mut chance = Chance::new();
    let take = async {
        let mut buffer = vec![0; MTU];
        loop {
            let length = device.recv(&mut buffer).await?;
            let Some(packet) = turned(&buffer[..length]) else {
                continue;
            };
            let air = *air.lock().unwrap_or_else(PoisonError::into_inner);
            if air.lost_one_of.is_some_and(|many| chance.one_of(many)) {
                continue;
            }
            let way = usize::from(is_back(&packet));
            let delay = air.delay_min + (air.delay_max - air.delay_min).mul_f64(chance.share());
            due[way] = due[way].max(Instant::now() + delay);
            // Both ends live as long as this.
            let _ = [&there, &back][way].send((due[way], packet));
        }
    };
    tokio::select! {
        ended = take => ended,
        ended = deliver(device, &mut on_the_way) => ended,
        ended = deliver(device, &mut on_the_way_back) => ended,
    }
}

async fn deliver(
    device: &Tun,
    packets: &mut mpsc::UnboundedReceiver<(Instant, Vec<u8>)>,
) -> io::Result<()> {
    while let Some((due, packet)) = packets.recv().await {
        wait_until(due).await;
        device.send_all(&packet).await?;
    }
    Ok(())
}

/// The clock of the runtime counts milliseconds; what is shorter is waited for awake.
async fn wait_until(due: Instant) {
    const TICK: Duration = Duration::from_millis(1);
    if due.saturating_duration_since(Instant::now()) >= TICK {
        return sleep_until(due).await;
    }
    while Instant::now() < due {
        tokio::task::yield_now().await;
    }
}

/// The packet, to where it came from; none if it is not TCP over IPv4.
fn turned(packet: &[u8]) -> Option<Vec<u8>> {
    const TCP: u8 = 6;
    if packet.len() < 40 || packet[0] >> 4 != 4 || packet[9] != TCP {
        return None;
    }
    let mut packet = packet.to_vec();
    let (from, to) = packet[12..20].split_at_mut(4);
    from.swap_with_slice(to);
    Some(packet)
}

fn is_back(packet: &[u8]) -> bool {
    let header = usize::from(packet[0] & 0xf) * 4;
    let port = |at: usize| packet.get(header + at..header + at + 2);
    port(0) < port(2)
}

/// Random enough to drop packets, and without a crate: xorshift.
struct Chance(u64);

impl Chance {
    fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self(RandomState::new().hash_one(0) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn one_of(&mut self, many: u32) -> bool {
        self.next().is_multiple_of(u64::from(many.max(1)))
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_packet_goes_back_with_its_ports_as_they_were() {
        let mut packet = vec![0x45; 40];
        packet[9] = 6;
        packet[12..16].copy_from_slice(&HERE.octets());
        packet[16..20].copy_from_slice(&Wifi::behind(2).octets());
        let turned = turned(&packet).unwrap_or_default();
        assert_eq!(turned[12..16], Wifi::behind(2).octets());
        assert_eq!(turned[16..20], HERE.octets());
        assert_eq!(turned[20..], packet[20..]);
    }

    #[test]
    fn one_of_a_hundred_is_about_one_of_a_hundred() {
        let mut chance = Chance::new();
        let hits = (0..100_000).filter(|_| chance.one_of(100)).count();
        assert!((800..1200).contains(&hits), "{hits}");
    }
}
