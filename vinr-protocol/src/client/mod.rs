//! The till.
