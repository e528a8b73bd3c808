//! A shop: our SDK at a simulator, through payments and everything that can be wrong about an identity, and at last a
//! panic that shows all that can be shown.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use vinr_conformance::drivers::{Ask, Control, Drivers};
use vinr_conformance::journal::{Event, Journal};
use vinr_conformance::merchant::{CloudApi, Merchant};
use vinr_conformance::profile::Driver;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_sdk::{CreateLocal, Vinr};
use vinr_simulator::cardholder::Script;
use vinr_simulator::cards::TEST_CARDS;
use vinr_simulator::{Pki, Simulator};
use vinr_transport::{Identity, TrustBundle};

use crate::canaries::{self, Canary};
use crate::suite::{Keeping, listen_to_every_log};

type Failure = Box<dyn std::error::Error>;

const TERMINAL: &str = "term_CT20_0042";

/// As long as ISO 9564 allows.
const PIN_DIGITS: &str = "739184062517";

/// With everything that some writer would escape.
const WRONG_PASSPHRASE: &str = "wr\u{f6}ng <horse> & \"battery\" 90% 密 staple";

pub(crate) fn run(work: &Path) -> Result<(), Failure> {
    listen_to_every_log();
    let kept = Keeping::begin(work);
    let runtime = tokio::runtime::Runtime::new()?;
    let (held, mut told) = runtime.block_on(open(work))?;
    told.extend(kept.end());
    told.push(Canary::new(
        canaries::PIN,
        "what somebody typed",
        PIN_DIGITS.as_bytes(),
    ));
    told.push(Canary::new(
        canaries::WRONG,
        "what opened nothing",
        WRONG_PASSPHRASE.as_bytes(),
    ));
    canaries::tell(work, &told)?;
    let _in_the_runtime = runtime.enter();
    panic!("the drawer is stuck: {held}");
}

/// Takes payments and provokes errors; what can be shown of all that it holds, and the secrets that it knew.
async fn open(work: &Path) -> Result<(String, Vec<Canary>), Failure> {
    let dir = work.join("tmp").join("shop");
    std::fs::create_dir_all(&dir)?;
    let terminal = TerminalId::new(TERMINAL)?;
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let simulator = Simulator::builder(&dir)
        .terminal(terminal.clone(), Model::NexgoCt20)
        .cloud(any)
        .start()
        .await?;
    let passphrase = simulator
        .passphrase()
        .ok_or("it was provisioned now")?
        .clone();
    let mut told = vec![Canary::new(
        canaries::PASSPHRASE,
        "pos.p12 of the shop",
        passphrase.reveal().as_bytes(),
    )];
    told.push(Canary::new(
        canaries::TOKEN,
        "the shop's",
        simulator.control().token().reveal().as_bytes(),
    ));

    let mut shown = errors(&simulator, passphrase.reveal(), &dir).await?;
    let pki = simulator.pki();
    let vinr = Vinr::builder()
        .terminal_ca_file(pki.terminal_ca())?
        .identity_p12_file(pki.pos_p12(), passphrase.reveal())?
        .store_dir(work.join("home"))
        .terminal(TERMINAL, simulator.terminal().address())
        .build()?;
    std::fs::create_dir_all(work.join("report"))?;
    let journal = Journal::in_file(&work.join("report").join("journal.ndjson"))?;
    pay(&vinr, &simulator, &journal, &mut shown).await?;
    journal.flush()?;
    told.push(webhooks(&simulator, &mut shown).await?);

    let identity = Identity::from_p12_file(pki.pos_p12(), passphrase.reveal())?;
    shown.push(format!(
        "{identity:?} {identity:#?} {simulator:?} {passphrase:?} {vinr:?}"
    ));
    Ok((shown.join("\n"), told))
}

/// Every way in which an identity is no identity, and what is said of it.
async fn errors(
    simulator: &Simulator,
    passphrase: &str,
    dir: &Path,
) -> Result<Vec<String>, Failure> {
    let mut shown = Vec::new();
    let pki = simulator.pki();
    let p12 = std::fs::read(pki.pos_p12())?;
    let trusting = || Vinr::builder().terminal_ca_file(pki.terminal_ca());
    let tries = [
        trusting()?
            .identity_p12_file(pki.pos_p12(), WRONG_PASSPHRASE)
            .err(),
        trusting()?
            .identity_p12_file(dir.join("missing.p12"), passphrase)
            .err(),
        trusting()?
            .identity_p12(&p12[..p12.len() / 2], passphrase)
            .err(),
        trusting()?.identity_p12(&p12, WRONG_PASSPHRASE).err(),
        trusting()?
            .identity_pem_files(pki.pos_key(), pki.pos_key())
            .err(),
        trusting()?
            .identity_pem_files(pki.pos_cert(), pki.pos_cert())
            .err(),
        trusting()?
            .identity_pem_files(pki.terminal_cert(simulator.terminal().id()), pki.pos_key())
            .err(),
        Vinr::builder().terminal_ca_file(pki.pos_key()).err(),
    ];
    for error in tries {
        let error = error.ok_or("a wrong identity was taken")?;
        eprintln!("{error} {error:?} {error:#?}");
        shown.push(format!("{error} {error:?}"));
    }

    // A till of another shop at our terminal, and our till at somebody else's.
    let elsewhere = dir.join("elsewhere");
    let stranger = Pki::provision(&elsewhere, &[TerminalId::new(TERMINAL)?])?;
    let (theirs, word) = (stranger.pki, stranger.passphrase);
    for (ca, cert, key) in [
        (pki.terminal_ca(), theirs.pos_cert(), theirs.pos_key()),
        (theirs.terminal_ca(), pki.pos_cert(), pki.pos_key()),
    ] {
        let vinr = Vinr::builder()
            .terminal_ca_file(ca)?
            .identity_pem_files(cert, key)?
            .store(vinr_sdk::store::MemoryStore::new())
            .terminal(TERMINAL, simulator.terminal().address())
            .build()?;
        let error = vinr.payments().create_local(sale("order_stranger")).await;
        eprintln!("{error:?}");
        shown.push(format!("{error:?}"));
    }
    let error = TrustBundle::from_pem(&std::fs::read(pki.pos_key())?).err();
    shown.push(format!("{error:?} {word:?}"));
    Ok(shown)
}

fn sale(reference: &str) -> CreateLocal<'_> {
    CreateLocal {
        reader_id: TERMINAL,
        amount: 2_500,
        currency: "USD",
        reference,
        ..CreateLocal::default()
    }
}

/// One payment with each card, presented by its number, and a PIN typed where none belongs; the suite's journal sees it.
async fn pay(
    vinr: &Vinr,
    simulator: &Simulator,
    journal: &Journal,
    shown: &mut Vec<String>,
) -> Result<(), Failure> {
    let control = simulator.control();
    let port = Control::new(&control.url(), control.token().reveal());
    let port = port.ok_or("it is on loopback")?;
    shown.push(format!("{port:?}"));
    let named = |_| vec![Driver::Control(None)];
    let hands = Drivers::new(journal.clone(), TERMINAL, named, Some(port));
    simulator.terminal().set_script(Script::by_hand()).await;
    for (number, card) in TEST_CARDS.iter().enumerate() {
        let reference = format!("order_{number}");
        let paying = vinr.payments().create_local(sale(&reference));
        let presenting = async {
            let asks = [
                Ask::to("present_card").with("card", card.number),
                Ask::to("enter_pin").with("pin", PIN_DIGITS),
            ];
            for ask in asks {
                let answer = hands.ask(ask.within(Duration::from_secs(3))).await;
                eprintln!("{answer:?}");
            }
        };
        let (paid, ()) = tokio::join!(paying, presenting);
        eprintln!("{paid:?}");
        shown.push(format!("{paid:?}"));
    }
    Ok(())
}

/// A merchant's server, for as long as one payment takes.
async fn webhooks(simulator: &Simulator, shown: &mut Vec<String>) -> Result<Canary, Failure> {
    let cloud = simulator.cloud().ok_or("it has a cloud")?;
    let ca = std::fs::read(simulator.pki().cloud_ca())?;
    let api = CloudApi::new(&cloud.url(), &ca, cloud.key().reveal())?;
    let journal = Journal::in_memory();
    let merchant = Merchant::open(&journal, api, 0).await?;
    let secret = journal
        .entries()
        .into_iter()
        .find_map(|entry| match entry.event {
            Event::Endpoint(endpoint) => Some(endpoint.secret),
            _ => None,
        });
    let secret = secret.ok_or("the endpoint has a secret")?;
    // With a key that is not the cloud's.
    let refused = CloudApi::new(&cloud.url(), &ca, "sk_test_0000000000000000")?;
    let refused = refused.call("GET", "/v1/webhook-endpoints", None).await;
    shown.push(format!("{cloud:?} {refused:?}"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    merchant.leave().await;
    Ok(Canary::new(
        canaries::WEBHOOK,
        "an endpoint of the shop",
        secret.as_bytes(),
    ))
}
