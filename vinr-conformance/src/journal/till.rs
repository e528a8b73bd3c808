//! What is seen where the suite plays terminals, a network and a cloud, and a till is judged.
//!
//! An `exchange` is one request that reached the suite; an `op` is one line that the suite wrote to the adapter. Both
//! are numbered through the whole run. No secret that the till was given stands in any of these: where one was seen in a
//! place where it must not be, [`TillEvent::Leaked`] says so, and the text has `…` in its place. \[SEC-1\]

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Certificate, Header};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "till", rename_all = "snake_case")]
pub enum TillEvent {
    /// The adapter was started.
    Started {
        /// How often it was started in this scenario before.
        life: u32,
    },
    /// The till is no adapter: somebody uses it at its screen. It knows no cloud and no secret of the suite but its own
    /// identity.
    AtItsScreen {
        /// How often its power came back in this scenario.
        life: u32,
    },
    /// The adapter's process ended, or the till's power was cut.
    Gone {
        /// Who ended it, and how.
        how: String,
    },
    /// The adapter did not keep to the protocol: nothing that it says counts any more.
    Broke {
        /// What it did.
        why: String,
    },
    /// A line was written to the adapter.
    Asked {
        /// The suite's number for it.
        op: u64,
        /// `configure`, `pay`, …
        name: String,
        /// Its other fields, without secrets.
        fields: Value,
    },
    /// The adapter answered it.
    Told {
        /// Which.
        op: u64,
        /// What.
        #[serde(flatten)]
        answer: Answered,
    },
    /// A secret was seen where it must not be.
    Leaked {
        /// Which: `the API secret key`, `the passphrase`, …
        what: String,
        /// Where: `a request to term_1`, `stderr`, `an answer of the adapter`.
        place: Place,
    },
    /// Everything that this scenario saw of this place was searched for every secret.
    Searched {
        /// Where.
        place: Place,
        /// How many bytes.
        bytes: u64,
    },
    /// A terminal of the suite listens from here on.
    Listens {
        /// Its id, or `cloud`.
        at: String,
        /// Where.
        address: String,
    },
    /// Somebody connected.
    Accepted {
        /// The suite's number for the connection.
        connection: u64,
        /// Whom: a terminal's id, or `cloud`.
        at: String,
    },
    /// What a till said before it trusted anybody.
    Hello {
        /// On which connection.
        connection: u64,
        /// What.
        #[serde(flatten)]
        hello: Hello,
    },
    /// The handshake came to its end, lawful or not.
    Met {
        /// On which connection.
        connection: u64,
        /// What the suite's terminal showed there: `its own certificate`, `a certificate of another CA`, …
        shown: String,
        /// The till's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        certificate: Option<Certificate>,
        /// Why the terminal would not serve whoever shows that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
        /// Why there is no connection; the till's alert, where it sent one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Bytes came that are not TLS.
    Plain {
        /// On which connection.
        connection: u64,
        /// The first of them, not-printable ones as `.`.
        text: String,
    },
    /// A request was read, whole.
    Request {
        /// On which connection.
        connection: u64,
        /// The suite's number for it.
        exchange: u64,
        /// To whom: a terminal's id, or `cloud`.
        at: String,
        /// `POST`, `GET`, …
        method: String,
        /// Path and query.
        path: String,
        /// All of them, without the API key.
        headers: Vec<Header>,
        /// The body, at most its first 8 KiB.
        body: String,
    },
    /// The head of an answer was written.
    Head {
        /// Whose.
        exchange: u64,
        /// The HTTP status.
        status: u16,
    },
    /// An answer was written to its end.
    Body {
        /// Whose.
        exchange: u64,
        /// The HTTP status.
        status: u16,
        /// The body.
        text: String,
    },
    /// The suite made something go wrong on purpose: from here on the till cannot have the answer.
    Lost {
        /// Which answer.
        exchange: u64,
        /// How: `reset after the head`, …
        how: String,
    },
    /// A connection ended.
    Ended {
        /// Which.
        connection: u64,
        /// Who ended it.
        by: Whose,
        /// How.
        how: String,
    },
    /// A payment stands so in the journal of a terminal.
    Stands {
        /// The terminal.
        at: String,
        /// As an answer would show it.
        payment: Value,
    },
    /// A key was buried: no `pay` with it will start anything at this terminal.
    Buried {
        /// The terminal.
        at: String,
        /// The sale.
        reference: String,
        /// The key.
        key: String,
    },
    /// The host approved: the customer is charged.
    Charged {
        /// At which terminal.
        at: String,
        /// The sale.
        reference: String,
        /// The payment.
        payment: String,
    },
    /// The host took an approval back.
    Reversed {
        /// The payment.
        payment: String,
    },
    /// A terminal is advertised from here on.
    Advertised {
        /// Its instance.
        instance: String,
        /// The id of its TXT record.
        terminal: String,
        /// Where it is said to be.
        address: String,
        /// Its model.
        model: String,
        /// `online` or `offline`.
        status: String,
    },
    /// A terminal said goodbye.
    Goodbye {
        /// The id of its TXT record.
        terminal: String,
    },
    /// The suite listened for mDNS questions from here on.
    Listening,
    /// Somebody asked by mDNS.
    Queried {
        /// From where.
        from: String,
        /// For what.
        names: Vec<String>,
    },
}

/// Where a secret may have been seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Place {
    /// In what a terminal was sent.
    Terminal {
        /// Which.
        at: String,
    },
    /// In what the adapter wrote to stderr.
    Stderr,
    /// In a line that the adapter answered.
    Answers,
}

/// What an adapter answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answered {
    /// It was done.
    Ok {
        /// What came of it.
        value: Value,
    },
    /// It was not.
    Error {
        /// `tls`, `indeterminate`, …
        class: String,
        /// For people.
        message: String,
        /// Of a `refused`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The sale that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// It has no such op.
    Unsupported,
    /// A till with a screen: somebody read it.
    Read {
        /// What it shows.
        result: Shows,
        /// The terminal that it names, where it names one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terminal: Option<String>,
    },
}

/// What the screen of a till shows as the result of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shows {
    /// It is paid.
    Approved,
    /// The card was declined: it is not paid.
    Declined,
    /// It is not paid for another reason: cancelled, or an error.
    Cancelled,
    /// It was accepted offline, and is not approved yet.
    AcceptedOffline,
    /// The till does not know whether it is paid.
    Unknown,
}

impl Shows {
    /// The word that a driver says.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::AcceptedOffline => "accepted_offline",
            Self::Unknown => "unknown",
        }
    }
}

/// A ClientHello.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The TLS versions that it offers, such as `TLSv1_3`.
    pub versions: Vec<String>,
    /// The application protocols that it offers.
    pub alpn: Vec<String>,
    /// It offers to resume an earlier session.
    pub resumes: bool,
    /// It sends early data.
    pub early_data: bool,
}

/// Which side of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The suite, playing a terminal or the cloud.
    Suite,
    /// The till.
    Till,
}

/// What must be true of a till in this scenario. An `op` is that of [`TillEvent::Asked`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum TillClaim {
    /// The `pay` on the wire says what the till was asked for, in the page's words.
    SentAsThePageSays {
        /// The `pay`.
        op: u64,
    },
    /// The till's answer is the payment that the terminal has, in this state.
    Result {
        /// Which answer.
        op: u64,
        /// `completed`, `failed`, …
        status: String,
    },
    /// The till's answer is a payment that is accepted offline, and says so.
    AcceptedOffline {
        /// Which answer.
        op: u64,
    },
    /// The till's answer is an error of one of these classes.
    Refused {
        /// Which answer.
        op: u64,
        /// Any of these.
        classes: Vec<String>,
    },
    /// The till says that nobody knows, and of which sale.
    Unknown {
        /// Which answer.
        op: u64,
    },
    /// The till says that the sale was paid, which is true, or that nobody knows.
    TrueOrUnknown {
        /// Which answer.
        op: u64,
    },
    /// The till never gave an answer that is not this sale's as a result: an error, or the true payment.
    NotFooled {
        /// Which answer.
        op: u64,
    },
    /// The till's answer is the event.
    Believed {
        /// Which answer.
        op: u64,
    },
    /// The till's answer is that the webhook is not to be believed.
    Disbelieved {
        /// Which answer.
        op: u64,
    },
    /// A `pay` that was not answered was held for so long.
    Held {
        /// In milliseconds.
        ms: u64,
    },
    /// No question about the sale was asked while its `pay` was held.
    NotPolled,
    /// The sale was looked up so soon after its answer was lost.
    LookedUp {
        /// In milliseconds.
        ms: u64,
    },
    /// Nothing that takes money was sent before the sale was looked up.
    LookedUpFirst,
    /// Nothing that takes money was sent after the first `pay`.
    NothingAgain,
    /// What was pending was cancelled, durably, before there was another attempt.
    CancelledFirst,
    /// What the terminal did not know was buried, or found, before there was another attempt.
    BuriedFirst,
    /// A copy was refused while another may exist: the key was buried before the till answered.
    BuriedBeforeTold {
        /// The payment.
        op: u64,
    },
    /// Every attempt had a key of its own.
    OwnKeys,
    /// The customer was charged so often for this sale, and the till knows it.
    Charged {
        /// At most.
        most: u64,
        /// At least.
        least: u64,
    },
    /// Not one byte of a request reached whoever showed a false identity.
    NothingToStrangers,
    /// Every connection with a request showed the till's certificate.
    CertificateEverywhere,
    /// TLS 1.3 alone was offered, no resumption, no early data.
    NewTlsOnly,
    /// The till was told what it had left open when it was started again.
    Remembers {
        /// The `configure` after the restart.
        op: u64,
    },
    /// The store's open attempts were settled, and this one came to this.
    Settled {
        /// The `resolve`.
        op: u64,
        /// `completed`, `failed`, …
        status: String,
    },
    /// The cloud was asked nothing.
    CloudIdle,
    /// The cloud was not asked to take a payment.
    CloudTakesNothing,
    /// The till's answer is an error, of whatever class.
    AnError {
        /// Which answer.
        op: u64,
    },
    /// The LAN was tried before the cloud.
    LanFirst,
    /// What went to the terminal and what went to the cloud is one attempt: the same reference, key and terminal.
    OneAttempt,
    /// The cloud was asked to take the payment in this time after the call.
    FellBack {
        /// Not earlier.
        after_ms: u64,
        /// Not later.
        within_ms: u64,
    },
    /// The till says which path was used.
    Mode {
        /// Which answer.
        op: u64,
        /// `local` or `cloud`.
        mode: String,
    },
    /// The payment was taken at this terminal.
    TakenAt {
        /// Which answer.
        op: u64,
        /// The terminal's id.
        terminal: String,
    },
    /// The till names the terminal that took the payment, whichever it is.
    NamesItsTerminal {
        /// Which answer.
        op: u64,
    },
    /// No two terminals had a live attempt of the sale at one time.
    OneAtATime,
    /// The readers are these, each with its id, ip, model and status.
    Readers {
        /// The `discover`.
        op: u64,
        /// Their ids.
        ids: Vec<String>,
    },
    /// This terminal is not among the readers, or the till found out by itself that it is another.
    LeftOut {
        /// The `discover`.
        op: u64,
        /// Its id.
        terminal: String,
    },
    /// Nobody asked by mDNS, and every static host was asked who it is.
    NoQuery {
        /// The ids of the static hosts.
        asked: Vec<String>,
    },
    /// The till asked by mDNS for the service of the page.
    Asked,
    /// From the line to the last byte of the request: p99 is at most this.
    QuickToSend {
        /// In microseconds.
        p99_us: u64,
        /// The first so many are not counted.
        warm_up: u64,
    },
    /// What the till wrote holds no secret.
    Discreet,
}

impl TillEvent {
    /// Every text that came from outside, to take card numbers out.
    pub(super) fn texts(&mut self, clean: impl Fn(&mut String)) {
        match self {
            Self::Asked { fields, .. } => values(fields, &clean),
            Self::Told { answer, .. } => match answer {
                Answered::Ok { value } => values(value, &clean),
                Answered::Error { message, .. } => clean(message),
                Answered::Unsupported | Answered::Read { .. } => {}
            },
            Self::Request {
                path,
                headers,
                body,
                ..
            } => {
                clean(path);
                clean(body);
                headers.iter_mut().for_each(|(_, value)| clean(value));
            }
            Self::Plain { text, .. } | Self::Body { text, .. } => clean(text),
            Self::Broke { why } => clean(why),
            _ => {}
        }
    }
}

fn values(value: &mut Value, clean: &impl Fn(&mut String)) {
    match value {
        Value::String(text) => clean(text),
        Value::Array(items) => items.iter_mut().for_each(|item| values(item, clean)),
        Value::Object(members) => members
            .values_mut()
            .for_each(|member| values(member, clean)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
