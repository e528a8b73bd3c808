//! The integrator's day: what support is sent, what the log says, programs without `async`, JSON.

mod blocking;
mod futures;
mod json;
mod packet;
mod retrieving;
mod spans;
