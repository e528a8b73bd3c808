//! What can go wrong on a connection, and where.

use std::fmt;

/// One thing that goes wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) point: Point,
    pub(crate) deed: Deed,
}

/// Where it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// The connection is there, and no byte was heard.
    Taken,
    /// The till greeted, and heard nothing.
    Greeted,
    /// The till got half of what the other side says in the handshake.
    MidHandshake,
    /// The handshake is over, and no question was heard.
    Handshaken,
    /// In the exchange of this kind.
    In(Call, Moment),
}

/// What the till asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Pay,
    LookUp,
    Cancel,
    /// Who the terminal is, and whatever else breaks nothing.
    Other,
}

/// How far the exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Half of the request arrived.
    HalfRequest,
    /// The till said all of it, and none of it arrived.
    Unheard,
    /// It arrived, and nobody waited for an answer.
    Heard,
    /// The other side answers, and nothing of it arrives.
    BeforeHead,
    HalfHead,
    AfterHead,
    HalfBody,
    LastByte,
    /// All of the answer arrived.
    AfterAll,
}

/// What happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// The connection is reset.
    Reset,
    /// It ends, without the goodbye of TLS.
    Ends,
    /// It ends with the goodbye of TLS: as if all had been said.
    Goodbye,
    /// It stays, and nothing passes any more.
    Swallows,
    /// What passes next waits until the cable is mended.
    Delays,
    /// What passed last passes a second time.
    Repeats,
    /// What comes next is no HTTP.
    Garbles,
}

impl Fault {
    pub(crate) const fn at(point: Point, deed: Deed) -> Self {
        Self { point, deed }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?}", self.point, self.deed)
    }
}

/// The cable of connections that nothing is planned for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    Clear,
    /// New connections wait for better weather.
    Holds,
    /// Every connection ends.
    Refuses,
    /// Every connection is silent.
    Silent,
}
