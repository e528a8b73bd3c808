//! What the cloud refuses, and that it says so by the book.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;
use vinr_simulator::Cloud;

use crate::shop::{A, Shop, sale};

fn with(header: Option<(&str, &str)>) -> Request<Full<Bytes>> {
    let mut request = Request::get("/v1/terminal/payments?reference=a");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    request.body(Full::default()).unwrap()
}

#[tokio::test]
async fn only_the_key_opens_the_api() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let key = api.key.clone();
    let bearer = format!("Bearer {key}");
    for header in [("authorization", bearer.as_str()), ("x-api-key", &key)] {
        assert_eq!(api.send(with(Some(header))).await.status, 200);
    }
    let wrong = format!("{bearer}0");
    for header in [
        None,
        Some(("authorization", wrong.as_str())),
        Some(("x-api-key", "sk_test_no")),
    ] {
        let said = api.send(with(header)).await;
        assert_eq!(said.code(), (401, "invalid_api_key"), "{header:?}");
        assert_eq!(said.body["error"]["type"], "authentication_error");
        assert_eq!(said.headers["www-authenticate"], "Bearer");
        assert_eq!(
            said.headers["x-vinr-request-id"],
            said.body["error"]["request_id"].as_str().unwrap()
        );
    }
}

#[tokio::test]
async fn a_request_is_read_as_strictly_as_a_terminal_reads() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let path = "/v1/terminal/payments";
    let mut misspelt = sale(A, "order_1");
    misspelt["capturemethod"] = "manual".into();
    assert_eq!(
        api.post(path, &misspelt).await.code(),
        (400, "invalid_field")
    );
    let mut both = sale(A, "order_1");
    both["terminalGroup"] = json!([A]);
    assert_eq!(api.post(path, &both).await.code(), (400, "invalid_field"));
    let mut long = sale(A, "order_1");
    long["description"] = "x".repeat(5000).into();
    let mut other = shop.api().await;
    assert_eq!(
        other.post(path, &long).await.code(),
        (413, "body_too_large")
    );
    let bare = api.ask(Method::POST, path, None, None).await;
    assert_eq!(bare.code(), (415, "unsupported_media_type"));
    let put = api.ask(Method::PUT, path, None, None).await;
    assert_eq!(put.code(), (405, "method_not_allowed"));
    assert_eq!(put.headers["allow"], "GET, POST");
    assert_eq!(api.get("/v1/nothing").await.code(), (404, "not_found"));
    assert_eq!(
        api.get("/v1/terminal/payments/tpay_x").await.code(),
        (404, "not_found")
    );
    assert_eq!(
        api.get("/v1/terminal/payments").await.code(),
        (400, "missing_field")
    );
    assert_eq!(api.cancel("tpay_x").await.code(), (404, "not_found"));
}

// [NET-6]
#[tokio::test]
async fn a_browser_is_refused() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let said = api
        .send(with(Some(("origin", "https://evil.example"))))
        .await;
    assert_eq!(said.code(), (403, "browser_not_allowed"));
}

#[tokio::test]
async fn a_terminal_that_nobody_provisioned_is_unavailable() {
    let mut options = crate::shop::on_any_port();
    options.hand_over_within = crate::shop::SOON;
    let shop = Shop::with(options).await;
    let order = crate::shop::waited(sale("term_nobody", "order_1"));
    let said = shop.api().await.pay(&order, "k1").await;
    assert_eq!(said.code(), (503, "terminal_unavailable"));
}

#[tokio::test]
async fn a_refusal_of_the_terminal_is_relayed() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    api.pay(&sale(A, "order_1"), "k1").await;
    shop.sees(A, "amount").await;
    let said = api
        .pay(&crate::shop::waited(sale(A, "order_2")), "k2")
        .await;
    assert_eq!(said.code(), (409, "terminal_busy"));
    assert_eq!(said.headers["retry-after"], "2");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_or_left_for_a_free_one() {
    let (_dir, pki) = crate::shop::provisioned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = crate::shop::on_any_port();
    options.listen = taken.local_addr().unwrap();
    let error = Cloud::start(&pki, options.clone())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("the port is in use by another program"),
        "{error}"
    );
    options.or_a_free_port = true;
    let cloud = Cloud::start(&pki, options.clone()).await.unwrap();
    assert_ne!(cloud.address(), options.listen);
}
