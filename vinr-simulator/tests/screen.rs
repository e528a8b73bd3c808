//! The screen in a browser: what a person sees and does there, and what a till hears, agree.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

#[path = "support/browser.rs"]
mod browser;
mod support;

use browser::{Browser, DESKTOP, ENTER, PHONE, Window, browsing, browsing_through};
use serde_json::{Value, json};
use support::{Shop, TERMINAL, shop, shop_with};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::control::Control;

/// Opens the page as the link that `run` prints does, and waits until it is live.
async fn visit(browser: &Browser, shop: &Shop) {
    browser.go_to(&shop.simulator.control().page()).await;
    browser.sees("#link", "Live").await;
}

/// Tells a story of a shop whose page is open and live.
async fn at_the_page(window: Window, story: impl AsyncFnOnce(&Browser, Shop)) {
    browsing(window, async |browser| {
        let shop = shop().await;
        visit(browser, &shop).await;
        story(browser, shop).await;
    })
    .await;
}

fn card(last4: &str) -> String {
    format!("#wallet [aria-label*=\" {last4}:\"]")
}

/// The journal's line on the page for this payment, in this status.
fn line(payment: &Value, status: &str) -> String {
    let id = payment["id"].as_str().unwrap();
    format!("document.querySelector('#journal [data-payment=\"{id}\"][data-status=\"{status}\"]')")
}

async fn pays(shop: &Shop, body: Value) -> support::Head {
    let request = support::post("/v1/pay", Some("k1"), &body);
    shop.till().await.send(request).await
}

#[tokio::test]
async fn a_tapped_card_pays_and_the_till_and_the_page_agree() {
    at_the_page(DESKTOP, async |browser, shop| {
        browser.sees("#prompt", "Ready").await;
        let held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#amount", "$25.00").await;
        browser.sees("#reference", "order_1").await;
        browser.click(&card("4242")).await;
        let payment = held.body().await.unwrap();
        assert_eq!(
            (&payment["status"], &payment["amount"], &payment["last4"]),
            (&json!("completed"), &json!(2500), &json!("4242"))
        );
        browser.sees("#prompt", "Approved").await;
        browser.sees("#amount", "$25.00").await;
        browser.sees("#detail", "•••• 4242 · Contactless").await;
        browser.wait_until(&line(&payment, "completed")).await;
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_declined_card_is_declined_on_the_page_in_words() {
    at_the_page(DESKTOP, async |browser, shop| {
        let held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#prompt", "Present card").await;
        browser.click(&card("9995")).await;
        let payment = held.body().await.unwrap();
        assert_eq!(payment["declineCode"], "insufficient_funds");
        browser.sees("#prompt", "Declined").await;
        browser
            .sees("#detail", "•••• 9995 · not enough money")
            .await;
        let line = line(&payment, "failed");
        browser
            .wait_until(&format!("{line}?.innerText.includes('not enough money')"))
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_pin_is_entered_on_the_pad() {
    at_the_page(DESKTOP, async |browser, shop| {
        let held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#prompt", "Present card").await;
        browser.click(&card("0077")).await;
        browser.sees("#prompt", "Enter PIN").await;
        for key in ["1", "2", "3"] {
            browser.click(&format!("#pad [data-key=\"{key}\"]")).await;
        }
        browser.sees("#pin", "●●●○").await;
        browser.click("#pad [data-key=clear]").await;
        browser.sees("#pin", "○○○○").await;
        browser.click("#pad [data-key=\"4\"]").await;
        browser.click("#pad [data-key=enter]").await;
        assert_eq!(held.body().await.unwrap()["status"], "completed");
        browser.sees("#prompt", "Approved").await;
    })
    .await;
}

#[tokio::test]
async fn the_keyboard_alone_presents_a_card_and_enters_a_pin() {
    at_the_page(DESKTOP, async |browser, shop| {
        let held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#prompt", "Present card").await;
        browser.tab_to(&card("0077")).await;
        let outline = browser
            .look("getComputedStyle(document.activeElement).outlineStyle")
            .await;
        assert_eq!(outline, "solid", "the focus can be seen");
        browser.press(ENTER).await;
        browser.sees("#prompt", "Enter PIN").await;
        for key in ["1", "2", "3", "4"] {
            browser.press(key).await;
        }
        browser.sees("#pin", "●●●●").await;
        browser.press(ENTER).await;
        assert_eq!(held.body().await.unwrap()["status"], "completed");
        browser.sees("#prompt", "Approved").await;
        let focused = format!("document.activeElement.matches({})", json!(card("0077")));
        browser.wait_until(&focused).await;
    })
    .await;
}

#[tokio::test]
async fn a_card_pulled_out_cancels() {
    at_the_page(DESKTOP, async |browser, shop| {
        let held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#prompt", "Present card").await;
        browser.click(&card("0077")).await;
        browser.sees("#prompt", "Enter PIN").await;
        browser.click("#remove").await;
        assert_eq!(held.body().await.unwrap()["cancelReason"], "customer");
        browser.sees("#prompt", "Cancelled").await;
    })
    .await;
}

#[tokio::test]
async fn the_red_button_cancels_before_any_card() {
    at_the_page(DESKTOP, async |browser, shop| {
        let held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#prompt", "Present card").await;
        browser.click("#give-up").await;
        assert_eq!(held.body().await.unwrap()["cancelReason"], "customer");
        browser.sees("#prompt", "Cancelled").await;
    })
    .await;
}

// A card with a PIN, held to the reader: no PIN is asked for.
#[tokio::test]
async fn a_card_is_presented_the_way_that_was_chosen() {
    at_the_page(DESKTOP, async |browser, shop| {
        let held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#prompt", "Present card").await;
        browser.click("input[name=entry][value=contactless]").await;
        browser.click(&card("0077")).await;
        assert_eq!(held.body().await.unwrap()["entryMode"], "contactless");
    })
    .await;
}

#[tokio::test]
async fn a_card_that_nobody_asked_for_is_answered_with_the_reason() {
    at_the_page(DESKTOP, async |browser, _shop| {
        browser.click(&card("4242")).await;
        browser
            .wait_until("document.getElementById('note').innerText.startsWith('Cannot: ')")
            .await;
    })
    .await;
}

#[tokio::test]
async fn without_the_internet_a_payment_is_accepted_offline_and_waits_in_the_queue() {
    at_the_page(DESKTOP, async |browser, shop| {
        browser.click("[data-switch=internet]").await;
        browser.sees("#offline", "Offline").await;
        browser.sees("[data-switch=internet] .how", "Cut").await;
        let held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#prompt", "Present card").await;
        browser.click(&card("4242")).await;
        let payment = held.body().await.unwrap();
        assert_eq!(
            (&payment["status"], &payment["offline"]["sequence"]),
            (&json!("processing"), &json!(1))
        );
        browser.sees("#prompt", "Accepted offline").await;
        browser.sees("#queue tbody td.sale", "order_1").await;
        browser.sees("#queued", "1 of 10").await;
        browser.click("[data-switch=internet]").await;
        browser.sees("#queue-empty", "Nothing waits.").await;
        browser.wait_until(&line(&payment, "completed")).await;
    })
    .await;
}

#[tokio::test]
async fn a_power_cut_darkens_the_screen_until_the_power_is_back() {
    at_the_page(DESKTOP, async |browser, shop| {
        let held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#amount", "$25.00").await;
        browser.click("[data-switch=power]").await;
        browser.sees("#prompt", "Switched off").await;
        browser
            .wait_until("!document.getElementById('amount').checkVisibility()")
            .await;
        assert_eq!(held.body().await, None, "the answer broke off");
        browser.click("[data-switch=power]").await;
        browser.sees("#prompt", "Ready").await;
        let payments = shop.till().await.payments("order_1").await;
        assert_eq!(payments[0]["cancelReason"], "power_loss");
        browser.wait_until(&line(&payments[0], "cancelled")).await;
    })
    .await;
}

#[tokio::test]
async fn a_cut_lan_takes_the_till_away_and_not_the_page() {
    at_the_page(DESKTOP, async |browser, shop| {
        browser.click("[data-switch=lan]").await;
        browser.sees("[data-switch=lan] .how", "Cut").await;
        browser.sees("#link", "Live").await;
        browser.click("[data-switch=lan]").await;
        browser.sees("[data-switch=lan] .how", "Connected").await;
        assert_eq!(
            shop.till().await.payments("order_1").await,
            Vec::<Value>::new()
        );
    })
    .await;
}

#[tokio::test]
async fn local_mode_is_switched_off_for_the_till() {
    at_the_page(DESKTOP, async |browser, shop| {
        browser.click("[data-switch=localMode]").await;
        browser
            .sees("[data-switch=localMode] .how", "Refuses the till")
            .await;
        browser
            .sees("#journal li:first-child b", "Local mode off")
            .await;
        let refused = shop.till().await.pay("order_1", "k1").await.body().await;
        assert_eq!(refused.unwrap()["error"]["code"], "local_mode_disabled");
    })
    .await;
}

#[tokio::test]
async fn amounts_have_the_digits_of_their_currency() {
    at_the_page(DESKTOP, async |browser, shop| {
        let held = pays(
            &shop,
            json!({ "terminalId": TERMINAL, "amount": 2500, "currency": "JPY", "reference": "order_1" }),
        )
        .await;
        browser.sees("#amount", "¥2,500").await;
        drop(held);
        let said = browser
            .devtools(
                "Runtime.evaluate",
                json!({ "awaitPromise": true, "returnByValue": true, "expression":
                    "import('/page/money.js').then(({ money }) => [
                        money(2500, 'USD'), money(1, 'USD'), money(99999999, 'EUR'), money(2500, 'BHD'),
                        money(5, 'IQD'), money(1005, 'USD'), money(99999999, 'JPY')])" }),
            )
            .await;
        // The browser puts a no-break space behind a currency that has no sign of its own.
        let expected = json!(["$25.00", "$0.01", "€999,999.99", "BHD\u{a0}2.500", "IQD\u{a0}0.005", "$10.05", "¥99,999,999"]);
        assert_eq!(said["result"]["value"], expected);
    })
    .await;
}

#[tokio::test]
async fn the_token_leaves_the_address_bar_and_survives_a_reload() {
    at_the_page(DESKTOP, async |browser, shop| {
        let address = browser.look("location.href").await;
        assert_eq!(address, format!("{}/", shop.simulator.control().url()));
        browser.go_to(address.as_str().unwrap()).await;
        browser.sees("#link", "Live").await;
    })
    .await;
}

#[tokio::test]
async fn without_its_token_the_page_says_how_to_get_one() {
    browsing(DESKTOP, async |browser| {
        let shop = shop().await;
        let url = shop.simulator.control().url();
        browser.go_to(&url).await;
        browser
            .wait_until("document.getElementById('banner').innerText.startsWith('Open the link')")
            .await;
        browser.go_to(&format!("{url}/#token=0")).await;
        browser.look("location.reload()").await;
        browser
            .wait_until(
                "document.getElementById('banner').innerText.startsWith('This link opens nothing')",
            )
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_simulator_that_is_gone_is_not_shown_as_live() {
    at_the_page(DESKTOP, async |browser, shop| {
        shop.simulator.shutdown().await;
        browser.sees("#link", "Not connected").await;
        browser
            .wait_until("document.getElementById('banner').checkVisibility()")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_page_that_was_cut_off_comes_back_by_itself_with_what_happened_meanwhile() {
    let shop = shop().await;
    let relay = Relay::to(shop.simulator.control()).await;
    let story = async |browser: &Browser| {
        visit(browser, &shop).await;
        relay.cut();
        browser.sees("#link", "Not connected").await;
        let _held = shop.till().await.pay("order_1", "k1").await;
        relay.restore();
        browser.sees("#link", "Live").await;
        browser.sees("#amount", "$25.00").await;
        let has_no_banner = "!document.getElementById('banner').checkVisibility()";
        browser.wait_until(has_no_banner).await;
    };
    browsing_through(&[relay.rule()], DESKTOP, story).await;
}

/// Stands between the browser and the control port, and can be cut. The browser does not know of it.
struct Relay {
    from: String,
    to: std::net::SocketAddr,
    is_cut: tokio::sync::watch::Sender<bool>,
}

impl Relay {
    async fn to(control: &Control) -> Self {
        let from = control.url().strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let relay = Self {
            to: listener.local_addr().unwrap(),
            is_cut: tokio::sync::watch::Sender::new(false),
            from: from.clone(),
        };
        let mut cut = relay.is_cut.subscribe();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (from, mut is_cut) = (from.clone(), cut.clone());
                if *cut.borrow_and_update() {
                    continue;
                }
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(from).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
                    }
                });
            }
        });
        relay
    }

    /// What makes the browser go through it.
    fn rule(&self) -> String {
        format!("--host-resolver-rules=MAP {} {}", self.from, self.to)
    }

    fn cut(&self) {
        self.is_cut.send_replace(true);
    }

    fn restore(&self) {
        self.is_cut.send_replace(false);
    }
}

#[tokio::test]
async fn of_several_terminals_the_chosen_one_is_shown() {
    browsing(DESKTOP, async |browser| {
        let other = TerminalId::new("term_z_other").unwrap();
        let shop = shop_with(|builder| builder.terminal(other, Model::Simulator)).await;
        visit(browser, &shop).await;
        browser.sees("#name", TERMINAL).await;
        let _held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#amount", "$25.00").await;
        browser.tab_to("#terminal").await;
        browser.press("t").await;
        browser.press("\u{E015}").await;
        browser.sees("#name", "term_z_other").await;
        browser.sees("#prompt", "Ready").await;
    })
    .await;
}

#[tokio::test]
async fn everything_that_can_be_pressed_has_a_name_and_room_for_a_finger() {
    at_the_page(PHONE, async |browser, _shop| {
        let tree = browser.devtools("Accessibility.getFullAXTree", json!({})).await;
        for node in tree["nodes"].as_array().unwrap() {
            let role = node["role"]["value"].as_str().unwrap_or_default();
            let is_control = ["button", "switch", "radio", "combobox", "link"].contains(&role);
            let name = node["name"]["value"].as_str().unwrap_or_default();
            assert!(!is_control || node["ignored"] == true || !name.is_empty(), "{node}");
        }
        let small = browser
            .look("[...document.querySelectorAll('main button')].filter(it => it.checkVisibility() && it.getBoundingClientRect().height < 44).map(it => it.outerHTML)")
            .await;
        assert_eq!(small, json!([]));
    })
    .await;
}

// The cards are below the terminal there.
#[tokio::test]
async fn on_a_phone_the_pin_pad_is_in_sight_once_the_card_is_in() {
    at_the_page(PHONE, async |browser, shop| {
        let _held = shop.till().await.pay("order_1", "k1").await;
        browser.sees("#prompt", "Present card").await;
        browser.click(&card("0259")).await;
        browser.sees("#prompt", "Enter PIN").await;
        let place = browser
            .look("(it => [it.top >= 0, it.bottom <= innerHeight])(document.getElementById('pad').getBoundingClientRect())")
            .await;
        assert_eq!(place, json!([true, true]));
    })
    .await;
}

#[tokio::test]
async fn nothing_is_wider_than_a_small_phone() {
    at_the_page(PHONE, async |browser, shop| {
        let _held = pays(
            &shop,
            json!({ "terminalId": TERMINAL, "amount": 99_999_999, "currency": "BHD", "reference": "r".repeat(64) }),
        )
        .await;
        browser.sees("#amount", "BHD\u{a0}99,999.999").await;
        assert_eq!(browser.look("document.documentElement.scrollWidth").await, 360);
    })
    .await;
}

/// The pictures of docs/simulator-screen.md, made anew with `UPDATE_SCREENSHOTS=1`.
#[tokio::test]
async fn the_pictures_of_the_documentation_can_be_made() {
    for (window, file) in [
        (DESKTOP, "simulator-screen-desktop.png"),
        (PHONE, "simulator-screen-phone.png"),
    ] {
        picture(window, file).await;
    }
}

async fn picture(window: Window, file: &str) {
    at_the_page(window, async |browser, shop| {
        let mut till = shop.till().await;
        for (reference, amount, number) in [
            ("order_8818", 1890, "4242424242424242"),
            ("order_8819", 6400, "4000000000009995"),
        ] {
            let body = json!({ "terminalId": TERMINAL, "amount": amount, "currency": "USD", "reference": reference });
            let held = till.send(support::post("/v1/pay", Some(reference), &body)).await;
            shop.present(number).await;
            let payment = held.body().await.unwrap();
            browser.wait_until(&line(&payment, payment["status"].as_str().unwrap())).await;
        }
        if window.width < DESKTOP.width {
            offline(browser, &shop, &mut till).await;
        } else {
            let body = json!({ "terminalId": TERMINAL, "amount": 12480, "currency": "USD", "reference": "order_8820" });
            let _held = till.send(support::post("/v1/pay", Some("k"), &body)).await;
            browser.sees("#amount", "$124.80").await;
        }
        let png = browser.screenshot().await;
        assert!(png.len() < 200_000, "{} bytes", png.len());
        if std::env::var_os("UPDATE_SCREENSHOTS").is_some_and(|v| v == "1") {
            let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
            std::fs::write(docs.join(file), png).unwrap();
        }
    })
    .await;
}

/// A payment that is accepted without the internet.
async fn offline(browser: &Browser, shop: &Shop, till: &mut support::Till) {
    browser.click("[data-switch=internet]").await;
    browser.sees("#offline", "Offline").await;
    let body = json!({ "terminalId": TERMINAL, "amount": 12480, "currency": "USD", "reference": "order_8820" });
    let held = till.send(support::post("/v1/pay", Some("k"), &body)).await;
    shop.present("4242424242424242").await;
    let _queued = held.body().await;
    browser.sees("#prompt", "Accepted offline").await;
    browser.look("scrollTo(0, 0)").await;
}
