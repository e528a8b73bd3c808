//! The terminals' links: who may open one, and what never goes over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vinr_simulator::Cloud;

use crate::api::{Api, PATIENCE};
use crate::shop::{A, B, SOON, Shop, id, on_any_port, provisioned, sale, waited};

/// Opens a link with any identity.
async fn link(
    cloud: &Cloud,
    certificate: &Path,
    key: &Path,
) -> std::io::Result<TlsStream<TcpStream>> {
    let read = |path: &Path| -> Vec<_> {
        CertificateDer::pem_file_iter(path)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(read(&cloud.pki().cloud_ca()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            read(certificate),
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"vinr-link/1".to_vec()];
    let tcp = TcpStream::connect(cloud.address()).await?;
    let name = ServerName::from(cloud.address().ip());
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
}

fn link_files(dir: &Path, terminal: &str) -> (PathBuf, PathBuf) {
    let links = dir.join("cloud").join("links");
    (
        links.join(format!("{terminal}.pem")),
        links.join(format!("{terminal}.key")),
    )
}

/// Says hello and reads what comes, until `enough` or the end.
async fn hear(
    mut link: TlsStream<TcpStream>,
    terminal: &str,
    enough: impl Fn(&str) -> bool,
) -> String {
    let hello = json!({ "type": "hello", "terminal": terminal, "journal": "jrn_1" });
    // Whoever is refused may be so before this.
    let _ = link.write_all(format!("{hello}\n").as_bytes()).await;
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    let read = async {
        while let Ok(count @ 1..) = link.read(&mut buffer).await {
            heard.extend(&buffer[..count]);
            if enough(&String::from_utf8_lossy(&heard)) {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("enough, or the end");
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn a_link_is_opened_with_its_own_identity() {
    let (dir, pki) = provisioned();
    let cloud = Cloud::start(&pki, on_any_port()).await.unwrap();
    let (certificate, key) = link_files(dir.path(), A);
    let link = link(&cloud, &certificate, &key).await.unwrap();
    let heard = hear(link, A, |heard| heard.contains("welcome")).await;
    assert!(heard.contains("welcome"), "{heard}");
}

#[tokio::test]
async fn no_other_identity_opens_a_link() {
    let (dir, pki) = provisioned();
    let cloud = Cloud::start(&pki, on_any_port()).await.unwrap();
    let a_terminals = (pki.terminal_cert(&id(A)), pki.terminal_key(&id(A)));
    let a_tills = (pki.pos_cert(), pki.pos_key());
    let anothers = link_files(dir.path(), B);
    for (certificate, key) in [a_terminals, a_tills, anothers] {
        let heard = match link(&cloud, &certificate, &key).await {
            Ok(link) => hear(link, A, |_| false).await,
            Err(_) => String::new(),
        };
        assert_eq!(heard, "", "{}", certificate.display());
    }
    assert_eq!(cloud.standing().await.unwrap().linked, []);
}

// [TLS-7]
#[tokio::test]
async fn the_api_key_never_reaches_a_terminal() {
    let (dir, pki) = provisioned();
    let cloud = Cloud::start(&pki, on_any_port()).await.unwrap();
    let (certificate, key) = link_files(dir.path(), A);
    let link = link(&cloud, &certificate, &key).await.unwrap();
    let secret = cloud.key().reveal();
    let asked = async {
        let mut api = Api::connect(cloud.address(), &pki, secret).await;
        while cloud.standing().await.unwrap().linked.is_empty() {
            tokio::task::yield_now().await;
        }
        api.pay(&sale(A, "order_1"), "k1").await;
    };
    let (heard, ()) = tokio::join!(hear(link, A, |heard| heard.contains("order_1")), asked);
    assert!(heard.contains("order_1"), "the command came: {heard}");
    assert!(
        !heard.contains(secret) && !heard.contains("sk_test"),
        "{heard}"
    );
}

// [HYB-8]
#[tokio::test]
async fn a_command_that_was_handed_over_and_not_acknowledged_is_indeterminate() {
    let (dir, pki) = provisioned();
    let mut options = on_any_port();
    options.hand_over_within = SOON;
    let cloud = Cloud::start(&pki, options).await.unwrap();
    let (certificate, key) = link_files(dir.path(), A);
    let link = link(&cloud, &certificate, &key).await.unwrap();
    let mut api = Api::connect(cloud.address(), &pki, cloud.key().reveal()).await;
    // A terminal that takes the command, says nothing, and is gone.
    let takes_it = hear(link, A, |heard| heard.contains("order_1"));
    let order = waited(sale(A, "order_1"));
    let (said, _) = tokio::join!(api.pay(&order, "k1"), takes_it);
    assert_eq!(said.code(), (500, "internal"), "{said:?}");
    assert_eq!(said.body["error"]["next"], "look_up");
    let list = api.payments("order_1").await;
    assert_eq!(list["undelivered"], true);
    assert_eq!(list["data"][0]["status"], "processing");
}

// [TLS-7]
#[tokio::test]
async fn the_api_key_is_in_no_file_of_a_terminal() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let order = waited(sale(A, "order_1"));
    let (said, ()) = tokio::join!(api.pay(&order, "k1"), shop.present(A, "approved"));
    assert_eq!(said.status, 200);
    let mut read = 0;
    for place in ["data", "terminals", "cloud/links"] {
        let mut folders = vec![shop.dir.path().join(place)];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let bytes = std::fs::read(&path).unwrap();
                let has_it = bytes.windows(7).any(|it| it == b"sk_test");
                assert!(!has_it, "{}", path.display());
                read += 1;
            }
        }
    }
    assert!(read > 6, "there were files to read");
}

#[tokio::test]
async fn a_revocation_list_reaches_every_terminal_and_a_new_one_too() {
    let shop = Shop::open().await;
    let kept = |terminal: &str| {
        let file = shop
            .dir
            .path()
            .join("data")
            .join(terminal)
            .join("pos-ca.crl.pem");
        std::fs::read_to_string(file).unwrap_or_default()
    };
    let pki = shop.simulator.pki();
    for revokes in [false, true] {
        if revokes {
            pki.revoke("0abc").unwrap();
        }
        let list = std::fs::read_to_string(pki.pos_crl()).unwrap();
        let begun = std::time::Instant::now();
        while [A, B].into_iter().any(|terminal| kept(terminal) != list) {
            assert!(begun.elapsed() < PATIENCE);
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_cut_internet_takes_the_link_down_and_its_end_brings_it_back() {
    let shop = Shop::open().await;
    shop.terminal(A)
        .set_internet(vinr_simulator::host::Link::Cut);
    assert_eq!(shop.stands(|it| it.linked.len() == 1).await.linked, [id(B)]);
    shop.terminal(A)
        .set_internet(vinr_simulator::host::Link::Up);
    shop.stands(|it| it.linked.len() == 2).await;
}
