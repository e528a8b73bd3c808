//! The terminal session machine, rule by rule: inputs in, effects compared.

mod archive;
mod boot;
mod cancel;
mod card;
mod host;
mod offline;
mod pay;
mod properties;
mod retention;
mod revocation;
mod shop;
mod space;
mod storage;
mod twin;
