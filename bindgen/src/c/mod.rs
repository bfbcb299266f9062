//! The printer of C: a header and a source file.

use crate::world::World;
use crate::{File, Options, Result};

pub(crate) fn print(_: &World<'_>, _: &Options, _: &str) -> Result<Vec<File>> {
    Ok(Vec::new())
}
