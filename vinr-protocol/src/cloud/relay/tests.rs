//! The relay, rule by rule: inputs in, effects compared; then anything in any order.

mod cancelling;
mod desk;
mod groups;
mod handing_over;
mod keys;
mod looking_up;
mod properties;
mod restarting;
