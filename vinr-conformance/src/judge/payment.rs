//! A payment as it stood on the wire, lawful or not.
//!
//! The protocol's own type would refuse the very thing that a judge wants to look at.

use serde_json::Value;

/// A JSON object that stood where a payment belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payment<'a>(pub(super) &'a Value);

impl<'a> Payment<'a> {
    /// A field, `null` where it is missing.
    pub(super) fn field(self, name: &str) -> &'a Value {
        const NULL: &Value = &Value::Null;
        self.0.get(name).unwrap_or(NULL)
    }

    /// A field that is text.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.field(name).as_str()
    }

    pub(super) fn id(self) -> &'a str {
        self.text("id").unwrap_or_default()
    }

    pub(super) fn status(self) -> &'a str {
        self.text("status").unwrap_or("without a status")
    }

    pub(super) fn reference(self) -> &'a str {
        self.text("reference").unwrap_or_default()
    }

    /// An unknown status is never final. \[REC-18\]
    pub(super) fn is_final(self) -> bool {
        matches!(self.status(), "completed" | "failed" | "cancelled")
    }
}
