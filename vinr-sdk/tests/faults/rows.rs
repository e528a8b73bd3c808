//! The rows of the matrix: what goes wrong, and where.

use crate::breaker::{Call, Deed, Fault, Moment, Point};

const ENDS: [Deed; 2] = [Deed::Reset, Deed::Ends];

/// While the till connects.
pub(crate) fn connecting() -> Vec<Vec<Fault>> {
    let points = [
        Point::Taken,
        Point::Greeted,
        Point::MidHandshake,
        Point::Handshaken,
    ];
    let mut rows = Vec::new();
    for point in points {
        let mut deeds = vec![Deed::Reset, Deed::Ends, Deed::Swallows, Deed::Delays];
        match point {
            Point::Handshaken => deeds.extend([Deed::Goodbye, Deed::Garbles]),
            _ => deeds.push(Deed::Garbles),
        }
        rows.extend(deeds.into_iter().map(|deed| vec![Fault::at(point, deed)]));
    }
    rows
}

/// While it pays.
pub(crate) fn paying() -> Vec<Vec<Fault>> {
    let mut rows = Vec::new();
    for moment in MOMENTS {
        let mut deeds = vec![
            Deed::Reset,
            Deed::Ends,
            Deed::Goodbye,
            Deed::Swallows,
            Deed::Delays,
        ];
        match moment {
            Moment::HalfRequest | Moment::Heard => {}
            Moment::Unheard => deeds.push(Deed::Repeats),
            Moment::AfterAll => deeds.extend([Deed::Repeats, Deed::Garbles]),
            _ => deeds.push(Deed::Garbles),
        }
        let point = Point::In(Call::Pay, moment);
        rows.extend(deeds.into_iter().map(|deed| vec![Fault::at(point, deed)]));
    }
    rows
}

/// While it finds out about a payment whose answer was lost.
pub(crate) fn recovering() -> Vec<Vec<Fault>> {
    let paid = Fault::at(Point::In(Call::Pay, Moment::BeforeHead), Deed::Reset);
    let unheard = Fault::at(Point::In(Call::Pay, Moment::Unheard), Deed::Reset);
    let mut rows = Vec::new();
    for point in [Point::Taken, Point::Greeted, Point::Handshaken] {
        for deed in [Deed::Reset, Deed::Swallows] {
            rows.push(vec![paid, Fault::at(point, deed)]);
            rows.push(vec![unheard, Fault::at(point, deed)]);
        }
    }
    for moment in [
        Moment::Unheard,
        Moment::BeforeHead,
        Moment::HalfHead,
        Moment::HalfBody,
        Moment::LastByte,
    ] {
        for deed in [
            Deed::Reset,
            Deed::Ends,
            Deed::Goodbye,
            Deed::Swallows,
            Deed::Delays,
            Deed::Garbles,
        ] {
            let look_up = Fault::at(Point::In(Call::LookUp, moment), deed);
            let cancel = Fault::at(Point::In(Call::Cancel, moment), deed);
            rows.push(vec![paid, look_up]);
            rows.push(vec![unheard, cancel]);
        }
    }
    // One thing after the other.
    for deed in ENDS {
        rows.push(vec![
            unheard,
            Fault::at(Point::In(Call::LookUp, Moment::HalfBody), deed),
            Fault::at(Point::In(Call::Cancel, Moment::BeforeHead), deed),
            Fault::at(Point::In(Call::LookUp, Moment::BeforeHead), deed),
        ]);
    }
    rows
}

/// The till is gone, and all it heard is what passed until then.
pub(crate) fn dying() -> Vec<Vec<Fault>> {
    let hold = |point| vec![Fault::at(point, Deed::Swallows)];
    let moments = MOMENTS.map(|moment| hold(Point::In(Call::Pay, moment)));
    let connecting = [Point::Taken, Point::Handshaken].map(hold);
    connecting.into_iter().chain(moments).collect()
}

/// The connection of the pay is reset at each moment.
pub(crate) fn resets() -> Vec<Vec<Fault>> {
    let reset = |moment| vec![Fault::at(Point::In(Call::Pay, moment), Deed::Reset)];
    MOMENTS.map(reset).into()
}

const MOMENTS: [Moment; 9] = [
    Moment::HalfRequest,
    Moment::Unheard,
    Moment::Heard,
    Moment::BeforeHead,
    Moment::HalfHead,
    Moment::AfterHead,
    Moment::HalfBody,
    Moment::LastByte,
    Moment::AfterAll,
];
