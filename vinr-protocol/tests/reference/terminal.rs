//! The terminal of `spec/local-api.md`, told as plainly as it can be: a list of attempts in the order of the
//! journal, a copy of it that a power cut leaves, and one function for each thing that may happen.
//!
//! Written from the specification and not from the machine: where they differ, the text decides.

use vinr_protocol::Code;

use crate::words::*;

/// What survives a power cut.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Disk {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) tombstones: Vec<(Sale, Key)>,
}

/// What the attempt on the screen waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    Card,
    Pin,
    /// The authorization was handed to the line so often.
    Host(usize),
}

#[derive(Clone)]
pub(crate) struct Terminal {
    pub(crate) disk: Disk,
    /// As answers show them.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) screen: Option<(Id, WaitsFor)>,
    pub(crate) waiting: Vec<(Caller, Id)>,
    /// The entry of the queue that the host is asked for.
    pub(crate) in_flight: Option<Id>,
    pub(crate) older_than_a_day: Vec<Id>,
    pub(crate) asked_at_boot: Vec<Id>,
    pub(crate) online: bool,
    pub(crate) local_mode: bool,
    pub(crate) room: bool,
    pub(crate) sheet: Option<Sheet>,
    pub(crate) storage_failed: bool,
    pub(crate) callers: Caller,
    /// Of the world, not of the terminal: what the host may have heard of, and so may speak of.
    pub(crate) at_host: Vec<Id>,
    /// What the world sees of the last event.
    pub(crate) seen: Seen,
    /// At most this was seen before the power went.
    pub(crate) seen_before_cut: Seen,
    /// The waiting caller whom the last event was about.
    pub(crate) about: Option<Caller>,
}

impl Terminal {
    pub(crate) fn new(sheet: Option<Sheet>) -> Self {
        Self {
            disk: Disk::default(),
            attempts: Vec::new(),
            screen: None,
            waiting: Vec::new(),
            in_flight: None,
            older_than_a_day: Vec::new(),
            asked_at_boot: Vec::new(),
            online: true,
            local_mode: true,
            room: true,
            sheet,
            storage_failed: false,
            callers: 0,
            at_host: Vec::new(),
            seen: Seen::default(),
            seen_before_cut: Seen::default(),
            about: None,
        }
    }

    pub(crate) fn happens(&mut self, event: &Event) {
        self.seen = Seen::default();
        self.seen_before_cut = Seen::default();
        self.about = None;
        match event {
            Event::PowerCut => self.boot(),
            Event::PowerCutDuring(event, moment) => {
                let before = self.clone();
                self.happens(event);
                if *moment == Moment::Before {
                    // A start may ask the host about older records before it writes its own.
                    let starts = **event == Event::PowerCut;
                    let sent = std::mem::take(&mut self.seen.to_host);
                    let callers = self.callers;
                    *self = Terminal { callers, ..before };
                    self.seen = Seen::default();
                    self.seen.to_host = if starts { sent } else { Vec::new() };
                }
                let seen = std::mem::take(&mut self.seen);
                self.boot();
                self.seen_before_cut = seen;
            }
            Event::StorageFails(event, on_disk) => self.storage_fails(event, *on_disk),
            _ if self.storage_failed => self.refuse_if_asked(event),
            Event::Pay(pay) => self.pay(pay),
            Event::LookUp(sale) => {
                let list = self.list(*sale);
                self.answer(Told::List(list));
            }
            Event::LookUpId(id) => {
                let found = self.attempts.iter().find(|it| it.id == *id).cloned();
                self.answer(found.map_or(Told::Refused(vec![Code::NotFound]), Told::Payment));
            }
            Event::Cancel(sale, key) => self.cancel(*sale, *key),
            Event::Card | Event::PinCard => self.card(*event == Event::PinCard),
            Event::Pin => self.authorize(),
            Event::CardRemoved | Event::GaveUp => self.withdraw(Why::Customer),
            Event::CardWaitEnds => self.withdraw(Why::TimedOut),
            Event::InteractionEnds => self.interaction_ends(),
            Event::HostSays(id, verdict) => self.host_says(*id, *verdict),
            Event::HostReversed(id) => {
                self.edit(*id).reversal_owed = false;
                self.write(*id);
            }
            Event::HostSilent(id) => self.host_silent(*id),
            Event::NotSent(id) => {
                // §6 Once a byte may have been sent the attempt stays `processing` until the host's word.
                if self.screen == Some((*id, WaitsFor::Host(1))) {
                    self.at_host.retain(|it| it != id);
                    self.queue_or_fail(*id);
                }
            }
            Event::InternetAway => (self.online, self.in_flight) = (false, None),
            Event::InternetBack => {
                self.online = true;
                self.drain();
            }
            Event::AnswerBy(nth) => {
                let (caller, id) = self.waiting.remove(*nth);
                self.tell(caller, Told::Payment(self.get(id)));
                self.about = Some(caller);
            }
            Event::CallerGone(nth) => self.about = Some(self.waiting.remove(*nth).0),
            Event::DayPasses => {
                for entry in self.queue() {
                    if !self.older_than_a_day.contains(&entry.id) {
                        self.older_than_a_day.push(entry.id);
                        self.seen.alarms.push(Alarm::Stale(entry.id));
                    }
                }
            }
            Event::Limits(sheet) => self.sheet = *sheet,
            Event::LocalMode(on) => self.local_mode = *on,
            Event::Room(there) => self.room = *there,
        }
    }

    /// §4.1 Which attempt is it?
    fn pay(&mut self, pay: &Pay) {
        let of_sale = self.list(pay.sale);
        let same_key = of_sale.iter().find(|it| it.key == pay.key);
        let live = of_sale.iter().find(|it| !it.is_final());
        let completed = of_sale.iter().find(|it| it.status == Status::Completed);
        let tombstone = pay
            .key
            .is_some_and(|key| self.disk.tombstones.contains(&(pay.sale, key)));
        match (pay.key, same_key, tombstone, live, completed) {
            (Some(_), Some(it), _, _, _) if it.money == pay.money => self.join_or_replay(it.id),
            (Some(_), Some(_), _, _, _) => self.refuse(&[Code::IdempotencyConflict]),
            (Some(_), None, true, _, _) => self.list_cancelled(pay, Why::Requested),
            (Some(_), None, false, Some(_), _) => self.refuse(&[Code::ReferenceInProgress]),
            (Some(_), None, false, None, Some(_)) => self.refuse(&[Code::ReferenceAlreadyPaid]),
            (Some(_), None, false, None, None) => self.would_start(pay),
            // Without a key: join while one lives; replay what is completed; else a new attempt.
            (None, _, _, Some(it), _) | (None, _, _, None, Some(it)) if it.money == pay.money => {
                self.join_or_replay(it.id);
            }
            (None, _, _, Some(_), _) | (None, _, _, None, Some(_)) => {
                self.refuse(&[Code::IdempotencyConflict])
            }
            (None, _, _, None, None) => self.would_start(pay),
        }
    }

    /// Dedupe → busy? → offline admission → journal the attempt durably → show the screen.
    fn would_start(&mut self, pay: &Pay) {
        if pay.path == Path::CloudExpired {
            return self.list_cancelled(pay, Why::TimedOut); // §9
        }
        let mut refused = Vec::new();
        if !self.local_mode && pay.path == Path::Local {
            refused.push(Code::LocalModeDisabled);
        }
        if self.screen.is_some() {
            refused.push(Code::TerminalBusy);
        }
        if refused.is_empty() && !self.online {
            refused = self.offline_limits_hit(pay.money);
        }
        if refused.is_empty() && !self.room {
            refused.push(Code::StorageFailed); // §4.6 after all that is a word of its own
        }
        if !refused.is_empty() {
            return self.refuse(&refused);
        }
        let id = self.journal(pay, Status::Pending);
        self.screen = Some((id, WaitsFor::Card));
        self.seen.prompt = Some((id, u64::from(pay.timeout_s.unwrap_or(120).min(75))));
        self.answer(Told::Started);
        self.waiting.push((self.callers, id));
    }

    fn join_or_replay(&mut self, id: Id) {
        let it = self.get(id);
        if it.is_final() || it.is_queued() {
            self.answer(Told::Payment(it));
        } else {
            self.answer(Told::Joined);
            self.waiting.push((self.callers, id));
        }
    }

    fn list_cancelled(&mut self, pay: &Pay, why: Why) {
        if !self.room {
            return self.refuse(&[Code::StorageFailed]);
        }
        self.disk
            .tombstones
            .retain(|it| Some(it.1) != pay.key || it.0 != pay.sale);
        let id = self.journal(pay, Status::Cancelled(why));
        self.answer(Told::Payment(self.get(id)));
    }

    /// §6 Limits are inclusive; a currency without one is refused.
    fn offline_limits_hit(&self, money: Money) -> Vec<Code> {
        let Some(sheet) = self.sheet else {
            return vec![Code::OfflineNotSupported];
        };
        [
            (money.currency != "USD", Code::OfflineCurrencyNotSupported),
            (
                money.currency == "USD" && money.amount > sheet.usd,
                Code::OfflineAmountExceeded,
            ),
            (
                self.queue().len() + 1 > sheet.max_queued,
                Code::OfflineQueueFull,
            ),
            (!self.older_than_a_day.is_empty(), Code::OfflineQueueStale),
        ]
        .into_iter()
        .filter_map(|(hit, code)| hit.then_some(code))
        .collect()
    }

    /// §4.3 Three outcomes and no fourth.
    fn cancel(&mut self, sale: Sale, key: Option<Key>) {
        let of_sale = self.list(sale);
        let found = match key {
            Some(key) => of_sale.iter().find(|it| it.key == Some(key)),
            None => of_sale.iter().find(|it| !it.is_final()).or(of_sale.first()),
        };
        let Some(id) = found.map(|it| it.id) else {
            if let Some(key) = key
                && !self.disk.tombstones.contains(&(sale, key))
            {
                if !self.room {
                    return self.refuse(&[Code::StorageFailed]);
                }
                self.disk.tombstones.push((sale, key));
            }
            return self.answer(Told::Cancel(Outcome::Cancelled, None));
        };
        if self.screen.is_some_and(|(front, _)| front == id) {
            self.withdraw(Why::Requested);
        }
        let it = self.get(id);
        let outcome = match it.status {
            Status::Cancelled(_) => Outcome::Cancelled,
            Status::Completed | Status::Failed(_) => Outcome::TooLate,
            Status::Pending | Status::Processing => Outcome::StillProcessing,
        };
        self.answer(Told::Cancel(outcome, Some(it)));
    }

    fn card(&mut self, wants_pin: bool) {
        let Some((id, WaitsFor::Card)) = self.screen else {
            return; // nobody asked for a card
        };
        let it = self.edit(id);
        (it.status, it.card) = (Status::Processing, true);
        self.screen = Some((id, WaitsFor::Pin));
        if !wants_pin {
            self.authorize(); // with a PIN the journal says `processing` only when the authorization leaves
        }
    }

    fn authorize(&mut self) {
        let Some((id, WaitsFor::Pin)) = self.screen else {
            return;
        };
        if self.online {
            self.write(id);
            self.screen = Some((id, WaitsFor::Host(1)));
            self.send(ToHost::Authorize(id), id);
        } else {
            self.queue_or_fail(id);
        }
    }

    /// §6 No byte was sent: the limits are checked again, then queued, else `failed`.
    fn queue_or_fail(&mut self, id: Id) {
        if !self.offline_limits_hit(self.get(id).money).is_empty() {
            return self.end(id, Status::Failed(Decline::ProcessingError));
        }
        let highest = self.attempts.iter().filter_map(|it| it.sequence).max();
        self.edit(id).sequence = Some(highest.unwrap_or(0) + 1);
        self.write(id);
        self.screen = None;
        self.answer_all(id);
        self.drain();
    }

    /// §4.1 At 88 s what was not sent is `cancelled`; what was sent is answered as it is.
    fn interaction_ends(&mut self) {
        self.withdraw(Why::TimedOut);
        if let Some((id, _)) = self.screen.take() {
            self.answer_all(id);
            self.send(ToHost::Ask(id), id);
        }
    }

    /// Ends what waits for a card or a PIN: no byte of an authorization was sent.
    fn withdraw(&mut self, why: Why) {
        if let Some((id, WaitsFor::Card | WaitsFor::Pin)) = self.screen {
            self.end(id, Status::Cancelled(why));
        }
    }

    fn host_says(&mut self, id: Id, verdict: Verdict) {
        let it = self.get(id);
        let asked_at_boot = self.asked_at_boot.contains(&id);
        match (it.status, verdict) {
            (Status::Processing, Verdict::Approved) => self.end(id, Status::Completed),
            (Status::Processing, _) if it.is_queued() => {
                if verdict == Verdict::Duplicate {
                    self.edit(id).duplicate = true;
                    self.seen.alarms.push(Alarm::Duplicate(id));
                }
                self.end(id, Status::Failed(Decline::OfflineAuthDeclined));
            }
            (Status::Processing, Verdict::Declined) => {
                self.end(id, Status::Failed(Decline::CardDeclined))
            }
            (Status::Processing, Verdict::Duplicate) => {
                self.end(id, Status::Failed(Decline::ProcessingError))
            }
            (Status::Processing, Verdict::Voided) if asked_at_boot => {
                self.end(id, Status::Cancelled(Why::PowerLoss))
            }
            (Status::Processing, Verdict::Voided) => self.end(id, Status::Cancelled(Why::TimedOut)),
            // §4.3 `failed` and `cancelled` mean that no approval stands: it is reversed until acknowledged.
            (Status::Failed(_) | Status::Cancelled(_), Verdict::Approved) if !it.reversal_owed => {
                self.edit(id).reversal_owed = true;
                self.write(id);
                self.send(ToHost::Reverse(id), id);
            }
            _ => {} // a final payment never changes again
        }
    }

    /// §4.1 While the cardholder waits the authorization is repeated; afterwards the host is asked.
    fn host_silent(&mut self, id: Id) {
        let again = if self.get(id).reversal_owed {
            ToHost::Reverse(id)
        } else if self.get(id).is_queued() {
            ToHost::Authorize(id)
        } else if let Some((_, WaitsFor::Host(times))) =
            self.screen.filter(|(front, _)| *front == id)
        {
            self.screen = Some((id, WaitsFor::Host(times + 1)));
            ToHost::Authorize(id)
        } else {
            ToHost::Ask(id)
        };
        self.send(again, id);
    }

    /// §4.6 Nothing prompts again. That the host is unreachable is not known any more.
    fn boot(&mut self) {
        self.attempts = self.disk.attempts.clone();
        (
            self.screen,
            self.in_flight,
            self.online,
            self.storage_failed,
        ) = (None, None, true, false);
        self.waiting.clear();
        self.asked_at_boot.clear();
        let queue = self.queue();
        self.older_than_a_day
            .retain(|old| queue.iter().any(|it| it.id == *old));
        for it in self.attempts.clone() {
            if it.status == Status::Pending {
                self.end(it.id, Status::Cancelled(Why::PowerLoss));
            } else if it.status == Status::Processing && !it.is_queued() {
                self.asked_at_boot.push(it.id);
                self.send(ToHost::Ask(it.id), it.id);
            } else if it.reversal_owed {
                self.send(ToHost::Reverse(it.id), it.id);
            }
        }
        self.drain();
    }

    /// §4.2 From here on everything is `storage_failed`: damaged is never "empty".
    fn storage_fails(&mut self, event: &Event, on_disk: OnDisk) {
        let mut after = self.clone();
        after.happens(event);
        if on_disk == OnDisk::Kept {
            self.disk = after.disk;
        }
        self.storage_failed = true;
        (self.screen, self.in_flight) = (None, None);
        for (caller, _) in std::mem::take(&mut self.waiting) {
            self.tell(caller, Told::Refused(vec![Code::StorageFailed]));
        }
        self.refuse_if_asked(event);
    }

    fn refuse_if_asked(&mut self, event: &Event) {
        if matches!(
            event,
            Event::Pay(_) | Event::Cancel(..) | Event::LookUp(_) | Event::LookUpId(_)
        ) {
            self.refuse(&[Code::StorageFailed]);
        }
    }

    /// The attempt is final: durable, and then told to everyone who waits.
    fn end(&mut self, id: Id, status: Status) {
        let it = self.edit(id);
        let was_queued = it.is_queued();
        it.status = status;
        if status == Status::Completed {
            *(if it.money.manual {
                &mut it.capturable
            } else {
                &mut it.captured
            }) = it.money.amount;
        }
        self.write(id);
        self.screen = self.screen.filter(|(front, _)| *front != id);
        self.answer_all(id);
        if was_queued {
            self.in_flight = self.in_flight.filter(|head| *head != id);
            self.older_than_a_day.retain(|old| *old != id);
            self.drain();
        }
    }

    /// §6 In sequence, one in flight.
    fn drain(&mut self) {
        if self.online
            && self.in_flight.is_none()
            && let Some(head) = self.queue().first()
        {
            self.in_flight = Some(head.id);
            self.send(ToHost::Authorize(head.id), head.id);
        }
    }

    pub(crate) fn queue(&self) -> Vec<Attempt> {
        let mut queue: Vec<Attempt> = self
            .attempts
            .iter()
            .filter(|it| it.is_queued())
            .cloned()
            .collect();
        queue.sort_by_key(|it| it.sequence);
        queue
    }

    /// The attempts of a sale, newest first.
    pub(crate) fn list(&self, sale: Sale) -> Vec<Attempt> {
        self.attempts
            .iter()
            .rev()
            .filter(|it| it.id.0 == sale)
            .cloned()
            .collect()
    }

    pub(crate) fn get(&self, id: Id) -> Attempt {
        let found = self.attempts.iter().find(|it| it.id == id);
        found
            .expect("the histories name attempts that are there")
            .clone()
    }

    fn edit(&mut self, id: Id) -> &mut Attempt {
        let found = self.attempts.iter_mut().find(|it| it.id == id);
        found.expect("the histories name attempts that are there")
    }

    fn journal(&mut self, pay: &Pay, status: Status) -> Id {
        let id = Id(pay.sale, self.list(pay.sale).len() + 1);
        let attempt = Attempt {
            id,
            key: pay.key,
            money: pay.money,
            cloud: pay.path != Path::Local,
            status,
            captured: 0,
            capturable: 0,
            card: false,
            sequence: None,
            duplicate: false,
            reversal_owed: false,
        };
        self.attempts.push(attempt);
        self.write(id);
        id
    }

    fn write(&mut self, id: Id) {
        let now = self.get(id);
        match self.disk.attempts.iter_mut().find(|it| it.id == id) {
            Some(line) => *line = now,
            None => self.disk.attempts.push(now),
        }
    }

    fn send(&mut self, message: ToHost, id: Id) {
        self.seen.to_host.push(message);
        self.at_host.push(id);
    }

    /// To the request that this event is.
    fn answer(&mut self, told: Told) {
        self.callers += 1;
        self.tell(self.callers, told);
    }

    fn refuse(&mut self, codes: &[Code]) {
        self.answer(Told::Refused(codes.to_vec()));
    }

    fn answer_all(&mut self, id: Id) {
        let (now, waiting) = (self.get(id), self.waiting.clone());
        self.waiting.retain(|(_, it)| *it != id);
        for (caller, _) in waiting.into_iter().filter(|(_, it)| *it == id) {
            self.tell(caller, Told::Payment(now.clone()));
        }
    }

    fn tell(&mut self, caller: Caller, told: Told) {
        self.seen.told.push((caller, told));
    }
}

impl std::fmt::Debug for Terminal {
    /// Where every history begins.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a terminal with {:?}", self.sheet)
    }
}
