//! The suite as a terminal: our SDK keeps its rules, and whatever an adapter does there is a verdict.

mod adapters;
mod command_line;
mod lines;
mod rude;
mod rude_till;
mod screen;
mod sdk;
mod shards;
