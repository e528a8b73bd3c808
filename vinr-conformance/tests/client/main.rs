//! The suite as a terminal: our SDK keeps its rules, and whatever an adapter does there is a verdict.

mod adapters;
mod command_line;
mod rude;
mod sdk;
