#![doc = include_str!("../README.md")]

#[cfg(unix)]
pub mod awake;
pub mod by_hand;
pub mod cores;
pub mod counter;
pub mod disk;
pub mod floor;
pub mod plain;
pub mod ratio;
pub mod relay;
pub mod shop;
#[cfg(target_os = "linux")]
pub mod wifi;

/// The bytes of a `POST /v1/pay` as our client sends it, and of the head that answers it: what the floor
/// moves in each direction.
pub const REQUEST_BYTES: usize = 330;

/// See [`REQUEST_BYTES`].
pub const HEAD_BYTES: usize = 210;
