//! One connection, from its first byte to its end.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::{client, server};

use super::Shared;
use super::deed::{End, Flow, perform, swallow};
use super::fault::{Call, Deed, Moment, Point, Weather};
use super::message::Message;

pub(super) async fn carry(mut till: TcpStream, shared: Arc<Shared>) {
    let mut weather = shared.weather.subscribe();
    let passes = weather.wait_for(|it| *it != Weather::Holds).await;
    let passes = passes.map(|it| *it);
    match passes {
        Ok(Weather::Clear) => {}
        Ok(Weather::Silent) => return swallow(&mut till).await,
        _ => return drop(till.set_zero_linger()),
    }
    let Some(mut till) = shake_hands(till, &shared).await else {
        return;
    };
    let Ok(tcp) = TcpStream::connect(shared.target).await else {
        return;
    };
    let connecting = shared.to_target.connect(shared.name.clone(), tcp);
    let Ok(mut target) = connecting.await else {
        return;
    };
    loop {
        let exchanged = tokio::select! {
            exchanged = exchange(&mut till, &mut target, &shared) => exchanged,
            () = breaks(&mut weather) => None,
        };
        if exchanged != Some(Flow::GoesOn) {
            break;
        }
    }
    match *shared.weather.borrow() {
        Weather::Refuses => drop(till.tcp().set_zero_linger()),
        Weather::Clear | Weather::Holds | Weather::Silent => {}
    }
    if *shared.weather.borrow() == Weather::Silent {
        swallow(&mut till).await;
    }
}

async fn breaks(weather: &mut watch::Receiver<Weather>) {
    let is_bad = |it: &Weather| matches!(it, Weather::Refuses | Weather::Silent);
    let _ = weather.wait_for(is_bad).await;
}

/// The handshake with the till, unless it breaks.
async fn shake_hands(mut till: TcpStream, shared: &Shared) -> Option<server::TlsStream<TcpStream>> {
    if let Some(deed) = shared.take(Point::Taken)
        && perform(deed, &mut till, &[], shared).await == Flow::Over
    {
        return None;
    }
    let next = shared.next().map(|fault| fault.point);
    if matches!(next, Some(Point::Greeted | Point::MidHandshake)) {
        // From here on it is carried as it is.
        let mut target = TcpStream::connect(shared.target).await.ok()?;
        let mut bytes = vec![0; 16 * 1024];
        let hello = till.read(&mut bytes).await.ok()?;
        if let Some(deed) = shared.take(Point::Greeted)
            && perform(deed, &mut till, &[], shared).await == Flow::Over
        {
            return None;
        }
        target.write_all(&bytes[..hello]).await.ok()?;
        let length = target.read(&mut bytes).await.ok()?;
        till.write_all(&bytes[..length / 2]).await.ok()?;
        if let Some(deed) = shared.take(Point::MidHandshake)
            && perform(deed, &mut till, &[], shared).await == Flow::Over
        {
            return None;
        }
        till.write_all(&bytes[length / 2..length]).await.ok()?;
        let _ = copy_bidirectional(&mut till, &mut target).await;
        return None;
    }
    let mut till = shared.to_till.accept(till).await.ok()?;
    if let Some(deed) = shared.take(Point::Handshaken)
        && perform(deed, &mut till, &[], shared).await == Flow::Over
    {
        return None;
    }
    Some(till)
}

/// One question and its answer; `None` where somebody hung up.
async fn exchange(
    till: &mut server::TlsStream<TcpStream>,
    target: &mut client::TlsStream<TcpStream>,
    shared: &Shared,
) -> Option<Flow> {
    let request = read_request(till, target).await?;
    let call = request.call();
    let request = request.0;
    {
        let mut heard = shared.heard.lock().unwrap();
        heard.push((call, request.clone()));
    }
    let at = |moment| shared.take(Point::In(call, moment));
    let half = request.len() / 2;
    if let Some(deed) = at(Moment::Unheard) {
        if deed == Deed::Repeats {
            target.write_all(&request).await.ok()?;
            shared.has_happened();
        } else if perform(deed, till, &[], shared).await == Flow::Over {
            return Some(Flow::Over);
        }
    }
    target.write_all(&request[..half]).await.ok()?;
    target.flush().await.ok()?;
    if let Some(deed) = at(Moment::HalfRequest)
        && perform(deed, till, &[], shared).await == Flow::Over
    {
        return Some(Flow::Over);
    }
    target.write_all(&request[half..]).await.ok()?;
    target.flush().await.ok()?;
    if let Some(deed) = at(Moment::Heard)
        && perform(deed, till, &[], shared).await == Flow::Over
    {
        return Some(Flow::Over);
    }
    answer(call, till, target, shared).await
}

/// A whole request; whatever else passes meanwhile is passed on.
async fn read_request(
    till: &mut server::TlsStream<TcpStream>,
    target: &mut client::TlsStream<TcpStream>,
) -> Option<Message> {
    let mut request = Message::default();
    let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    while !request.is_whole() {
        tokio::select! {
            read = till.read(&mut up) => match read.ok()? {
                0 => {
                    let _ = target.shutdown().await;
                    return None;
                }
                length => request.0.extend(&up[..length]),
            },
            read = target.read(&mut down) => match read.ok()? {
                0 => {
                    let _ = till.shutdown().await;
                    return None;
                }
                length => till.write_all(&down[..length]).await.ok()?,
            },
        }
    }
    Some(request)
}

/// The answer, as far as it gets.
async fn answer(
    call: Call,
    till: &mut server::TlsStream<TcpStream>,
    target: &mut client::TlsStream<TcpStream>,
    shared: &Shared,
) -> Option<Flow> {
    let mut answer = Message::default();
    let mut passed = 0;
    let (mut up, mut down) = (vec![0; 1024], vec![0; 16 * 1024]);
    let mut heads = Moments::new(
        call,
        &[Moment::BeforeHead, Moment::HalfHead, Moment::AfterHead],
    );
    let mut bodies = Moments::new(
        call,
        &[Moment::HalfBody, Moment::LastByte, Moment::AfterAll],
    );
    while !answer.is_whole() || passed < answer.0.len() {
        tokio::select! {
            read = target.read(&mut down) => match read.ok()? {
                0 => {
                    let _ = till.shutdown().await;
                    return None;
                }
                length => answer.0.extend(&down[..length]),
            },
            // It hangs up: nobody waits for the answer.
            read = till.read(&mut up) => match read.ok()? {
                0 => return None,
                _ => continue,
            },
        }
        let Some(head) = answer.head() else { continue };
        let (length, is_whole) = (answer.0.len(), answer.is_whole());
        let until = |moment| match moment {
            Moment::BeforeHead => Some(0),
            Moment::HalfHead => Some(head / 2),
            Moment::AfterHead => Some(head),
            Moment::HalfBody if is_whole => Some(head + (length - head) / 2),
            Moment::LastByte if is_whole => Some(length - 1),
            Moment::AfterAll if is_whole => Some(length),
            _ => None,
        };
        for moments in [&mut heads, &mut bodies] {
            while let Some((deed, stop)) = moments.next(shared, until) {
                let stop = stop.max(passed);
                till.write_all(&answer.0[passed..stop]).await.ok()?;
                till.flush().await.ok()?;
                passed = stop;
                let last = answer.0[..stop].to_vec();
                if perform(deed, till, &last, shared).await == Flow::Over {
                    return Some(Flow::Over);
                }
            }
        }
        // What a later moment of this body is about is kept until the body is whole.
        let stop = if bodies.is_awaited(shared) {
            head
        } else {
            length
        };
        if stop > passed {
            till.write_all(&answer.0[passed..stop]).await.ok()?;
            till.flush().await.ok()?;
            passed = stop;
        }
    }
    Some(Flow::GoesOn)
}

/// The moments of an answer at which something may be planned.
struct Moments {
    call: Call,
    moments: &'static [Moment],
}

impl Moments {
    fn new(call: Call, moments: &'static [Moment]) -> Self {
        Self { call, moments }
    }

    /// The deed of the next one that has come, and how much of the answer has passed by then.
    fn next(
        &mut self,
        shared: &Shared,
        until: impl Fn(Moment) -> Option<usize>,
    ) -> Option<(Deed, usize)> {
        let planned = self.planned(shared)?;
        let stop = until(planned)?;
        Some((shared.take(Point::In(self.call, planned))?, stop))
    }

    fn is_awaited(&self, shared: &Shared) -> bool {
        self.planned(shared).is_some()
    }

    fn planned(&self, shared: &Shared) -> Option<Moment> {
        match shared.next()?.point {
            Point::In(call, moment) if call == self.call => {
                self.moments.iter().copied().find(|it| *it == moment)
            }
            _ => None,
        }
    }
}
