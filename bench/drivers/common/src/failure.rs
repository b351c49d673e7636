//! Why a driver has no result.

use std::fmt::Display;

/// The result of what a driver does.
pub type Result<T> = std::result::Result<T, Failure>;

/// Why there is no result.
#[derive(Debug)]
pub enum Failure {
    /// Something is missing or wrong in the arguments.
    Usage(String),
    /// The client cannot do this.
    Unsupported(String),
    /// It went wrong.
    Failed(String),
}

impl Failure {
    /// What the client was doing, and what it said.
    pub fn of(doing: &str, error: impl Display) -> Failure {
        Failure::Failed(format!("{doing}: {error}"))
    }
}
