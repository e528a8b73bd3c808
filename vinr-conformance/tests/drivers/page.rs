//! The page for a person with a phone, in a real browser.

use serde_json::json;
use vinr_conformance::drivers::{Ask, Drivers};
use vinr_conformance::journal::{Event, Journal};
use vinr_conformance::profile::Driver;
use vinr_protocol::question::{Answer, Answered};

use crate::browser::{Browser, ENTER, PHONE, browsing};
use crate::workbench::answered_by;

struct Shop {
    journal: Journal,
    drivers: Drivers,
}

impl Shop {
    fn new() -> Self {
        let journal = Journal::in_memory();
        let page = Driver::parse("operator:web:127.0.0.1:0").unwrap();
        let named = |_| vec![page.clone()];
        let drivers = Drivers::new(journal.clone(), "term_CT20_0042", named, None);
        Self { journal, drivers }
    }

    /// Opens the link, and says who is there.
    async fn visit(&self, browser: &Browser) {
        browser.go_to(&self.drivers.links()[0]).await;
        browser.sees("#link", "Connected").await;
        type_into(browser, "#name", "Ada").await;
        browser.press(ENTER).await;
    }
}

async fn type_into(browser: &Browser, selector: &str, text: &str) {
    browser.click(selector).await;
    for letter in text.chars() {
        browser.press(&letter.to_string()).await;
    }
}

fn card() -> Ask {
    Ask::to("present_card")
        .with("card", "declined")
        .with("entry", "chip")
        .because(
            "shows that a decline comes back in the same exchange",
            vec!["PAY-3".into()],
        )
}

/// Asks while somebody does something on the page.
async fn asked(shop: &Shop, ask: Ask, hands: impl Future<Output = ()>) -> Answer {
    let (answer, ()) = tokio::join!(shop.drivers.ask(ask), hands);
    answer
}

#[tokio::test]
async fn a_question_is_shown_in_plain_words_and_one_tap_answers_it() {
    browsing(PHONE, async |browser| {
        let shop = Shop::new();
        shop.visit(browser).await;
        browser.sees("#wait h2", "Nothing to do yet").await;
        let answer = asked(&shop, card(), async {
            browser
                .sees("#title", "Insert the card ending in 0002.")
                .await;
            browser.sees("#card .outcome", "declined").await;
            browser.click("[data-answer=done]").await;
            browser.sees("#wait h2", "Nothing to do yet").await;
        })
        .await;
        assert_eq!(answer.answer, Answered::Done);
        assert_eq!(browser.complaints().await, Vec::<String>::new());
        let entries = shop.journal.entries();
        let by = answered_by(&entries);
        assert_eq!((by.len(), by[0].operator.as_deref()), (1, Some("Ada")));
        let is_timed = |entry: &vinr_conformance::journal::Entry| !entry.wall.is_empty();
        assert!(entries.iter().all(is_timed));
        assert!(matches!(entries[0].event, Event::Question(_)));
    })
    .await;
}

#[tokio::test]
async fn who_looks_at_the_screen_may_not_see_it() {
    browsing(PHONE, async |browser| {
        let shop = Shop::new();
        shop.visit(browser).await;
        let look = Ask::to("observe_screen").with("expect", "approved");
        let answer = asked(&shop, look, async {
            let first =
                "document.querySelector('#answers :first-child')?.innerText.startsWith('I saw it')";
            browser.wait_until(first).await;
            browser.click("[data-answer=did_not_see]").await;
        })
        .await;
        assert_eq!(answer.answer, Answered::DidNotSee);
    })
    .await;
}

#[tokio::test]
async fn cannot_is_sent_with_its_reason_only() {
    browsing(PHONE, async |browser| {
        let shop = Shop::new();
        shop.visit(browser).await;
        let answer = asked(&shop, Ask::to("power_cycle").with("offMs", 100), async {
            browser.click("[data-answer=cannot]").await;
            browser.press(ENTER).await;
            type_into(browser, "#why", "glued").await;
            browser.press(ENTER).await;
        })
        .await;
        assert_eq!(answer.answer, Answered::Cannot);
        assert_eq!(answer.why.as_deref(), Some("glued"));
    })
    .await;
}

#[tokio::test]
async fn a_payment_at_a_till_is_begun_by_one_tap_and_its_result_told_by_another() {
    browsing(PHONE, async |browser| {
        let shop = Shop::new();
        shop.visit(browser).await;
        let about = |question| {
            Ask::to(question)
                .with("amount", 2500)
                .with("currency", "USD")
                .with("reference", "S4711-1")
        };
        let begun = asked(&shop, about("till_pay"), async {
            browser
                .sees("#title", "Take this payment on the till.")
                .await;
            let detail =
                "25.00 USD. The number of the sale is S4711-1. Press Done as soon as it is begun.";
            browser.sees("#detail", detail).await;
            browser.click("[data-answer=done]").await;
        })
        .await;
        assert_eq!(begun.answer, Answered::Done);
        let read = asked(&shop, about("till_read_result"), async {
            browser
                .sees("#title", "What does the till show as the result?")
                .await;
            browser.click("[data-value=declined]").await;
        })
        .await;
        assert_eq!(read.answer, Answered::Value);
        assert_eq!(read.value, Some(json!("declined")));
        assert_eq!(browser.complaints().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn the_keyboard_alone_answers() {
    browsing(PHONE, async |browser| {
        let shop = Shop::new();
        shop.visit(browser).await;
        let by_number = asked(&shop, card(), async {
            browser
                .sees("#title", "Insert the card ending in 0002.")
                .await;
            browser.press("1").await;
        })
        .await;
        assert_eq!(by_number.answer, Answered::Done);
        let by_tab = asked(&shop, Ask::to("remove_card"), async {
            browser
                .sees("#title", "Take the card out of the terminal.")
                .await;
            browser.tab_to("[data-answer=done]").await;
            browser.press(ENTER).await;
        })
        .await;
        assert_eq!(by_tab.answer, Answered::Done);
    })
    .await;
}

#[tokio::test]
async fn the_time_that_is_left_counts_down() {
    browsing(PHONE, async |browser| {
        let shop = Shop::new();
        shop.visit(browser).await;
        asked(&shop, card(), async {
            let at_first = "document.getElementById('seconds').innerText.startsWith('5 min')";
            let later = "document.getElementById('seconds').innerText.startsWith('4 min')";
            browser.wait_until(&format!("{at_first} || {later}")).await;
            browser.wait_until(later).await;
            browser.click("[data-answer=done]").await;
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn the_token_leaves_the_address_bar_and_without_it_nothing_is_shown() {
    browsing(PHONE, async |browser| {
        let shop = Shop::new();
        let link = shop.drivers.links().remove(0);
        let (bare, _) = link.split_once('#').unwrap();
        browser.go_to(bare).await;
        browser.sees("#lost-title", "Open the link").await;
        browser.go_to(&format!("{bare}?x#token=0")).await;
        browser.sees("#lost-title", "This link opens nothing").await;
        browser.go_to(&link.replace('#', "?y#")).await;
        browser.sees("#link", "Connected").await;
        assert_eq!(browser.look("location.href").await, json!(bare));
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_over_is_not_shown_as_connected() {
    browsing(PHONE, async |browser| {
        let shop = Shop::new();
        shop.visit(browser).await;
        drop(shop);
        browser.sees("#link", "Not connected").await;
        browser
            .sees("#lost-title", "The suite cannot be reached")
            .await;
    })
    .await;
}

/// The picture of docs/drivers.md, made anew with `UPDATE_SCREENSHOTS=1`, and what a phone asks of it.
#[tokio::test]
async fn it_fits_a_phone_and_has_room_for_a_finger() {
    browsing(PHONE, async |browser| {
        let shop = Shop::new();
        shop.visit(browser).await;
        asked(&shop, card(), async {
            browser.sees("#title", "Insert the card ending in 0002.").await;
            let width = browser.look("document.documentElement.scrollWidth").await;
            assert_eq!(width, 360);
            let small = browser
                .look("[...document.querySelectorAll('main button, main summary')].filter(it => it.checkVisibility() && it.getBoundingClientRect().height < 44).map(it => it.outerHTML)")
                .await;
            assert_eq!(small, json!([]));
            // A picture in which a second passes is never the same twice.
            browser.look("(document.getElementById('left').innerHTML = '4 min 52 s left <span id=seconds hidden></span><span id=bar><i style=\"transform:scaleX(.97)\"></i></span>')").await;
            let png = browser.screenshot().await;
            assert!(png.len() < 200_000, "{} bytes", png.len());
            if std::env::var_os("UPDATE_SCREENSHOTS").is_some_and(|v| v == "1") {
                let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
                std::fs::write(docs.join("operator-page-phone.png"), png).unwrap();
            }
            browser.press("1").await;
        })
        .await;
    })
    .await;
}
