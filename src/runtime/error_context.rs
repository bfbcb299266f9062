//! Error contexts: a message for people that travels as a value ("Error Context" built-ins).

/// What the host knows about an error.
pub struct ErrorContext {
    pub(crate) debug_message: Box<str>,
}
