//! Values as text

use super::arena::{cmabi_arena, keep, keep_text};
use super::error::{cmabi_error, cmabi_status, cmabi_string};
use super::types::cmabi_type;
use crate::core_types::AddrType;
use crate::ffi::check;
use crate::ffi::guard;
use crate::memory::host_ptr;
use crate::wave;
use std::ffi::c_void;

/// Reads a value of `type` from `text`, in WAVE, the WebAssembly Value Encoding:
/// `{name: "Ada", tags: [1, 2], note: none}`. The value is written to `value`, which has the size
/// and alignment of the type on the host; its strings and lists go into `arena`. A map is written
/// as the list of its pairs, a fixed-length list as a list.
///
/// `CMABI_STATUS_INVALID` for text that is no value of the type: the message says at which byte.
/// `CMABI_STATUS_UNSUPPORTED` for types that hold handles.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wave_parse(
    r#type: *const cmabi_type,
    text: cmabi_string,
    value: *mut c_void,
    arena: *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, text, arena) = unsafe {
            let ty = cmabi_type::get(r#type, "type")?;
            (ty, check::text(text, "text")?, cmabi_arena::get(arena, "arena")?)
        };
        check::value(&ty, value, "value")?;
        let bytes = wave::parse(&ty, text, &mut |bytes, align| {
            Ok(keep(&arena, bytes, align)?.expose_provenance() as u64)
        })?;
        // SAFETY: the header's rules: `value` has room for a value of the type.
        unsafe { value.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    })
}

/// Writes the value of `type` at `value` as text in WAVE, the WebAssembly Value Encoding. The text
/// lies in `arena`.
///
/// `CMABI_STATUS_INVALID_ARGUMENT` where the bytes are no value of the type, as a string that is not
/// UTF-8. `CMABI_STATUS_UNSUPPORTED` for types that hold handles.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_wave_print(
    r#type: *const cmabi_type,
    value: *const c_void,
    text: *mut cmabi_string,
    arena: *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, arena, out) = unsafe {
            let ty = cmabi_type::get(r#type, "type")?;
            (ty, cmabi_arena::get(arena, "arena")?, check::out_value(text, "text")?)
        };
        check::value(&ty, value, "value")?;
        let size = ty.info().size(AddrType::I64) as usize;
        // SAFETY: the header's rules: a value of the type is there.
        let bytes = unsafe { std::slice::from_raw_parts(value.cast::<u8>(), size) };
        let text = wave::print(&ty, bytes, &|ptr, len, align| {
            if len != 0 && ptr % u64::from(align) != 0 {
                return Err(check::invalid("value", "has a list that is not aligned"));
            }
            // SAFETY: the header's rules: strings and lists in a value point to their contents.
            unsafe { check::slice(host_ptr(ptr).cast_const(), len as usize, "value") }
        })?;
        out.write(keep_text(&arena, &text)?);
        Ok(())
    })
}
