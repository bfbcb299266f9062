//! Buffers: where elements of a stream or future are read from or written to ("Buffer State").

use super::context::{Crossing, Side};
use super::{Cx, InstanceId};
use crate::copy::{Format, Plan};
use crate::error::{PathSegment, Trap, Trapped};
use crate::types::Type;

/// A part of an instance's memory with room for `length` elements: `GuestBuffer` of the reference.
#[derive(Clone)]
pub(crate) struct Buffer {
    pub(crate) side: Side,
    pub(crate) format: Format,
    ptr: u64,
    length: u32,
    /// How many elements were copied.
    pub(crate) progress: u32,
}

impl Buffer {
    /// `Buffer.MAX_LENGTH` of the reference.
    pub(crate) const MAX_LENGTH: u64 = (1 << 28) - 1;

    /// A buffer of elements of type `element`; its place in memory is checked.
    pub(crate) fn new(
        cx: &mut Cx<'_>,
        element: Option<&Type>,
        side: Side,
        format: Format,
        ptr: u64,
        length: u64,
    ) -> Result<Self, Trapped> {
        if length > Self::MAX_LENGTH {
            return Err(Trap::BufferTooLong { length }.into());
        }
        if let Some(element) = element.filter(|_| length > 0) {
            let info = element.info();
            let bytes = length * u64::from(info.size(format.addr));
            Crossing::view(cx, &side.memory).range(ptr, bytes, info.align(format.addr))?;
        }
        Ok(Buffer { side, format, ptr, length: length as u32, progress: 0 })
    }

    pub(crate) fn remain(&self) -> u32 {
        self.length - self.progress
    }

    pub(crate) fn inst(&self) -> InstanceId {
        self.side.inst
    }

    /// Where the next element is.
    pub(crate) fn next_ptr(&self, element: &Type) -> u64 {
        self.ptr + u64::from(self.progress) * u64::from(element.info().size(self.format.addr))
    }
}

/// Copies `count` elements from where `src` is to where `dst` is: `read` of the one and `write` of the
/// other in the reference.
pub(crate) fn copy(
    cx: &mut Cx<'_>,
    plan: &Plan,
    src: &Buffer,
    dst: &Buffer,
    count: u32,
) -> Result<(), Trapped> {
    let (from, to) = (src.next_ptr(plan.ty()), dst.next_ptr(plan.ty()));
    let (src, dst) = (src.side.as_ref(), dst.side.as_ref());
    let mut crossing = Crossing::new(cx, &src, &dst, None);
    plan.copy_elements(&mut crossing, from, to, count.into()).map_err(|trap| {
        // A lone element is not named by its index.
        if count == 1 { trap.at(PathSegment::Element(0)) } else { trap }
    })
}
