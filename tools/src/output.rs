//! What the command prints. Where that cannot be written, it says so as far as it can, and never panics.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// What a shell says of a program that a closed pipe has ended.
const CLOSED_PIPE: u8 = 141;

/// Prints lines to the standard output.
pub struct Output(io::StdoutLock<'static>);

impl Output {
    pub fn new() -> Self {
        Output(io::stdout().lock())
    }

    pub fn line(&mut self, line: impl Display) -> io::Result<()> {
        writeln!(self.0, "{line}")
    }

    /// The exit status of the command: `status`, unless something of its output was lost, as `written` or the
    /// rest of it says.
    pub fn finish(mut self, written: io::Result<()>, status: ExitCode) -> ExitCode {
        match written.and_then(|()| self.0.flush()) {
            Ok(()) => status,
            // Whoever reads it has had enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(CLOSED_PIPE),
            Err(error) => {
                complain(format_args!("the output could not be written: {error}"));
                ExitCode::FAILURE
            }
        }
    }
}

/// Prints an error to the standard error stream, if it can be written.
pub fn complain(message: impl Display) {
    // There is nowhere else to say so.
    let _ = writeln!(io::stderr(), "error: {message}");
}
