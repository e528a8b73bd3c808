//! Lawful histories: the host speaks of what it was asked, a timer runs out that runs, and so on.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use proptest_state_machine::ReferenceStateMachine;

use crate::terminal::{Terminal, WaitsFor};
use crate::words::*;

/// Three, so that a queue of two is full for one of them.
pub(crate) const SALES: [Sale; 3] = [Sale(0), Sale(1), Sale(2)];
const VERDICTS: [Verdict; 4] = [
    Verdict::Approved,
    Verdict::Declined,
    Verdict::Duplicate,
    Verdict::Voided,
];

impl ReferenceStateMachine for Terminal {
    type State = Terminal;
    type Transition = Event;

    fn init_state() -> BoxedStrategy<Terminal> {
        Just(Terminal::new(Some(SMALL))).boxed()
    }

    fn transitions(terminal: &Terminal) -> BoxedStrategy<Event> {
        let likely = likely(terminal);
        let mut choices = vec![
            (6, pay()),
            (2, cancel()),
            (1, select(&SALES[..]).prop_map(Event::LookUp).boxed()),
            (1, look_up_id()),
            (2, weather()),
        ];
        if !likely.is_empty() {
            let one = select(likely);
            choices.push((12, one.clone().boxed()));
            let breakable = prop_oneof![1 => pay(), 1 => cancel(), 3 => one].boxed();
            let cut = prop_oneof![4 => breakable.clone(), 1 => Just(Event::PowerCut)];
            let cut = (cut, moment());
            let cut = cut.prop_map(|(event, moment)| Event::PowerCutDuring(event.into(), moment));
            choices.push((2, cut.boxed()));
            let failure = (breakable, select(&[OnDisk::Lost, OnDisk::Kept][..]));
            let failure = failure.prop_map(|(event, disk)| Event::StorageFails(event.into(), disk));
            choices.push((1, failure.boxed()));
        }
        Union::new_weighted(choices).boxed()
    }

    fn preconditions(terminal: &Terminal, event: &Event) -> bool {
        is_lawful(terminal, event)
    }

    fn apply(mut terminal: Terminal, event: &Event) -> Terminal {
        terminal.happens(event);
        terminal
    }
}

/// The limit of a CT20, and a queue that is soon full.
pub(crate) const SMALL: Sheet = Sheet {
    usd: 15_000,
    max_queued: 2,
};

fn money(amount: u64, currency: &'static str, manual: bool) -> Money {
    Money {
        amount,
        currency,
        manual,
    }
}

fn pay() -> BoxedStrategy<Event> {
    let key = prop_oneof![6 => (1..4u8).prop_map(Some), 1 => Just(None)];
    let money = prop_oneof![
        8 => Just(money(15_000, "USD", false)),
        2 => Just(money(15_001, "USD", false)),
        1 => Just(money(2_500, "EUR", false)),
        1 => Just(money(15_000, "USD", true)),
        1 => Just(money(1, "USD", false)),
    ];
    let path = prop_oneof![
        8 => Just(Path::Local),
        1 => Just(Path::Cloud),
        1 => Just(Path::CloudExpired),
    ];
    let timeout = prop_oneof![4 => Just(None), 1 => select(&[Some(1), Some(75), Some(76)][..])];
    (select(&SALES[..]), key, money, path, timeout)
        .prop_map(|(sale, key, money, path, timeout_s)| {
            Event::Pay(Pay {
                sale,
                key,
                money,
                path,
                timeout_s,
            })
        })
        .boxed()
}

fn cancel() -> BoxedStrategy<Event> {
    let key = prop_oneof![4 => (1..4u8).prop_map(Some), 1 => Just(None)];
    (select(&SALES[..]), key)
        .prop_map(|(sale, key)| Event::Cancel(sale, key))
        .boxed()
}

fn look_up_id() -> BoxedStrategy<Event> {
    (select(&SALES[..]), 1..3usize)
        .prop_map(|(sale, nth)| Event::LookUpId(Id(sale, nth)))
        .boxed()
}

/// What may come at any time.
fn weather() -> BoxedStrategy<Event> {
    let sheets = [
        Some(SMALL),
        Some(Sheet {
            usd: 14_999,
            max_queued: 2,
        }),
        Some(Sheet {
            max_queued: 1,
            ..SMALL
        }),
        None,
    ];
    prop_oneof![
        2 => Just(Event::PowerCut),
        3 => Just(Event::InternetBack),
        3 => Just(Event::InternetAway),
        2 => select(vec![Event::GaveUp, Event::Card, Event::PinCard]),
        1 => any::<bool>().prop_map(Event::LocalMode),
        1 => select(&[true, true, true, false][..]).prop_map(Event::Room),
        1 => select(sheets.to_vec()).prop_map(Event::Limits),
    ]
    .boxed()
}

fn moment() -> BoxedStrategy<Moment> {
    prop_oneof![1 => Just(Moment::Before), 2 => (0..5usize).prop_map(Moment::After)].boxed()
}

/// What the cardholder, the host and the clocks may do now; what is said twice is twice as likely.
fn likely(terminal: &Terminal) -> Vec<Event> {
    let mut events = Vec::new();
    for (times, event) in [
        (4, Event::Card),
        (2, Event::PinCard),
        (3, Event::Pin),
        (1, Event::CardRemoved),
        (1, Event::GaveUp),
        (1, Event::CardWaitEnds),
        (2, Event::InteractionEnds),
        (1, Event::DayPasses),
        (1, Event::CallerGone(0)),
        (1, Event::CallerGone(1)),
        (1, Event::AnswerBy(0)),
        (1, Event::AnswerBy(1)),
        (
            1,
            if terminal.online {
                Event::InternetAway
            } else {
                Event::InternetBack
            },
        ),
    ] {
        events.extend(std::iter::repeat_n(event, times));
    }
    for it in &terminal.attempts {
        let id = it.id;
        let times = if it.is_final() || it.is_queued() {
            1
        } else {
            2
        };
        for verdict in VERDICTS {
            events.extend(std::iter::repeat_n(Event::HostSays(id, verdict), times));
        }
        events.extend([Event::HostSilent(id), Event::HostReversed(id)]);
        events.extend(std::iter::repeat_n(Event::NotSent(id), 3));
    }
    let asks_for_a_card = matches!(terminal.screen, Some((_, WaitsFor::Card)));
    events.retain(|event| match event {
        Event::Card | Event::PinCard | Event::GaveUp => asks_for_a_card,
        _ => is_lawful(terminal, event),
    });
    events
}

fn is_lawful(terminal: &Terminal, event: &Event) -> bool {
    let step = terminal.screen.map(|(_, step)| step);
    let on_screen = |id: Id| terminal.screen.is_some_and(|(front, _)| front == id);
    let find = |id: Id| terminal.attempts.iter().find(|it| it.id == id);
    // In flight, and holds the screen no longer.
    let hangs = |id: Id| {
        find(id)
            .is_some_and(|it| it.status == Status::Processing && !it.is_queued() && !on_screen(id))
    };
    if terminal.storage_failed {
        return match event {
            Event::Pay(pay) => pay.path == Path::Local,
            _ => matches!(
                event,
                Event::LookUp(_)
                    | Event::LookUpId(_)
                    | Event::Cancel(..)
                    | Event::PowerCut
                    | Event::Card
            ),
        };
    }
    match event {
        Event::Pay(pay) => pay.path == Path::Local || terminal.online,
        Event::Pin => step == Some(WaitsFor::Pin),
        Event::CardRemoved => step.is_some_and(|step| step != WaitsFor::Card),
        Event::CardWaitEnds => step == Some(WaitsFor::Card),
        Event::InteractionEnds => step.is_some_and(|step| step != WaitsFor::Card),
        Event::HostSays(id, verdict) => {
            // It voids only when it is asked for the status.
            let may_void = hangs(*id) || find(*id).is_some_and(Attempt::is_final);
            terminal.at_host.contains(id)
                && find(*id).is_some()
                && (*verdict != Verdict::Voided || may_void)
        }
        Event::HostReversed(id) => find(*id).is_some_and(|it| it.reversal_owed),
        Event::HostSilent(id) => {
            let unanswered = matches!(step, Some(WaitsFor::Host(_))) && on_screen(*id);
            let reversal = find(*id).is_some_and(|it| it.reversal_owed);
            unanswered || reversal || hangs(*id) || terminal.in_flight == Some(*id)
        }
        Event::NotSent(id) => {
            let just_sent = matches!(step, Some(WaitsFor::Host(_))) && on_screen(*id);
            just_sent || terminal.in_flight == Some(*id)
        }
        Event::AnswerBy(nth) => terminal.waiting.get(*nth).is_some_and(|(_, id)| hangs(*id)),
        Event::CallerGone(nth) => *nth < terminal.waiting.len(),
        Event::DayPasses => {
            terminal.screen.is_none() && terminal.waiting.is_empty() && !terminal.queue().is_empty()
        }
        Event::PowerCutDuring(event, _) => {
            let again = **event == Event::PowerCut;
            again || is_breakable(event) && is_lawful(terminal, event)
        }
        Event::StorageFails(event, _) => {
            is_breakable(event) && is_lawful(terminal, event) && writes(terminal, event)
        }
        Event::LookUp(_)
        | Event::LookUpId(_)
        | Event::Cancel(..)
        | Event::Card
        | Event::PinCard
        | Event::GaveUp
        | Event::InternetAway
        | Event::InternetBack
        | Event::Limits(_)
        | Event::LocalMode(_)
        | Event::Room(_)
        | Event::PowerCut => true,
    }
}

/// One input of the machine, and not one of the breaks themselves.
fn is_breakable(event: &Event) -> bool {
    !matches!(
        event,
        Event::DayPasses
            | Event::PowerCut
            | Event::PowerCutDuring(..)
            | Event::StorageFails(..)
            | Event::CallerGone(_)
            | Event::AnswerBy(_)
            | Event::Limits(_)
    )
}

fn writes(terminal: &Terminal, event: &Event) -> bool {
    let mut after = terminal.clone();
    after.happens(event);
    after.disk != terminal.disk
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::strategy::ValueTree;

    use super::*;
    use crate::runner;

    /// The first word of whatever is seen.
    fn words(terminal: &Terminal) -> Vec<String> {
        let seen = &terminal.seen;
        let statuses = terminal
            .attempts
            .iter()
            .map(|it| format!("{:?}", it.status));
        let told = seen.told.iter().map(|(_, told)| match told {
            Told::Payment(it) if it.is_queued() => "accepted offline".to_owned(),
            Told::Payment(it) => format!("answered {:?}", it.status),
            Told::Cancel(outcome, it) => format!("cancel {outcome:?} {}", it.is_some()),
            other => format!("{other:?}"),
        });
        let to_host = seen.to_host.iter().map(|it| format!("{it:?}"));
        let alarms = seen.alarms.iter().map(|it| format!("alarm {it:?}"));
        let of = |text: String| text.split(['(', '#']).next().unwrap_or_default().to_owned();
        let alarms = alarms.chain(to_host).map(of);
        statuses.chain(told).chain(alarms).collect()
    }

    #[test]
    fn the_histories_reach_every_answer() {
        let mut runner = runner(0, 1);
        let mut reached = BTreeSet::new();
        for _ in 0..1000 {
            let histories = Terminal::sequential_strategy(30..60);
            let tree = histories.new_tree(&mut runner).expect("a lawful history");
            let (mut terminal, history, _) = tree.current();
            for event in history {
                terminal.happens(&event);
                reached.extend(words(&terminal));
            }
        }
        for word in [
            "Cancelled(Customer)",
            "Cancelled(PowerLoss)",
            "Cancelled(Requested)",
            "Cancelled(TimedOut)",
            "Completed",
            "Failed(CardDeclined)",
            "Failed(OfflineAuthDeclined)",
            "Failed(ProcessingError)",
            "accepted offline",
            "answered Processing",
            "head",
            "head (joined)",
            "cancel Cancelled false",
            "cancel Cancelled true",
            "cancel TooLate true",
            "cancel StillProcessing true",
            "refused [TerminalBusy]",
            "refused [LocalModeDisabled]",
            "refused [StorageFailed]",
            "refused [IdempotencyConflict]",
            "refused [ReferenceInProgress]",
            "refused [ReferenceAlreadyPaid]",
            "refused [OfflineNotSupported]",
            "refused [OfflineAmountExceeded]",
            "refused [OfflineCurrencyNotSupported]",
            "refused [OfflineQueueFull]",
            "refused [OfflineQueueStale]",
            "refused [NotFound]",
            "refused [StorageFailed]",
            "alarm Stale",
            "alarm Duplicate",
            "Authorize",
            "Ask",
            "Reverse",
        ] {
            assert!(reached.contains(word), "no history reaches: {word}");
        }
    }
}
