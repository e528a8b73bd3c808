//! The terminal session machine, rule by rule: inputs in, effects compared.

mod boot;
mod cancel;
mod card;
mod host;
mod offline;
mod pay;
mod properties;
mod shop;
mod space;
mod storage;
