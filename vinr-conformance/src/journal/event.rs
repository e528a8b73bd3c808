//! What can stand in a journal.
//!
//! Every `…_ns` is on the journal's own clock unless it says otherwise. New kinds and fields may be added;
//! the meaning of an existing one never changes, since old bundles are judged again.

use serde::{Deserialize, Serialize};
use vinr_protocol::question::{Answer, LedgerEntry, Question};

use super::seen::{
    AnsweredBy, Claimed, CloudAnswer, CloudCommand, Endpoint, RepeatedTrace, SetClock, StorageRead,
    Webhook,
};
use super::till::{TillClaim, TillEvent};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run began.
    RunBegin {
        /// Version of the suite.
        suite: String,
        /// Picks references and timings; the same seed gives the same ones.
        seed: u64,
        /// The terminal under test.
        terminal: String,
        /// Where it was dialled.
        address: String,
        /// The wire that its profile claims.
        wire: String,
        /// Who answers questions: `control`, `operator`, …
        driver: String,
    },
    /// What the profile claims.
    Claimed(Box<Claimed>),
    /// The run ended.
    RunEnd {
        /// Somebody stopped it.
        interrupted: bool,
    },
    /// A scenario began.
    ScenarioBegin {
        /// Its title.
        title: String,
        /// The requirements it is about.
        requirements: Vec<String>,
    },
    /// A scenario ended.
    ScenarioEnd {
        /// How.
        #[serde(flatten)]
        ended: Ended,
    },
    /// A step of a scenario began.
    Step {
        /// As it stands in the feature.
        text: String,
    },
    /// A remark for the reader of the journal.
    Note {
        /// In words.
        text: String,
    },
    /// A scenario says what must be true of what was seen; the judge finds out.
    Claim(Claim),
    /// A TCP connection was tried.
    Dial {
        /// The suite's number for it.
        connection: u64,
        /// Where to.
        address: String,
        /// Why there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A TLS handshake was tried.
    Handshake(Box<Handshake>),
    /// A request was written, whole unless `error` says otherwise.
    Request {
        /// On which connection.
        connection: u64,
        /// The suite's number for this request and its answer.
        exchange: u64,
        /// `POST`, `GET`, …
        method: String,
        /// Path and query.
        path: String,
        /// Beside those that every request has.
        headers: Vec<Header>,
        /// The body, at most its first 8 KiB.
        body: String,
        /// How long it was in full.
        body_len: u64,
        /// When its last byte was handed to the kernel.
        last_byte_ns: u64,
        /// The peer stopped reading before it was whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The head of an answer was read.
    Head {
        /// Whose answer.
        exchange: u64,
        /// The HTTP status.
        status: u16,
        /// All of them, as they came.
        headers: Vec<Header>,
        /// When its first byte was read.
        first_byte_ns: u64,
    },
    /// The body of an answer was read to its lawful end.
    Body {
        /// Whose answer.
        exchange: u64,
        /// The body, at most its first 64 KiB.
        text: String,
        /// How long it was in full.
        len: u64,
        /// When its last byte was read.
        last_byte_ns: u64,
    },
    /// An answer did not come, or not whole.
    Lost {
        /// Whose answer.
        exchange: u64,
        /// What was seen instead.
        why: String,
    },
    /// A connection ended.
    Closed {
        /// Which one.
        connection: u64,
        /// Who ended it.
        by: Side,
        /// `end of stream`, `reset`, `alert: CertificateExpired`, …
        how: String,
        /// TLS session tickets that the peer had sent on it.
        #[serde(default)]
        tickets: u32,
    },
    /// Bytes that are not TLS were written to the port, and this came back.
    Plain {
        /// On which connection.
        connection: u64,
        /// What was written, in words.
        sent: String,
        /// What came back, at most 256 bytes, not-printable ones as `.`.
        received: String,
        /// The first bytes of it, in hexadecimal.
        hex: String,
    },
    /// Somebody was asked to do or to look at something.
    Question(Question),
    /// One of those who may be asked spoke; the answer that counts follows.
    AnsweredBy(AnsweredBy),
    /// And answered.
    Answer(Answer),
    /// From here on, screen events are seen as they happen, or no longer.
    ScreenWatch {
        /// They are.
        on: bool,
    },
    /// The terminal's screen changed.
    Screen(ScreenEvent),
    /// An mDNS advertisement was resolved.
    Advert(Advert),
    /// Somebody listened for advertisements for so long.
    Listened {
        /// The service type.
        service: String,
        /// For how long.
        ms: u64,
    },
    /// The card network's host was asked what it knows.
    Ledger {
        /// The sale that was asked about; all of them where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// Its lines.
        entries: Vec<LedgerEntry>,
    },
    /// How quick this machine is when nobody is judged: loopback round trips under the same load.
    Calibration {
        /// Each round trip.
        samples_ns: Vec<u64>,
    },
    /// One activation on a warm connection.
    LatencySample {
        /// Its place in the series, from 0.
        index: u64,
        /// Not counted.
        warm_up: bool,
        /// The sale.
        reference: String,
        /// From the last request byte to the first byte of the answer's head.
        head_ns: u64,
        /// From the last request byte to the active screen, where it was seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        screen_ns: Option<u64>,
        /// The internet was cut while it was measured.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        offline: bool,
    },
    /// A copy of the terminal's raw storage was searched.
    StorageRead(StorageRead),
    /// A webhook endpoint was registered at the cloud, for this run only.
    Endpoint(Endpoint),
    /// A webhook arrived at the suite's own receiver.
    Webhook(Webhook),
    /// The cloud was given a command, and answered.
    CloudCommand(CloudCommand),
    /// A whole card number stood in what the terminal or its cloud said; it was cut out there. \[SEC-1\]
    CardNumber {
        /// In which entry.
        entry: u64,
    },
    /// A secret that the suite gave away stood in what the terminal or its cloud said; it was cut out there. \[SEC-1\]
    Secret {
        /// In which entry.
        entry: u64,
        /// What it is: `PIN`, `API key`, `passphrase`.
        what: String,
    },
    /// The cloud was asked how a sale stands, and said so.
    CloudAnswer(CloudAnswer),
    /// From here on the scenario has a terminal of its own, and others run beside it.
    Apart,
    /// One activation on a connection that was opened for it.
    ColdSample {
        /// Its place in the series, from 0.
        index: u64,
        /// The sale.
        reference: String,
        /// From the first packet to the end of the handshake.
        handshake_ns: u64,
        /// From the first packet to the first byte of the head.
        head_ns: u64,
        /// From the first packet to the active screen, where it was seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        screen_ns: Option<u64>,
    },
    /// A script was played with a seed, and this is what happened, as a digest.
    Trace(RepeatedTrace),
    /// A simulator's clock was set ahead, so that nobody had to wait. 0 is the right time again.
    ClockSet {
        /// Whose.
        clock: SetClock,
        /// How far it is ahead now, in seconds; of the cloud's: by how much it went on.
        ahead_s: u64,
    },
    /// Something that only a run sees in which the suite plays terminals and judges a till.
    Till(TillEvent),
}

/// How a scenario ended. None of them is a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "snake_case")]
pub enum Ended {
    /// Every step was taken.
    Completed,
    /// It could not go on: something could not be done or seen here.
    CouldNot {
        /// What, and why.
        why: String,
    },
    /// The suite itself failed.
    Fault {
        /// How.
        why: String,
    },
    /// Somebody stopped the run.
    Interrupted,
}

/// Which side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The suite, playing a till.
    Suite,
    /// The terminal.
    Terminal,
}

/// One HTTP header.
pub type Header = (String, String);

/// What a TLS handshake showed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Handshake {
    /// On which connection.
    pub connection: u64,
    /// Which of the suite's identities was offered; `none` for none.
    pub presented: String,
    /// The terminal asked for a client certificate.
    pub asked: bool,
    /// `TLSv1_3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `http/1.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn: Option<String>,
    /// The terminal's leaf certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// Why the leaf does not lead to the terminal CA; absent where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_error: Option<String>,
    /// Why there is no connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The fatal alert that the terminal sent during it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
}

/// The facts of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// SHA-256 of the whole, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of its public key.
    pub key_sha256: String,
    /// The kind of its key: `P-256`, `Ed25519`, or the algorithm's number.
    #[serde(default)]
    pub key_kind: String,
    /// Who signed it.
    pub issuer: String,
    /// Its subject.
    pub subject: String,
    /// Every subject alternative name, as `dns:…`, `uri:…`, `ip:…`.
    pub names: Vec<String>,
    /// Every extended key usage, by name.
    pub purposes: Vec<String>,
    /// It says that it may sign others.
    pub is_ca: bool,
    /// From when it is valid.
    pub not_before: String,
    /// Until when.
    pub not_after: String,
}

/// A change of the terminal's screen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScreenEvent {
    /// `idle`, `present_card`, `enter_pin`, `authorizing`, `approved`, `declined`, `cancelled`, `accepted_offline`,
    /// `off`.
    pub screen: String,
    /// The sale that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The payment that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// The amount that it shows, in minor units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<u64>,
    /// When, on the observer's own monotonic clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observer_ns: Option<u64>,
}

/// A resolved mDNS advertisement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advert {
    /// The service type that was browsed.
    pub service: String,
    /// The instance.
    pub instance: String,
    /// The SRV record's host.
    pub host: String,
    /// The SRV record's port.
    pub port: u16,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// The TXT record.
    pub txt: Vec<(String, String)>,
}

/// What must be true, and of which requirement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// The requirement that it decides.
    pub requirement: String,
    /// What must be true.
    #[serde(flatten)]
    pub said: Said,
}

/// The vocabulary of claims. Numbers named `exchange` are those of [`Event::Request`]; a missing number
/// means that the exchange never came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "claim", rename_all = "snake_case")]
pub enum Said {
    /// The answer to the `pay` itself is this final payment.
    Ends {
        /// Which `pay`.
        exchange: u64,
        /// `completed`, `failed`, `cancelled`.
        status: String,
        /// Where it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decline_code: Option<String>,
        /// Where it was cancelled.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cancel_reason: Option<String>,
    },
    /// Refused with one of these codes.
    Refused {
        /// Which request.
        exchange: u64,
        /// Any of these.
        codes: Vec<String>,
        /// The field that the error must name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        param: Option<String>,
        /// A closed connection is a refusal, too.
        #[serde(default)]
        may_close: bool,
    },
    /// Refused for its certificate: a fatal alert, a 401 or a 403, or a closed connection without an answer.
    NotAdmitted {
        /// The request that was tried.
        exchange: u64,
    },
    /// Answered with a success.
    Served {
        /// Which request.
        exchange: u64,
    },
    /// A payment began: its screen asks for a card.
    Prompts {
        /// Which `pay`.
        exchange: u64,
    },
    /// The screen showed nothing but idleness since this entry.
    ShowsNothing {
        /// The entry.
        since: u64,
    },
    /// No prompt for this sale since this entry.
    NoPromptFor {
        /// The sale.
        reference: String,
        /// The entry.
        since: u64,
    },
    /// The head of the answer came before anybody was asked to present a card, and says how long
    /// activation took.
    HeadBeforeCard {
        /// Which `pay`.
        exchange: u64,
    },
    /// All of them speak of one payment.
    SamePayment {
        /// Which.
        exchanges: Vec<u64>,
    },
    /// They speak of different payments.
    OtherPayment {
        /// Which.
        exchanges: [u64; 2],
    },
    /// The host holds so many charges of this sale.
    Charges {
        /// The sale.
        reference: String,
        /// How many.
        count: u64,
    },
    /// The look-up lists exactly these payments, newest first.
    Lists {
        /// The look-up.
        exchange: u64,
        /// The `pay`s whose payments they are.
        of: Vec<u64>,
    },
    /// The look-up's newest attempt stands so; any of these words.
    Stands {
        /// The look-up.
        exchange: u64,
        /// Any of these statuses.
        status: Vec<String>,
        /// Where it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decline_code: Option<String>,
    },
    /// The cancel was answered so.
    Cancellation {
        /// The cancel.
        exchange: u64,
        /// Any of `cancelled`, `too_late`, `still_processing`.
        outcome: Vec<String>,
        /// The answer carries no payment.
        #[serde(default)]
        without_payment: bool,
    },
    /// The request was answered while the held one still was.
    WhileHeld {
        /// The request.
        exchange: u64,
        /// The held one.
        held: u64,
    },
    /// A `pay` that was held when its till was revoked got its answer; only `vinr-local/1` says so.
    StillAnswered {
        /// Which `pay`.
        exchange: u64,
    },
    /// The answer says nothing of the other payment.
    TellsNothingOf {
        /// The answer.
        exchange: u64,
        /// The other `pay`.
        other: u64,
    },
    /// A `Retry-After` of 1 to 5 seconds.
    RetryAfter {
        /// The answer.
        exchange: u64,
    },
    /// The payment carries this attempt key, or none.
    Key {
        /// Which `pay`.
        exchange: u64,
        /// The key.
        key: Option<String>,
    },
    /// The terminal serves TLS on this port.
    OnPort {
        /// The connection that was tried.
        connection: u64,
        /// The port.
        port: u16,
    },
    /// It advertises itself, and can be reached where it says.
    Advertised {
        /// The connections that were dialled by an advertisement alone.
        connections: Vec<u64>,
    },
    /// Its TXT record carries what a till wants to know.
    DescribesItself,
    /// A change of its activity was announced.
    AnnouncesActivity {
        /// The change came after this entry.
        since: u64,
    },
    /// It shows a certificate of its own from the terminal CA.
    OwnCertificate {
        /// On which connection.
        connection: u64,
    },
    /// It speaks mutual TLS: it asks for a client certificate.
    Mutual {
        /// On which connection.
        connection: u64,
    },
    /// Plain bytes get no answer that could pass for service.
    NoPlaintext {
        /// On which connection.
        connection: u64,
    },
    /// An older TLS version is refused.
    OldTlsRefused {
        /// On which connection.
        connection: u64,
    },
    /// TLS 1.3 and not one ticket.
    NoTickets {
        /// On which connection.
        connection: u64,
    },
    /// Discovered as the page says, at 127.0.0.1.
    LocalSimulator,
    /// The scenario's activation samples keep the limit.
    Quick,
    /// Taken offline: a 200 with a payment that is processing and says its place in the queue.
    AcceptedOffline {
        /// Which `pay`.
        exchange: u64,
    },
    /// Not taken offline: refused, or ended without a charge.
    NeverQueued {
        /// Which `pay`.
        exchange: u64,
    },
    /// The look-up shows the payment that was queued, in the place that it had.
    StillQueued {
        /// The look-up.
        exchange: u64,
        /// The `pay` that was answered with its place.
        of: u64,
    },
    /// Each of these payments is completed, and the host charged each of them once.
    ChargedOnce {
        /// The `pay`s.
        exchanges: Vec<u64>,
    },
    /// They were authorized by sequence, one after the other.
    InSequence {
        /// The `pay`s.
        exchanges: Vec<u64>,
        /// How long the host took for each: what two that were in flight together would not have taken.
        host_ms: u64,
    },
    /// The raw storage that was searched since this entry shows nothing of a payment.
    StorageIsOpaque {
        /// The entry.
        since: u64,
    },
    /// The merchant's server was told how this payment ended.
    Told {
        /// The `pay`.
        exchange: u64,
        /// The type of the event, such as `terminal_payment.completed`.
        kind: String,
        /// Where it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decline_code: Option<String>,
    },
    /// Each webhook since this entry is signed, and came again, the same, until it was acknowledged.
    SignedAndRepeated {
        /// The entry.
        since: u64,
    },
    /// One seed, played twice, gave one trace; another seed gave another.
    SameTrace,
    /// Answered within this, by the terminal's own clock.
    Within {
        /// Which request.
        exchange: u64,
        /// Milliseconds.
        limit_ms: u64,
        /// How many times as fast as ours its clock runs.
        pace: u32,
    },
    /// The cloud refused the command with one of these codes.
    CloudRefused {
        /// Its place among the commands to the cloud, from 1.
        command: u64,
        /// Any of these.
        codes: Vec<String>,
    },
    /// Nothing that was said since this entry tells a secret.
    NothingSecretSaid {
        /// The entry.
        since: u64,
    },
    /// The raw storage that was searched since this entry holds no secret.
    NothingSecretStored {
        /// The entry.
        since: u64,
    },
    /// A sale of several terminals is live at one of them, and at no other.
    StandsAt {
        /// The look-up at the terminal.
        exchange: u64,
        /// The look-up at the other one.
        other: u64,
    },
    /// The cloud names the terminal that took the card.
    NamedBy {
        /// The sale.
        reference: String,
        /// The terminal.
        terminal: String,
    },
    /// Each of these sales was live on one terminal at most, at every moment, and was charged once at most.
    LiveOnOne {
        /// The sales.
        references: Vec<String>,
    },
    /// The terminal is the one that the profile describes.
    AsClaimed {
        /// The request for what it says of itself.
        exchange: u64,
        /// The connection on which it showed its certificate.
        connection: u64,
    },
    /// Everything that the plan asks of a terminal was kept.
    WholePlan,
    /// What a till must have done, or left undone.
    Till(TillClaim),
}
