//! What people and machines read of a run: one page, one table for a build, one text for a console.
//!
//! Every text that came from the wire is foreign: it passes [`text::visible`] before anything else is
//! done with it, and each format escapes it again in its own way.

mod badge;
mod causes;
mod chart;
pub mod console;
pub mod ctrf;
mod html;
pub mod junit;
pub mod markdown;
pub mod sentence;
pub mod text;
mod timeline;

pub use badge::badge;
pub use html::html;
pub use timeline::{TimelineEntry, Who};
