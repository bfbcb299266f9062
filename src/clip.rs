//! Texts that may be too long for a message.

use std::fmt::{self, Write};

/// Writes a text of which nobody knows how long it is: after so many bytes, ` ...` stands for the rest.
pub(crate) fn clipped(out: &mut dyn Write, most: usize, text: fmt::Arguments<'_>) -> fmt::Result {
    struct Clip<'a> {
        out: &'a mut dyn Write,
        room: usize,
    }

    impl Write for Clip<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let end = (0..=text.len().min(self.room)).rev().find(|end| text.is_char_boundary(*end));
            let fits = &text[..end.unwrap_or(0)];
            self.out.write_str(fits)?;
            if fits.len() == text.len() {
                self.room -= fits.len();
                return Ok(());
            }
            self.room = 0;
            Err(fmt::Error)
        }
    }

    match fmt::write(&mut Clip { out, room: most }, text) {
        Ok(()) => Ok(()),
        Err(fmt::Error) => out.write_str(" ..."),
    }
}

/// The same as a text of its own.
pub(crate) fn clipped_text(most: usize, text: fmt::Arguments<'_>) -> String {
    let mut out = String::new();
    // A string takes all that is written.
    let _ = clipped(&mut out, most, text);
    out
}
