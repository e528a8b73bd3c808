//! Every adapter of this repository, asked line by line before a running simulator; and the protocol that they speak, as
//! `spec/harness.md` writes it and as its JSON Schema has it.

mod adapter;
mod asked;
mod defects;
mod guide;
mod matrix;
mod recovering;
mod schema;
mod shop;
mod skip;
