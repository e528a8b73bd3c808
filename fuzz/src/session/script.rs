//! Bytes as a sequence of events.

use vinr_protocol::payment::CaptureMethod;

/// Something that happens to the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Pay(Order),
    LookUp(Order),
    Cancel(Order),
    CallerGone(u8),
    CardRead {
        wants_pin: bool,
    },
    PinEntered,
    CardRemoved,
    CustomerGaveUp,
    /// The card network answers a question that is open, and may answer it again later.
    HostAnswers {
        which: u8,
        verdict: u8,
        again: bool,
    },
    /// The card network acknowledges a reversal.
    HostReverses(u8),
    Internet {
        is_up: bool,
    },
    /// One of the armed timers runs out.
    TimerEnds(u8),
    /// The power goes between two steps.
    PowerCut,
    /// Something happens to the next write.
    Write(Write),
}

/// What happens to a write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Write {
    /// It becomes durable.
    Succeeds,
    /// The disk reports an error, and keeps nothing.
    Fails,
    /// The power goes before it is durable.
    CutBefore,
    /// The power goes when it is durable, before anything that was to follow.
    CutAfter,
}

/// Few sales, few keys, few amounts: collisions are what is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) sale: u8,
    /// 0 is none.
    pub(super) key: u8,
    pub(super) amount: u8,
    pub(super) capture: CaptureMethod,
}

pub(super) struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        Some(match self.byte()? % 15 {
            // Twice as often as the rest: without a pay nothing happens.
            0 | 1 => Event::Pay(self.order()?),
            2 => Event::LookUp(self.order()?),
            3 => Event::Cancel(self.order()?),
            4 => Event::CallerGone(self.byte()?),
            5 => Event::CardRead {
                wants_pin: self.byte()? % 2 == 1,
            },
            6 => Event::PinEntered,
            7 => Event::CardRemoved,
            8 => Event::CustomerGaveUp,
            9 => {
                let (which, verdict) = (self.byte()?, self.byte()?);
                Event::HostAnswers {
                    which,
                    verdict,
                    again: verdict & 0x80 != 0,
                }
            }
            10 => Event::HostReverses(self.byte()?),
            11 => Event::Internet {
                is_up: self.byte()? % 2 == 1,
            },
            12 => Event::TimerEnds(self.byte()?),
            13 => Event::PowerCut,
            _ => Event::Write(match self.byte()? % 3 {
                0 => Write::Fails,
                1 => Write::CutBefore,
                _ => Write::CutAfter,
            }),
        })
    }

    fn order(&mut self) -> Option<Order> {
        let byte = self.byte()?;
        let capture = if byte & 0b0010_0000 == 0 {
            CaptureMethod::Automatic
        } else {
            CaptureMethod::Manual
        };
        Some(Order {
            sale: byte & 1,
            key: byte >> 1 & 3,
            amount: byte >> 3 & 1,
            capture,
        })
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }
}
