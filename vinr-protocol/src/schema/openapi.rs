//! The endpoints of a terminal and of the sandbox cloud as OpenAPI 3.1.

mod cloud;
mod parts;
mod terminal;

pub(super) use cloud::document as cloud;
pub(super) use terminal::document as terminal;
