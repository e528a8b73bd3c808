//! Where a till is judged: terminals, a cloud and a network that do as the scenario wants, and write down what they see.

mod booth;
mod cloud;
mod desk;
mod fault;
mod hello;
mod http;
mod mdns;
mod meet;
mod numbers;
mod serve;
mod tls;

pub(crate) use booth::{Booth, Of};
pub(crate) use cloud::CloudDesk;
pub(crate) use desk::{Customer, Desk};
pub(crate) use fault::{Alteration, Fault, How, Moment};
pub(crate) use mdns::{Ear, OTHERS};
pub(crate) use numbers::Numbers;
