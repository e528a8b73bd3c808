//! Every JSON example of the documents is what the schemas say.
//!
//! The convention: whatever begins with `{"` in a `.md` file, fenced or not, is an example. `…` at the end of a
//! word and `$NAME` stand for more of a lawful value. What is not JSON even so is shorthand, and what no schema
//! is about is another's; both are listed here, so that no example slips away.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::validator;

struct Example {
    file: String,
    text: String,
    value: Option<Value>,
}

fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the repository can be read") {
            let path = entry.expect("the repository can be read").path();
            let name = path
                .file_name()
                .and_then(|it| it.to_str())
                .unwrap_or_default();
            let is_ours = !name.starts_with('.') && !["target", "node_modules"].contains(&name);
            if path.is_dir() && is_ours {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn examples() -> Vec<Example> {
    documents()
        .iter()
        .flat_map(|path| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
            let file = path.strip_prefix(&root).expect("below the root");
            let text = fs::read_to_string(path).expect("a document is text");
            in_text(&file.to_string_lossy(), &filled_in(&text))
        })
        .collect()
}

/// `01JD…` is some longer word, and `$TERMINAL` some lawful name.
fn filled_in(text: &str) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '…' if filled.ends_with(|it: char| it.is_ascii_alphanumeric() || it == '_') => {
                filled.push('0');
            }
            '$' if rest.peek().is_some_and(char::is_ascii_uppercase) => {
                while rest
                    .next_if(|it| it.is_ascii_uppercase() || *it == '_')
                    .is_some()
                {}
                filled.push_str("term_1");
            }
            other => filled.push(other),
        }
    }
    filled
}

fn in_text(file: &str, text: &str) -> Vec<Example> {
    let mut examples = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{\"") {
        rest = &rest[start..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let value = values.next().and_then(Result::ok);
        let end = match &value {
            Some(_) => values.byte_offset(),
            None => rest.find(['`', '\n']).unwrap_or(rest.len()),
        };
        examples.push(Example {
            file: file.to_owned(),
            text: rest[..end].to_owned(),
            value,
        });
        rest = &rest[end..];
    }
    examples
}

/// The schema that an example is about, by the members that name it.
fn schema_of(example: &Value) -> Option<&'static str> {
    let has = |name: &str| example.get(name).is_some();
    let word = |name: &str| {
        example
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    match word("object") {
        "terminal_payment" => return Some("payment.json"),
        "list" if has("undelivered") => return Some("cloud-payment-list.json"),
        "list" => return Some("payment-list.json"),
        "cancellation" => return Some("cancellation.json"),
        "reader" if has("id") => return Some("reader.json"),
        "webhook_endpoint" => return Some("webhook-endpoint.json"),
        _ => {}
    }
    let is_cloud = has("wait") || has("terminalGroup");
    match () {
        // A line to an adapter.
        () if has("op") => None,
        () if word("type").starts_with("terminal_payment.") => Some("webhook-event.json"),
        () if has("question") => Some("question.json"),
        () if has("answer") => Some("answer.json"),
        () if has("error") && !has("id") => Some("error.json"),
        () if has("amount") && is_cloud => Some("cloud-pay-request.json"),
        () if has("amount") && has("terminalId") => Some("pay-request.json"),
        () if has("terminalId") && has("reference") => Some("cancel-request.json"),
        // Where a control port listens stands in a file of its own.
        () if has("url") && !has("token") => Some("webhook-endpoint-request.json"),
        () => None,
    }
}

/// The bodies that the simulator's control port takes: its document is its own.
struct ControlPort(Vec<jsonschema::Validator>);

impl ControlPort {
    fn read() -> Self {
        let document = include_str!("../../../vinr-simulator/openapi/control.json");
        let document: Value = serde_json::from_str(document).expect("a document is JSON");
        let paths = document["paths"].as_object().expect("it has paths");
        let bodies = paths
            .values()
            .filter_map(|path| path.pointer("/post/requestBody/content/application~1json/schema"));
        let validators = bodies.map(|it| jsonschema::validator_for(it).expect("a schema"));
        Self(validators.collect())
    }

    fn takes(&self, body: &Value) -> bool {
        self.0.iter().any(|validator| validator.is_valid(body))
    }
}

/// The lines between the suite and an adapter: their schema is the suite's.
fn adapter_lines() -> jsonschema::Validator {
    let schema = include_str!("../../../vinr-conformance/schemas/adapter.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("a schema is JSON");
    jsonschema::draft202012::new(&schema).expect("a document is a schema")
}

#[test]
fn every_example_is_what_its_schema_says() {
    let mut checked = Vec::new();
    for example in examples() {
        let Some(value) = &example.value else {
            continue;
        };
        let Some(schema) = schema_of(value) else {
            continue;
        };
        let (file, text) = (&example.file, &example.text);
        let validator = validator(schema);
        let errors: Vec<String> = validator
            .iter_errors(value)
            .map(|it| it.to_string())
            .collect();
        assert!(
            errors.is_empty(),
            "{file}: {text}\nis not {schema}: {errors:?}"
        );
        checked.push(schema);
    }
    for schema in [
        "payment.json",
        "pay-request.json",
        "cancel-request.json",
        "question.json",
        "answer.json",
    ] {
        assert!(
            checked.contains(&schema),
            "no example of {schema} was found"
        );
    }
}

fn begins(example: &Example) -> String {
    let text: String = example.text.chars().take(30).collect();
    format!("{}: {text}", example.file)
}

#[test]
fn shorthand_is_listed() {
    let shorthand: Vec<String> = examples()
        .iter()
        .filter(|it| it.value.is_none())
        .map(begins)
        .collect();
    assert_eq!(
        shorthand, SHORTHAND,
        "an example that is not JSON: correct it, or list it below"
    );
}

#[test]
fn what_no_schema_is_about_is_listed() {
    let control = ControlPort::read();
    let adapter = adapter_lines();
    let others: Vec<String> = examples()
        .iter()
        .filter(|it| {
            it.value.as_ref().is_some_and(|value| {
                let is_known = control.takes(value) || adapter.is_valid(value);
                schema_of(value).is_none() && !is_known
            })
        })
        .map(begins)
        .collect();
    assert_eq!(
        others, OTHERS,
        "an example of which no schema is known: name its schema, or list it below"
    );
}

/// Names without values, and the dictionaries of other languages: for people.
const SHORTHAND: &[&str] = &[
    r#"docs/clients.md: {"firstByte":%{time_starttrans"#,
    r#"docs/clients.md: {"Content-Type": "application/"#,
    r#"docs/clients.md: {"status": answer.status, **js"#,
    r#"docs/clients.md: {"terminalId": TERMINAL, "refe"#,
    r#"docs/clients.md: {"Idempotency-Key": KEY},"#,
    r#"docs/drivers.md: {"question":"present_card","id"#,
    r#"spec/harness.md: {"id":1,"ok":{"name":"acme-pos"#,
    r#"spec/harness.md: {"id":…,"error":{"class":C,"me"#,
    r#"spec/harness.md: {"id":…,"unsupported":true}"#,
    r#"spec/harness.md: {"result", "terminalId"?}"#,
    r#"spec/local-api.md: {"queuedAt":…,"sequence":7}"#,
    r#"spec/local-api.md: {"object":"list","data":[Payme"#,
    r#"spec/local-api.md: {"terminalId","reference","att"#,
    r#"spec/local-api.md: {"object":"cancellation","refe"#,
    r#"spec/local-api.md: {"object":"reader","id","model"#,
    r#"spec/local-api.md: {"error":{"type","code","messa"#,
    r#"spec/local-api.md: {"id":"evt_0","type","created""#,
    r#"vinr-simulator/README.md: {"tapAfterMs": 300 \| null, "c"#,
    r#"vinr-simulator/README.md: {"event":"screen","terminal",""#,
];

/// Arguments of questions, parts of an adapter's lines, those of a control port's stream, and an answer of which only the carrying matters.
const OTHERS: &[&str] = &[
    r#"docs/certify-a-till-with-a-screen.md: {"result": "declined", "termin"#,
    r#"docs/simulator.md: {"loseAnswers":1}"#,
    r#"docs/simulator.md: {"delayMs":20000}"#,
    r#"docs/simulator.md: {"decline":"insufficient_funds"#,
    r#"docs/simulator.md: {"delayMs":60000}"#,
    r#"spec/harness.md: {"url":"http://127.0.0.1:PORT""#,
    r#"spec/harness.md: {"terminals":[]}"#,
    r#"spec/harness.md: {"event":"screen","terminal":""#,
    r#"spec/harness.md: {"event":"missed"}"#,
    r#"vinr-transport/README.md: {"object":"reader"}"#,
];
