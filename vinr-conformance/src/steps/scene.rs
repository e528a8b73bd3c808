//! What a scenario remembers from step to step.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cucumber::gherkin::StepType;
use serde_json::{Map, Value, json};

use super::groups::GroupSale;
use super::{lists, offline};
use crate::drivers::Ask;
use crate::features::Case;
use crate::journal::{Claim, Entry, Event, Journal, Said};
use crate::merchant::Merchant;
use crate::probe::{Answer, Connection, Exchange, Identity, Request};
use crate::run::{Context, Staged};
use crate::subject::{Embedded, List};
use vinr_protocol::question::{self, Answered};

/// How long the suite waits for an answer that should come at once.
pub(super) const SOON: Duration = Duration::from_secs(5);

/// How long it waits for the outcome of a payment whose card was presented.
pub(super) const OUTCOME_WITHIN: Duration = Duration::from_secs(15);

/// How long a terminal may take to become idle after a cancel.
const UNSTUCK_WITHIN: Duration = Duration::from_secs(1);

/// Words of features that are looked at before their steps are taken.
const IDLE: &str = "the terminal is idle";
const AWAY: &str = "the internet is away";

/// How long a queue may take to be sent.
const EMPTY_WITHIN: Duration = Duration::from_secs(15);

/// The pause between two questions about the same thing.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(25);

/// How long a screen event may be under way after the answer that it belongs to.
const SCREEN_SETTLES: Duration = Duration::from_millis(60);

/// What a scenario remembers from step to step.
pub(crate) struct Scene {
    pub(super) context: Context,
    /// Attempts by name; a name may stand for a second request of the same attempt.
    pub(super) attempts: BTreeMap<String, Attempt>,
    /// The last exchange of each name.
    numbers: BTreeMap<String, u64>,
    /// Connections by the name of what was asked on them.
    connections: BTreeMap<String, u64>,
    /// Exchanges whose answer may still come.
    live: BTreeMap<String, Exchange>,
    /// Connections that were given back and are still open.
    idle: BTreeMap<String, Connection>,
    /// Connections that were dialled by an advertisement alone.
    pub(super) advertised: Vec<u64>,
    /// The journal's last entry before the scenario began.
    began: u64,
    /// The journal's last entry before the scenario acted.
    since: Option<u64>,
    /// The journal's last entry before the power was cut.
    pub(super) cut: u64,
    /// Several attempts under one name: those that a step made one after the other.
    groups: BTreeMap<String, Vec<String>>,
    /// The revocation lists that the terminal took, the newest last.
    pub(super) lists: Vec<List>,
    /// What the scenario changed and tidying up changes back.
    pub(super) odd: Odd,
    /// A simulator of the scenario's own, in place of the one under test.
    pub(super) own: Option<Embedded>,
    /// What the cloud was asked to have paid, by name.
    pub(super) commands: Vec<String>,
    /// The merchant's server.
    pub(super) merchant: Option<Merchant>,
    /// The terminal beside the first, in a shop that has two.
    pub(super) second: Option<Context>,
    /// Sales that either terminal may take, by name.
    pub(super) group_sales: BTreeMap<String, Vec<GroupSale>>,
    cited: Vec<String>,
    stopped: Option<String>,
}

/// What is not as the scenario found it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Odd {
    /// The host was told to be slow.
    pub(super) host: bool,
    /// The internet is cut.
    pub(super) internet_is_away: bool,
    /// The internet was cut at some time, so something may be queued.
    pub(super) was_offline: bool,
    /// Local mode is off.
    pub(super) local_mode: bool,
    /// Other limits are set.
    pub(super) limits: bool,
    /// The clock was moved.
    pub(super) clock: bool,
    /// Another revocation list is in force.
    pub(super) list: bool,
}

/// One try to get a sale paid.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) reference: String,
    pub(super) key: Option<String>,
    pub(super) amount: u64,
    pub(super) currency: String,
    /// Further fields of the request.
    pub(super) further: Map<String, Value>,
}

impl Scene {
    pub(crate) fn new(context: Context) -> Self {
        let began = context.journal.last_seq();
        let is_away = context.is_internet_away();
        Self {
            context,
            attempts: BTreeMap::new(),
            numbers: BTreeMap::new(),
            connections: BTreeMap::new(),
            live: BTreeMap::new(),
            idle: BTreeMap::new(),
            advertised: Vec::new(),
            began,
            since: None,
            cut: 0,
            groups: BTreeMap::new(),
            lists: Vec::new(),
            odd: Odd {
                internet_is_away: is_away,
                was_offline: is_away,
                ..Odd::default()
            },
            own: None,
            commands: Vec::new(),
            merchant: None,
            second: None,
            group_sales: BTreeMap::new(),
            cited: Vec::new(),
            stopped: None,
        }
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.context.journal
    }

    /// How much longer a step may take because a person is asked.
    pub(crate) fn patience(&self) -> Duration {
        self.context.drivers.patience()
    }

    /// The scenario was stopped by the step that runs.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// The names of the attempts that this name stands for; itself, where it is the name of one.
    pub(super) fn each(&self, name: &str) -> Vec<String> {
        match self.groups.get(name) {
            Some(names) => names.clone(),
            None => vec![name.to_owned()],
        }
    }

    /// The next name of a group.
    pub(super) fn one_more(&mut self, group: &str) -> String {
        let names = self.groups.entry(group.to_owned()).or_default();
        let name = format!("{group} {}", names.len() + 1);
        names.push(name.clone());
        name
    }

    /// The scenario cannot go on: something cannot be done or seen here.
    pub(super) fn stop(&mut self, why: impl Into<String>) {
        self.stopped = Some(why.into());
    }

    /// The journal's last entry before the scenario acted.
    pub(super) fn since(&self) -> u64 {
        self.since.unwrap_or_default()
    }

    /// The journal's last entry before the scenario began.
    pub(super) fn began(&self) -> u64 {
        self.began
    }

    /// The last exchange of this name; 0, which never came about, where there is none.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.numbers.get(name).copied().unwrap_or_default()
    }

    /// The connection of this name, 0 where there is none.
    pub(super) fn connection(&self, name: &str) -> u64 {
        self.connections.get(name).copied().unwrap_or_default()
    }

    pub(super) fn note_connection(&mut self, name: &str, number: u64) {
        self.connections.insert(name.to_owned(), number);
    }

    /// Writes what must be true, for each requirement that the step decides.
    pub(super) fn claim(&self, said: Said) {
        for requirement in &self.cited {
            self.journal().record(Event::Claim(Claim {
                requirement: requirement.clone(),
                said: said.clone(),
            }));
        }
    }

    /// A new attempt of a new sale.
    pub(super) fn attempt(&self, name: &str, (amount, currency): (u64, &str)) -> Attempt {
        let word: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        Attempt {
            reference: self.context.fresh(&word),
            key: Some(self.context.fresh("key")),
            amount,
            currency: currency.to_owned(),
            further: Map::new(),
        }
    }

    /// The attempt of this name; a scenario that has none is wrong.
    pub(super) fn known(&self, name: &str) -> Attempt {
        self.attempts
            .get(name)
            .expect("an earlier step of the scenario named this attempt")
            .clone()
    }

    /// Sends the `pay` of an attempt as the till, and waits for the head of its answer.
    pub(super) async fn pay(&mut self, name: &str, attempt: Attempt) {
        if self
            .context
            .amount_ceiling
            .is_some_and(|ceiling| attempt.amount > ceiling)
        {
            self.stop("the amount is above the profile's amount_ceiling");
            return;
        }
        let request = attempt.request(&self.context);
        self.attempts.insert(name.to_owned(), attempt);
        self.send(name, request).await;
    }

    /// Sends a request as the till on a connection of its own, and waits for the head of its answer.
    pub(super) async fn send(&mut self, name: &str, request: Request) {
        let till = self.context.subject.till.clone();
        self.send_as(name, Some(&till), request).await;
    }

    /// The same as another client, or as nobody.
    pub(super) async fn send_as(
        &mut self,
        name: &str,
        identity: Option<&Identity>,
        request: Request,
    ) {
        let connection = self.context.probe.connect(identity).await;
        let mut exchange = connection.send(request).await;
        exchange.head_within(SOON).await;
        self.keep(name, exchange);
    }

    /// Sends a request on the connection on which the exchange `on` was answered; false where it is not open any more.
    pub(super) async fn send_on(&mut self, on: &str, name: &str, request: Request) -> bool {
        let Some(exchange) = self.live.remove(on) else {
            return false;
        };
        let Some(connection) = exchange.connection_within(SOON).await else {
            return false;
        };
        let mut exchange = connection.send(request).await;
        exchange.head_within(SOON).await;
        self.keep(name, exchange);
        true
    }

    /// Remembers an exchange by this name.
    pub(super) fn keep(&mut self, name: &str, exchange: Exchange) {
        self.numbers.insert(name.to_owned(), exchange.number());
        self.connections
            .insert(name.to_owned(), exchange.connection());
        self.live.insert(name.to_owned(), exchange);
    }

    /// Sends a request as the till and waits for the whole answer; the connection stays open.
    pub(super) async fn ask(&mut self, name: &str, request: Request) -> Option<Answer> {
        self.send(name, request).await;
        self.answer(name, SOON).await
    }

    /// Waits for the whole answer to the exchange of this name.
    pub(super) async fn answer(&mut self, name: &str, limit: Duration) -> Option<Answer> {
        let exchange = self.live.get_mut(name)?;
        exchange.answer_within(limit).await
    }

    /// Did the head of this name's answer say success?
    pub(super) async fn is_accepted(&mut self, name: &str) -> bool {
        let Some(exchange) = self.live.get_mut(name) else {
            return false;
        };
        let head = exchange.head_within(Duration::ZERO).await;
        head.is_some_and(|(head, _)| head.status < 300)
    }

    /// Waits for a refusal; a head that says success is waited for no longer, since its body may take a card.
    pub(super) async fn refusal(&mut self, name: &str) {
        let Some(exchange) = self.live.get_mut(name) else {
            return;
        };
        let head = exchange.head_within(SOON).await;
        if head.is_none_or(|(head, _)| head.status >= 300) {
            exchange.answer_within(SOON).await;
        }
    }

    /// Ends the connection of this name, whatever was still to come.
    pub(super) async fn hang_up(&mut self, name: &str) {
        let Some(exchange) = self.live.remove(name) else {
            return;
        };
        if let Some(connection) = exchange.connection_within(Duration::ZERO).await {
            connection.hang_up();
        }
        self.idle.remove(name);
    }

    /// Asks whoever taps cards and pulls plugs; where nobody can, the scenario stops.
    pub(super) async fn question(&mut self, ask: Ask) -> Option<question::Answer> {
        let answer = self.context.drivers.ask(ask).await;
        if answer.answer == Answered::Cannot {
            let why = answer.why.as_deref().unwrap_or("nobody says why");
            self.stop(format!("nobody could do or see what it takes: {why}"));
            return None;
        }
        Some(answer)
    }

    /// Does a look-up say that any attempt of the scenario waits for a card?
    pub(super) async fn something_waits_for_a_card(&mut self) -> bool {
        let references: Vec<_> = self
            .attempts
            .values()
            .map(|attempt| attempt.reference.clone())
            .collect();
        for reference in references {
            let path = format!("/v1/payments?reference={reference}");
            let Some(list) = self.ask("does it wait?", Request::get(path)).await else {
                continue;
            };
            let list = list.json();
            let mut payments = list["data"].as_array().into_iter().flatten();
            if payments.any(|payment| payment["status"] == "pending") {
                return true;
            }
        }
        false
    }

    /// For the terminal it is so much later.
    pub(super) async fn set_clock(&mut self, ahead: Duration) {
        self.odd.clock = true;
        if let Err(why) = self.context.drivers.set_clock(ahead).await {
            self.stop(why);
        }
    }

    /// Waits a moment for screen events that are under way.
    pub(super) async fn settle(&self) {
        tokio::time::sleep(SCREEN_SETTLES).await;
    }

    /// Waits for an entry after `seq`, or until `limit`.
    pub(super) async fn wait_for(
        &self,
        seq: u64,
        limit: Duration,
        wanted: impl Fn(&Event) -> bool,
    ) -> bool {
        let deadline = Instant::now() + limit;
        while !self
            .journal()
            .any_after(seq, |entry| self.is_own(entry) && wanted(&entry.event))
        {
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        true
    }

    /// Was it written by this scenario? Others may run beside it.
    pub(super) fn is_own(&self, entry: &Entry) -> bool {
        let own = self.journal().scenario();
        own.is_none() || own.as_deref() == entry.scenario.as_deref()
    }

    /// Does somebody stream what the screen shows?
    pub(super) fn is_screen_watched(&self) -> bool {
        let mut is_watched = false;
        self.journal().any_after(0, |entry| {
            if let Event::ScreenWatch { on } = entry.event {
                is_watched = on;
            }
            false
        });
        is_watched && self.own.is_none()
    }

    /// Reads the host's ledger of a sale into the journal.
    pub(super) async fn read_ledger(&mut self, reference: &str) {
        let ask = Ask::to("read_ledger")
            .with("reference", reference)
            .because("shows what the host charged", self.cited.clone());
        let Some(answer) = self.question(ask).await else {
            return;
        };
        match serde_json::from_value(answer.value.unwrap_or_default()) {
            Ok(entries) => {
                self.journal().record(Event::Ledger {
                    reference: Some(reference.to_owned()),
                    entries,
                });
            }
            Err(error) => self.stop(format!("the ledger cannot be read: {error}")),
        }
    }

    /// Leaves the terminal as it was found: nothing held, nothing queued, nothing on the screen, and a world that is
    /// itself. The next scenario must not pay for this one.
    /// Only where the next one begins without the internet, too, it stays away, and what is queued stays queued: a
    /// terminal takes seconds to notice a cut, and a run has many.
    pub(crate) async fn tidy_up(&mut self, next: Option<&Case>) {
        let stays_away = self.own.is_none()
            && self.odd.internet_is_away
            && next.is_some_and(begins_without_the_internet);
        self.context.leave_internet_away(stays_away);
        // A terminal of the scenario's own ends with it, whatever it was asked last.
        let goes_on = self.own.is_none();
        if goes_on {
            self.give_back(stays_away).await;
            self.give_up_what_is_open().await;
        }
        if goes_on
            && !stays_away
            && self.odd.was_offline
            && !offline::empties(self, EMPTY_WITHIN).await
        {
            let text = "the queue did not become empty".into();
            self.journal().record(Event::Note { text });
        }
        if std::mem::take(&mut self.odd.limits) {
            self.context.drivers.set_limits(None).await.ok();
        }
        if std::mem::take(&mut self.odd.clock) {
            self.context.drivers.set_clock(Duration::ZERO).await.ok();
        }
        if let Some(merchant) = self.merchant.take() {
            merchant.leave().await;
        }
        if let Some(own) = self.own.take() {
            // A server gives whoever is still connected a second to finish.
            self.live.clear();
            self.idle.clear();
            own.shutdown().await;
        }
    }

    /// The list of revoked tills, the host, local mode and the internet: what a shop would miss if a run ended here.
    pub(crate) async fn give_back(&mut self, stays_away: bool) {
        // First: a list may have taken the till back that all the rest needs. Each is crossed off when it is done:
        // whoever stops the run in the middle of this begins it again.
        if self.odd.list {
            lists::puts_right(self).await;
            self.odd.list = false;
        }
        if self.odd.host {
            self.context.drivers.ask(Ask::to("set_host")).await;
            self.odd.host = false;
        }
        if self.odd.local_mode {
            let ask = Ask::to("toggle_local_mode").with("on", true);
            self.context.drivers.ask(ask).await;
            self.odd.local_mode = false;
        }
        if !stays_away && self.odd.internet_is_away {
            self.context.drivers.ask(Ask::to("restore_internet")).await;
            self.odd.internet_is_away = false;
            self.context.leave_internet_away(false);
        }
    }

    async fn give_up_what_is_open(&mut self) {
        let mut all_answered = true;
        let open: Vec<_> = self.attempts.keys().cloned().collect();
        for name in open {
            let answered = match self.live.get_mut(&name) {
                Some(exchange) => exchange.answer_within(Duration::ZERO).await.is_some(),
                None => false,
            };
            if !answered {
                all_answered = false;
                let attempt = self.known(&name);
                let request = attempt.cancel(&self.context);
                self.ask("tidying up", request).await;
            }
        }
        if !all_answered {
            self.clear_the_screen().await;
        }
    }

    /// A terminal that goes on asking after every cancel gets a card that pays nothing, then a power cut: the
    /// next scenario must not pay for this one.
    async fn clear_the_screen(&mut self) {
        let last_resorts = [
            Ask::to("present_card")
                .with("card", "declined")
                .within(UNSTUCK_WITHIN),
            Ask::to("power_cycle").with("offMs", 100),
        ];
        for resort in last_resorts {
            if self.becomes_idle(UNSTUCK_WITHIN).await {
                return;
            }
            let resort = resort.because("the terminal went on asking after its cancel", vec![]);
            self.context.drivers.ask(resort).await;
        }
    }

    /// Waits until the terminal says that it is idle.
    pub(super) async fn becomes_idle(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let answer = self.ask("is it idle?", Request::get("/v1/reader")).await;
            if answer.is_some_and(|answer| answer.json()["activity"] == "idle") {
                return true;
            }
            if Instant::now() > deadline {
                return false;
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }
}

impl Staged for Scene {
    fn journal(&self) -> &Journal {
        &self.context.journal
    }

    fn begins(&mut self, kind: StepType, cited: Vec<String>) {
        if kind != StepType::Given && self.since.is_none() {
            self.since = Some(self.journal().last_seq());
        }
        self.cited = cited;
    }

    fn stopped(&mut self) -> Option<String> {
        self.stopped.take()
    }
}

/// Before it does anything else: a scenario that wants an empty queue first wants the internet back.
fn begins_without_the_internet(case: &Case) -> bool {
    let mut steps = case.steps.iter().filter(|step| step.ty == StepType::Given);
    steps
        .find(|step| step.value != IDLE)
        .is_some_and(|step| step.value == AWAY)
}

impl Attempt {
    /// The `pay` that asks for it.
    pub(super) fn request(&self, context: &Context) -> Request {
        let request = Request::post("/v1/pay", self.body(context).to_string());
        match &self.key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        }
    }

    /// The body of its `pay`.
    pub(super) fn body(&self, context: &Context) -> Value {
        let mut body = json!({
            "terminalId": context.subject.terminal,
            "amount": self.amount,
            "currency": self.currency,
            "reference": self.reference,
        });
        if let Some(members) = body.as_object_mut() {
            members.extend(self.further.clone());
        }
        body
    }

    /// The cancel of this attempt; of the whole sale where it has no key.
    pub(super) fn cancel(&self, context: &Context) -> Request {
        let mut body = json!({"terminalId": context.subject.terminal, "reference": self.reference});
        if let Some(key) = &self.key {
            body["attemptKey"] = key.as_str().into();
        }
        Request::post("/v1/cancel", body.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::begins_without_the_internet;
    use crate::features::all;

    #[test]
    fn whoever_is_tagged_as_without_the_internet_begins_without_it() {
        for case in all() {
            let is_away = |tag: &String| tag == "away" || tag == "away_at_first";
            if case.scenario.tags.iter().any(is_away) {
                assert!(begins_without_the_internet(case), "{}", case.scenario.id);
            }
        }
    }

    #[test]
    fn the_internet_stays_away_for_some_scenarios_and_not_for_those_that_want_an_empty_queue() {
        let begins = |id: &str| {
            let case = all().iter().find(|case| case.scenario.id == id);
            begins_without_the_internet(case.expect("a scenario of the features"))
        };
        assert!(begins("off.limit") && begins("lat.offline") && begins("off.configured"));
        assert!(!begins("off.full") && !begins("off.lost_at_the_card") && !begins("pay.approved"));
    }
}
