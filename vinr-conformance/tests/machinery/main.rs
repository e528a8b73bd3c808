//! What is round about a verdict, on the binary as builds call it: shards, signals, power cuts, secrets, signatures, exit codes, the files for
//! CI, and terminals that are rude.

mod ci;
mod exits;
mod killed;
mod papers;
mod rude;
mod secrets;
mod shards;
mod stopped;
mod tools;
