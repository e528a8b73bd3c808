//! Reading a request strictly: one object, each name once, numbers as they were written.

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error_body::{Code, Refusal};

/// How deep JSON may nest. \[NET-5\]
const MAX_DEPTH: usize = 16;

/// The members of a JSON object, each still as it was written; `null` members are absent.
pub(crate) struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    /// Reads a body: UTF-8 without a BOM, at most 16 deep, one object, no name twice.
    pub(crate) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| invalid("the body is not UTF-8"))?;
        if is_too_deep(body) {
            return Err(invalid("the body nests deeper than 16"));
        }
        serde_json::from_str(text).map_err(|error| {
            // serde_json's own words may repeat foreign text; its position does not.
            invalid(format!(
                "the body is not one JSON object with each name once (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    /// Takes a member as it was written.
    pub(crate) fn take_raw(&mut self, name: &str) -> Option<&'a str> {
        self.0.remove(name).map(RawValue::get)
    }

    /// Takes a member of a type; `Err` where it is of another.
    pub(crate) fn take<T: Deserialize<'a>>(
        &mut self,
        name: &'static str,
        code: Code,
        expected: &'static str,
    ) -> Result<Option<T>, Refusal> {
        self.take_raw(name)
            .map(|raw| {
                serde_json::from_str(raw)
                    .map_err(|_| Refusal::of_field(code, name, format!("{name} is {expected}")))
            })
            .transpose()
    }

    /// A text member that must be there.
    pub(crate) fn require_text(
        &mut self,
        name: &'static str,
        code: Code,
    ) -> Result<String, Refusal> {
        self.take(name, code, "a string")?
            .ok_or_else(|| missing(name))
    }

    /// Refuses what nobody took: a misspelt `captureMethod` must not capture. \[PAY-20\]
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        match self.0.into_keys().next() {
            None => Ok(()),
            Some(name) => {
                let param = if name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric()) {
                    name
                } else {
                    "(unprintable)".to_owned()
                };
                let message = "this request has no such field";
                Err(Refusal::of_field(Code::InvalidField, param, message))
            }
        }
    }
}

pub(crate) fn missing(name: &'static str) -> Refusal {
    Refusal::of_field(Code::MissingField, name, format!("{name} is required"))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidJson, message)
}

/// Counts brackets outside strings; the parser proper then finds whatever else is wrong.
fn is_too_deep(body: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for &byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = BTreeMap<String, &'de RawValue>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("one JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    has_lawful_strings(value.get()).map_err(M::Error::custom)?;
                    if members.insert(name, value).is_some() {
                        return Err(M::Error::custom("a name twice"));
                    }
                }
                // Not before the end: a name that was `null` must not come again either.
                members.retain(|_, value| value.get() != "null");
                Ok(members)
            }
        }
        deserializer.deserialize_map(Reader).map(Members)
    }
}

/// `RawValue` skips over strings without decoding them: decode once, so that a lone surrogate or a name
/// twice inside a member is as unlawful as at the top. Numbers stay as they were written.
fn has_lawful_strings(raw: &str) -> Result<(), serde_json::Error> {
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(raw).map(drop),
        Some(b'{') => serde_json::from_str::<Members<'_>>(raw).map(drop),
        Some(b'[') => {
            for item in serde_json::from_str::<Vec<&RawValue>>(raw)? {
                has_lawful_strings(item.get())?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
