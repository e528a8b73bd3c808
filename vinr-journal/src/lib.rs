#![doc = include_str!("../README.md")]

mod compact;
mod core;
mod data_dir;
mod disk;
mod erase;
mod error;
mod frame;
mod fuzz;
mod header;
mod index;
mod journal;
mod key;
mod log;
mod mark;
mod open;
mod pages;
mod policy;
mod seal;
#[cfg(any(test, feature = "sim"))]
pub mod sim;

pub use crate::core::{Place, Settings};
pub use data_dir::{DataDir, DataDirError, make_dir};
pub use disk::{Access, Disk, DiskFile, RealDisk, read_whole};
pub use erase::erase;
pub use error::{CompactError, OpenError, ReadError, StorageFailed};
#[doc(hidden)]
pub use fuzz::{fuzz, fuzz_keys, fuzz_mark};
pub use journal::{Journal, Opened};
pub use key::{Key, KeyError, KeyId, KeyRing};
pub use log::{Log, Space, Stats};
pub use open::{Found, exists, keys_of_file, read};
pub use pages::Pages;
pub use policy::{Facts, Keep, Policy};
