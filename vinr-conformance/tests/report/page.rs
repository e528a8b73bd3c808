//! `report.html` of real runs, in a real browser: what a reader sees first, at any width, in the dark, and on paper.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_simulator::{Defect, Simulator};

use crate::browser::{Browser, DESKTOP, PHONE, browsing};

/// A4, without its margins, in CSS pixels.
const PAPER: u32 = 688;

/// Some of each kind that is quick; all of it for the pictures.
const ONLY: [&str; 8] = [
    "--only",
    "pay.approved",
    "--only",
    "pay.declined",
    "--only",
    "GRP-5",
    "--only",
    "lat.activation",
];

fn is_updating() -> bool {
    std::env::var_os("UPDATE_SCREENSHOTS").is_some_and(|value| value == "1")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is text")
}

async fn suite(arguments: &[&str], code: i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_vinr-conformance"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the suite was built");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
}

/// The report of a terminal that alters amounts and tells strangers of payments.
async fn of_a_terminal(dir: &Path) -> PathBuf {
    let id = TerminalId::new("term_CT20_0042").expect("lawful");
    let simulator = Simulator::builder(dir)
        .terminal(id, Model::NexgoCt20)
        .defect(Defect::AmountAltered)
        .defect(Defect::BusyLeaksTheOtherPayment)
        .start()
        .await
        .expect("the simulator starts");
    let address = simulator.terminal().address().to_string();
    let out = dir.join("report");
    let mut arguments = vec![
        "terminal",
        &address,
        "--dir",
        text(dir),
        "--out",
        text(&out),
    ];
    arguments.extend(ONLY.iter().filter(|_| !is_updating()));
    suite(&arguments, 1).await;
    out.join("report.html")
}

/// The report of a till that says that everything is paid, and sends nothing.
async fn of_a_till(dir: &Path) -> PathBuf {
    let profile = "[profile]\nschema = 1\nrole = \"client\"\nvendor = \"Corner\"\nproduct = \"Till\"\nversion = \"4.1\"\n\
                   wire = \"vinr-local/1\"\n[features]\nmdns = true\nstatic_hosts = true\np12 = true\nhybrid = true\n\
                   groups = true\nwebhooks = true\ndurable = true\n";
    let liar = r#"
while IFS= read -r line; do
  id=$(printf '%s' "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')
  case "$line" in
    *'"op":"hello"'*) echo "{\"id\":$id,\"ok\":{\"name\":\"sh\",\"version\":\"1\",\"wire\":\"vinr-local/1\",\"ops\":[\"pay\"]}}" ;;
    *'"op":"configure"'*) echo "{\"id\":$id,\"ok\":{\"unresolved\":[]}}" ;;
    *'"op":"pay"'*) echo "{\"id\":$id,\"ok\":{\"id\":\"tpay_1\",\"status\":\"completed\"}}" ;;
    *) echo "{\"id\":$id,\"unsupported\":true}" ;;
  esac
done
"#;
    let (file, out) = (dir.join("till.toml"), dir.join("report"));
    std::fs::write(&file, profile).expect("writable");
    let arguments = [
        "client",
        "--profile",
        text(&file),
        "--out",
        text(&out),
        "--only",
        "pay.completed",
    ];
    suite(&[&arguments[..], &["--", "sh", "-c", liar]].concat(), 1).await;
    out.join("report.html")
}

async fn open(browser: &Browser, report: &Path) {
    browser.devtools("Network.enable", json!({})).await;
    browser.go_to(&format!("file://{}", text(report))).await;
    browser
        .wait_until("document.readyState === 'complete'")
        .await;
}

async fn looks_like(browser: &Browser, width: u32, media: &str, scheme: &str) {
    let metrics =
        json!({ "width": width, "height": 940, "deviceScaleFactor": 1, "mobile": width < 500 });
    browser
        .devtools("Emulation.setDeviceMetricsOverride", metrics)
        .await;
    let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
    let media = json!({ "media": media, "features": features });
    browser.devtools("Emulation.setEmulatedMedia", media).await;
}

/// What no report may be without, whoever was judged.
async fn is_readable(browser: &Browser, report: &Path) {
    open(browser, report).await;
    looks_like(browser, DESKTOP.width, "", "light").await;
    // The verdict is the first thing that is read, above the fold.
    let first = "(it => it && it.getBoundingClientRect().bottom < innerHeight / 2 && it.innerText)(document.querySelector('h1'))";
    let headline = browser.look(first).await;
    assert!(
        headline
            .as_str()
            .is_some_and(|it| it.contains("does not conform")),
        "{headline}"
    );
    let order = "['.verdict', '#glance', '#failed', '#rules'].map(it => document.querySelector(it).getBoundingClientRect().top)";
    let order: Vec<f64> = serde_json::from_value(browser.look(order).await).expect("numbers");
    assert!(order.is_sorted(), "verdict, matrix, failures: {order:?}");

    // Each failure says what it takes.
    let lacking = "[...document.querySelectorAll('#failed article')].filter(card => {
        const names = [...card.querySelector('.evidence').querySelectorAll('dt')].map(it => it.innerText);
        const has = ['Expected', 'Seen', 'Reason', 'Run it again'].every(it => names.includes(it));
        return !(has && card.querySelector('.causes li') && card.querySelector('.story tr')
            && card.querySelector('.command').innerText.includes('--only '));
    }).map(card => card.id)";
    assert_eq!(browser.look(lacking).await, json!([]));
    let evident = browser
        .look("document.querySelectorAll('#failed .story .evident').length")
        .await;
    assert!(evident.as_u64() > Some(0), "the evidence is marked");

    nothing_sticks_out(browser, DESKTOP.width, "on a desk").await;
    looks_like(browser, PHONE.width, "", "light").await;
    nothing_sticks_out(browser, PHONE.width, "on a phone").await;
    is_dark_in_the_dark(browser).await;
    is_whole_on_paper(browser).await;

    assert_eq!(browser.complaints().await, Vec::<String>::new());
    let asked = "performance.getEntriesByType('resource').map(it => it.name)";
    assert_eq!(browser.look(asked).await, json!([]));
}

/// Nobody has to scroll sideways, and nothing is cut off. What the window says of itself is not asked: a phone makes it as
/// wide as whatever sticks out.
async fn nothing_sticks_out(browser: &Browser, width: u32, place: &str) {
    // A long table may be scrolled by itself, but not on paper.
    let may = if place == "on paper" {
        "svg"
    } else {
        "svg, .wide"
    };
    let wide = format!(
        "[...document.querySelectorAll('body *')].filter(it => it.checkVisibility() && !it.closest('{may}')
        && it.getBoundingClientRect().right > {width} + 1).map(it => it.outerHTML.slice(0, 90))"
    );
    assert_eq!(browser.look(&wide).await, json!([]), "{place}");
    let page = browser.look("document.documentElement.scrollWidth").await;
    assert!(page.as_u64() <= Some(width.into()), "{place}: {page}");
}

async fn is_dark_in_the_dark(browser: &Browser) {
    let colours = "['body', '.card', '.evidence', '.tile.bad', '.seen', '.soft', 'a'].map(it => {
        const style = getComputedStyle(document.querySelector('main ' + it) ?? document.body);
        return [it, style.backgroundColor, style.color].join(' '); })";
    let paper = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number).reduce((a, b) => a + b)";
    looks_like(browser, DESKTOP.width, "", "light").await;
    let (light, bright) = (browser.look(colours).await, browser.look(paper).await);
    looks_like(browser, DESKTOP.width, "", "dark").await;
    let (dark, dim) = (browser.look(colours).await, browser.look(paper).await);
    assert!(
        bright.as_u64() > Some(700) && dim.as_u64() < Some(150),
        "{bright} {dim}"
    );
    let pairs = |it: &Value| it.as_array().cloned().unwrap_or_default();
    for (light, dark) in pairs(&light).iter().zip(&pairs(&dark)) {
        assert_ne!(light, dark);
    }
    // Whatever is written can be read: 4.5 to 1, as WCAG asks.
    let faint = browser.look(FAINT).await;
    assert_eq!(faint, json!([]), "in the dark");
    looks_like(browser, DESKTOP.width, "", "light").await;
    assert_eq!(browser.look(FAINT).await, json!([]), "in the light");
}

/// Texts whose contrast with what is behind them is below 4.5.
const FAINT: &str = "(() => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const known = {};
    const rgb = colour => known[colour] ??= (() => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; })();
    const light = it => it.slice(0, 3).map(c => c / 255).map(c => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
    const behind = it => { for (; it; it = it.parentElement) { const c = rgb(getComputedStyle(it).backgroundColor); if (c[3] === 255) return c; } return rgb('white'); };
    const seen = new Set();
    for (const it of document.querySelectorAll('body *')) {
        if (it.closest('svg') || ![...it.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || !it.checkVisibility()) continue;
        const [a, b] = [light(rgb(getComputedStyle(it).color)), light(behind(it))];
        const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (contrast < 4.5) seen.add(it.tagName + '.' + it.className + ' ' + contrast.toFixed(2));
    }
    return [...seen].slice(0, 9);
})()";

/// Every failure stands there in full, nothing is cut off, and no story of the wire fills a shelf.
async fn is_whole_on_paper(browser: &Browser) {
    looks_like(browser, PAPER, "print", "dark").await;
    let white = browser
        .look("getComputedStyle(document.body).backgroundColor")
        .await;
    assert_eq!(white, json!("rgb(255, 255, 255)"), "a printer has no dark");
    nothing_sticks_out(browser, PAPER, "on paper").await;
    let hidden = "[...document.querySelectorAll('#failed .evidence, #failed .evidence dl, #failed .causes, .others li, #facts pre')]
        .filter(it => !(it.checkVisibility({ contentVisibilityAuto: true }) && it.getBoundingClientRect().height > 0))
        .map(it => it.outerHTML.slice(0, 90))";
    assert_eq!(browser.look(hidden).await, json!([]));
    let cut = "[...document.querySelectorAll('main *')].filter(it => !it.closest('svg') && it.checkVisibility()
        && getComputedStyle(it).overflow !== 'visible' && it.scrollWidth > it.clientWidth + 1).map(it => it.outerHTML.slice(0, 90))";
    assert_eq!(browser.look(cut).await, json!([]));
    let stories = "[...document.querySelectorAll('#failed article')]
        .filter(card => [...card.querySelectorAll('.story')].filter(it => it.checkVisibility()).length !== 1).map(card => card.id)";
    assert_eq!(
        browser.look(stories).await,
        json!([]),
        "one story for each rule"
    );
    let pdf = json!({ "preferCSSPageSize": true });
    let pdf = browser.devtools("Page.printToPDF", pdf).await;
    assert!(pdf["data"].as_str().is_some_and(|data| data.len() > 10_000));
}

/// What is around this element, so high at most.
async fn picture(browser: &Browser, selector: &str, height: u32) -> Vec<u8> {
    use base64::Engine as _;
    let place = format!(
        "(it => [it.x + scrollX, it.y + scrollY, it.width, it.height])(document.querySelector({}).getBoundingClientRect())",
        json!(selector)
    );
    let place: [f64; 4] = serde_json::from_value(browser.look(&place).await).expect("four numbers");
    let [x, y, width, full] = place;
    let clip = json!({ "x": (x - 16.0).max(0.0), "y": (y - 8.0).max(0.0), "width": width + 32.0 - 2.0 * (16.0 - x).max(0.0),
        "height": (full + 16.0).min(height.into()), "scale": 1 });
    let how = json!({ "format": "png", "clip": clip, "captureBeyondViewport": true });
    let shot = browser.devtools("Page.captureScreenshot", how).await;
    let data = shot["data"].as_str().expect("Base64");
    base64::engine::general_purpose::STANDARD
        .decode(data)
        .expect("Base64")
}

/// The pictures of docs/certifying.md.
async fn pictures(browser: &Browser) {
    let shots = [
        ("verdict-light", "light", "", "body", 1140),
        ("verdict-dark", "dark", "", "body", 1140),
        ("failure", "light", "", "#card-PAY-8", 1000),
        ("latency", "light", "", "#latency", 700),
        ("matrix", "light", "", "#rules", 800),
        ("print", "light", "print", "body", 980),
    ];
    for (name, scheme, media, selector, height) in shots {
        let width = if media == "print" { PAPER } else { 1000 };
        looks_like(browser, width, media, scheme).await;
        let png = picture(browser, selector, height).await;
        assert!(png.len() < 250_000, "{name}: {} bytes", png.len());
        if is_updating() {
            let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
            std::fs::write(docs.join(format!("report-{name}.png")), png).expect("writable");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_on_a_terminal_is_read_in_the_light_in_the_dark_on_a_phone_and_on_paper() {
    browsing(DESKTOP, async |browser| {
        let folder = tempfile::tempdir().expect("a folder");
        let report = of_a_terminal(folder.path()).await;
        is_readable(browser, &report).await;
        looks_like(browser, DESKTOP.width, "", "light").await;
        let plots = "[...document.querySelectorAll('#latency svg')].map(it => it.getBoundingClientRect().height > 100)";
        assert_eq!(browser.look(plots).await, json!([true, true]));
        // A tile of the matrix leads to what failed.
        browser.click("a.tile[href='#card-PAY-8']").await;
        let there = "Math.abs(document.querySelector('#card-PAY-8').getBoundingClientRect().top) < 40";
        assert_eq!(browser.look(there).await, json!(true));
        pictures(browser).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_on_a_till_is_read_likewise() {
    browsing(DESKTOP, async |browser| {
        let folder = tempfile::tempdir().expect("a folder");
        let report = of_a_till(folder.path()).await;
        is_readable(browser, &report).await;
        let kicker = browser
            .look("document.querySelector('.kicker').innerText")
            .await;
        assert!(
            kicker
                .as_str()
                .is_some_and(|it| it.contains("a till, by its adapter")),
            "{kicker}"
        );
        let reading = browser
            .look("document.querySelector('#reading p').innerText")
            .await;
        assert!(
            reading
                .as_str()
                .is_some_and(|it| it.contains("played the terminals")),
            "{reading}"
        );
    })
    .await;
}
