//! The suite proves itself on real sockets: the simulator passes its whole plan, and each of its defects is
//! found by the requirement that it breaks.

mod bench;
mod command_line;
mod defects;
mod finished;
mod maker;
mod oracles;
mod whole_plan;
mod workbench;
