//! A busy terminal says when it may be asked again, and is not asked before.

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{At, Create, Hedging, Identity, Lines, Vinr};

use super::sale;
use super::strangers::{Stranger, TERMINAL, authority, leaf, reader_answer_with_journal};
use crate::support::{Shop, passes};

const BUSY_FOR_4_S: &str = "HTTP/1.1 409 Conflict\r\nretry-after: 4\r\ncontent-length: 81\r\n\r\n\
    {\"error\":{\"type\":\"conflict_error\",\"code\":\"terminal_busy\",\"message\":\"it is busy\"}}";

// [GRP-6]
#[tokio::test]
async fn a_terminal_that_is_busy_for_4_s_is_tried_again_after_4_s_and_not_before() {
    let shop = Shop::open().await;
    let pki = shop.simulator.pki();
    let ours = authority("shop CA");
    let pos_ca = CertificateDer::from_pem_file(pki.pos_ca()).unwrap();
    let busy = Stranger::new(leaf(), &ours)
        .asks_for(pos_ca)
        .answers(reader_answer_with_journal())
        .otherwise(BUSY_FOR_4_S.to_owned());
    let (address, told) = busy.serve().await;
    let till = Vinr::builder()
        .terminal_ca_pem(ours.pem())
        .unwrap()
        .identity(Identity::from_pem_files(pki.pos_cert(), pki.pos_key()).unwrap())
        .store(MemoryStore::new())
        .terminal(TERMINAL, address)
        .lines(Lines::none())
        .hedging(Hedging::Off)
        .build()
        .unwrap();
    let pays = async {
        let group = Create {
            at: At::Group(&[TERMINAL]),
            ..sale("order_1")
        };
        let _ = till.payments().create(group).await;
        unreachable!("it is busy for ever");
    };
    let watches = async {
        let tries = async |count| {
            while told.pays() < count {
                tokio::task::yield_now().await;
            }
        };
        tries(1).await;
        // Real time goes by as well, and so the answer has come.
        tokio::time::sleep(Duration::from_millis(500)).await;
        passes(Duration::from_secs(3)).await;
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(told.pays(), 1, "before it said");
        passes(Duration::from_secs(1)).await;
        tries(2).await;
    };
    tokio::select! {
        () = pays => {}
        () = watches => {}
    }
}
