//! Values in memories of the host's own

use crate::copy::{Source, StringEncoding, Target};
use crate::core_types::AddrType;
use crate::engine::RawVal;
use crate::error::{PathSegment, Result, Trapped};
use crate::ffi::check::c_bool;
use crate::ffi::cmabi::arena::cmabi_arena;
use crate::ffi::cmabi::error::{cmabi_error, cmabi_status};
use crate::ffi::cmabi::types::{cmabi_func_type, cmabi_type};
use crate::ffi::sides::{Guest, Side, Sides};
use crate::ffi::{check, guard};
use crate::types::Type;
use crate::types::layout::MAX_FLAT_PARAMS;
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;

/// How the strings in a memory are encoded.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_string_encoding {
    /// `utf8`: UTF-8, lengths in bytes.
    Utf8,
    /// `utf16`: little-endian UTF-16, lengths in code units.
    Utf16,
    /// `latin1+utf16`: Latin-1, or UTF-16 where the highest bit of the length is set.
    Latin1Utf16,
}

// SAFETY: `#[repr(u32)]`, and the values go from 0 without a gap.
unsafe impl check::Enumeration for cmabi_string_encoding {
    const COUNT: u32 = cmabi_string_encoding::Latin1Utf16 as u32 + 1;
}

impl From<cmabi_string_encoding> for StringEncoding {
    fn from(encoding: cmabi_string_encoding) -> Self {
        match encoding {
            cmabi_string_encoding::Utf8 => StringEncoding::Utf8,
            cmabi_string_encoding::Utf16 => StringEncoding::Utf16,
            cmabi_string_encoding::Latin1Utf16 => StringEncoding::Latin1Utf16,
        }
    }
}

/// A guest's memory as the host has it, and how values lie in it: the canonical options that
/// lifting and lowering depend on. For hosts that run core wasm on their own.
///
/// `CMABI_LIFT_LOWER_OPTIONS_INIT` fills in `size` and zeroes the rest: UTF-8, 4-byte pointers, no
/// memory, no `realloc`.
/// @since 0.1
#[repr(C)]
#[derive(Clone, Copy)]
pub struct cmabi_lift_lower_options {
    /// The size of this struct.
    pub size: usize,
    /// How strings are encoded.
    pub string_encoding: MaybeUninit<cmabi_string_encoding>,
    /// Whether pointers are 8 bytes wide.
    pub memory64: c_bool,
    /// The memory, at an address that is a multiple of 8. NULL where `memory_data` says where it
    /// is, or where there is none.
    pub memory: *mut u8,
    /// The bytes of `memory`.
    pub memory_len: usize,
    /// What the functions below get first.
    pub data: *mut c_void,
    /// Says where the memory is now, for a memory that may move or grow; it never becomes shorter
    /// during a call of the library's. Asked at first and after each `realloc`. NULL where `memory`
    /// says it.
    pub memory_data:
        Option<unsafe extern "C" fn(data: *mut c_void, memory: *mut *mut u8, len: *mut usize)>,
    /// The guest's `realloc`: writes the new place of what is `old_size` bytes at `old` to `*ptr`,
    /// or answers false where it fails. Needed where strings or lists are stored, or where
    /// parameters or results are spilled to new memory; else NULL.
    pub realloc: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            old: u64,
            old_size: u64,
            align: u32,
            new_size: u64,
            ptr: *mut u64,
        ) -> bool,
    >,
}

// SAFETY: `#[repr(C)]`, begins with `size: usize`, and any bytes are a value: the enumeration is in
// a `MaybeUninit`, and the header's rules say that pointers are NULL or valid.
unsafe impl check::HostStruct for cmabi_lift_lower_options {
    const INIT: Self = cmabi_lift_lower_options {
        size: size_of::<Self>(),
        string_encoding: MaybeUninit::new(cmabi_string_encoding::Utf8),
        memory64: 0,
        memory: ptr::null_mut(),
        memory_len: 0,
        data: ptr::null_mut(),
        memory_data: None,
        realloc: None,
    };
    const LEAST: usize = size_of::<Self>();
}

/// The address of a host value of the type.
fn host_value(ty: &Type, value: *const c_void, argument: &str) -> Result<u64> {
    check::value(ty, value, argument)?;
    Ok(value.expose_provenance() as u64)
}

/// Where the core values are that were passed for a value, or where it is in memory.
///
/// # Safety
/// The header's rules for `flat` and `flat_len`.
unsafe fn flat_source<'a>(
    ty: &Type,
    from: &Guest,
    max_flat: u32,
    flat: *const u64,
    flat_len: usize,
) -> Result<Source<'a>> {
    // SAFETY: the caller's promise.
    let flat: &[RawVal] = unsafe { check::slice(flat, flat_len, "flat") }?;
    if !is_spilled(ty, max_flat)? {
        need_flat(flat_len, ty.info().flat_count() as usize)?;
        return Ok(Source::Flat(flat));
    }
    need_flat(flat_len, 1)?;
    Ok(Source::Memory(match from.format.addr {
        AddrType::I32 => (flat[0] as u32).into(),
        AddrType::I64 => flat[0],
    }))
}

/// What to pass for `max_flat` where nothing is spilled.
const NEVER: u32 = u32::MAX;

/// Whether a value of the type is in memory where it may be `max_flat` core values.
fn is_spilled(ty: &Type, max_flat: u32) -> Result<bool> {
    let count = ty.info().flat_count();
    if count <= max_flat && count as usize > MAX_FLAT_PARAMS {
        let what = format!("has {count} core values, more than {MAX_FLAT_PARAMS}");
        return Err(check::invalid("type", what));
    }
    Ok(count > max_flat)
}

/// Checks that there are, or is room for, as many core values as a value needs.
fn need_flat(flat_len: usize, needed: usize) -> Result<()> {
    if flat_len < needed {
        return Err(check::invalid("flat_len", format!("is {flat_len}, not {needed}")));
    }
    Ok(())
}

/// Whether values of the type have parts elsewhere: strings and lists.
fn has_pointers(ty: &Type) -> bool {
    !ty.info().same_layout()
}

/// Loads the value of `type` at `ptr` in a guest's memory into `value`, which has the size and
/// alignment of the type on the host. Strings and lists go into `arena`. `load` in the
/// specification.
///
/// `CMABI_STATUS_TRAP` where the specification traps: the message says why, and where in the
/// value. `value` is unspecified then. `CMABI_STATUS_UNSUPPORTED` for types that hold handles.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_value_load(
    r#type: *const cmabi_type,
    from: *const cmabi_lift_lower_options,
    ptr: u64,
    value: *mut c_void,
    arena: *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, from, arena) = unsafe {
            let ty = cmabi_type::get(r#type, "type")?;
            (ty, Guest::get(from, "from")?, cmabi_arena::get(arena, "arena")?)
        };
        let value = host_value(&ty, value, "value")?;
        let mut sides = Sides { src: Side::Guest(&from), dst: Side::Arena(&arena) };
        sides.copy(&ty, |trap| trap, Source::Memory(ptr), Target::Memory(value))
    })
}

/// Stores the host's `value` of `type` at `ptr` in a guest's memory. `store` in the specification.
///
/// `CMABI_STATUS_TRAP` where the specification traps, also for a value of the host's that is none,
/// as a string that is not UTF-8; what the guest's memory holds is unspecified then.
/// `CMABI_STATUS_HOST` where `realloc` fails. `CMABI_STATUS_UNSUPPORTED` for types that hold handles.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_value_store(
    r#type: *const cmabi_type,
    value: *const c_void,
    to: *const cmabi_lift_lower_options,
    ptr: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, to) = unsafe { (cmabi_type::get(r#type, "type")?, Guest::get(to, "to")?) };
        let value = host_value(&ty, value, "value")?;
        to.need_realloc(has_pointers(&ty))?;
        let mut sides = Sides { src: Side::Host, dst: Side::Guest(&to) };
        sides.copy(&ty, |trap| trap, Source::Memory(value), Target::Memory(ptr))
    })
}

/// Copies the value of `type` at `src_ptr` in one guest's memory to `dst_ptr` in another's,
/// directly. Strings are transcoded, pointers become as wide as they are there.
///
/// Fails like `cmabi_value_load` and `cmabi_value_store`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_value_copy(
    r#type: *const cmabi_type,
    from: *const cmabi_lift_lower_options,
    src_ptr: u64,
    to: *const cmabi_lift_lower_options,
    dst_ptr: u64,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, from, to) = unsafe {
            (cmabi_type::get(r#type, "type")?, Guest::get(from, "from")?, Guest::get(to, "to")?)
        };
        to.need_realloc(has_pointers(&ty))?;
        let mut sides = Sides { src: Side::Guest(&from), dst: Side::Guest(&to) };
        sides.copy(&ty, |trap| trap, Source::Memory(src_ptr), Target::Memory(dst_ptr))
    })
}

/// Lifts a value of `type` from its core values into `value`, which has the size and alignment of
/// the type on the host. Strings and lists go into `arena`. `lift_flat` in the specification.
///
/// A core value is its bits: an `i32` or `f32` is the low half of the word. `flat_len` is at least
/// the type's number of core values, which is not above 16. Fails like `cmabi_value_load`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_value_lift_flat(
    r#type: *const cmabi_type,
    from: *const cmabi_lift_lower_options,
    flat: *const u64,
    flat_len: usize,
    value: *mut c_void,
    arena: *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, from, arena) = unsafe {
            let ty = cmabi_type::get(r#type, "type")?;
            (ty, Guest::get(from, "from")?, cmabi_arena::get(arena, "arena")?)
        };
        let value = host_value(&ty, value, "value")?;
        // SAFETY: the header's rules.
        let source = unsafe { flat_source(&ty, &from, NEVER, flat, flat_len) }?;
        let mut sides = Sides { src: Side::Guest(&from), dst: Side::Arena(&arena) };
        sides.copy(&ty, |trap| trap, source, Target::Memory(value))
    })
}

/// Lowers the host's `value` of `type` to core values. `lower_flat` in the specification.
///
/// `flat` has room for `flat_len` words: at least the type's number of core values, which is not
/// above 16. Fails like `cmabi_value_store`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_value_lower_flat(
    r#type: *const cmabi_type,
    value: *const c_void,
    to: *const cmabi_lift_lower_options,
    flat: *mut u64,
    flat_len: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, to) = unsafe { (cmabi_type::get(r#type, "type")?, Guest::get(to, "to")?) };
        let lower = Lower { max_flat: NEVER, out_param: None, flat, flat_len };
        // SAFETY: the header's rules.
        unsafe { lower.run(&ty, value, "value", &to, |trap| trap) }
    })
}

/// The core values that a lowered value goes to.
struct Lower {
    max_flat: u32,
    out_param: Option<u64>,
    flat: *mut u64,
    flat_len: usize,
}

impl Lower {
    /// # Safety
    /// The header's rules for `value`, `flat` and `flat_len`.
    unsafe fn run(
        self,
        ty: &Type,
        value: *const c_void,
        argument: &str,
        to: &Guest,
        locate: impl FnOnce(Trapped) -> Trapped,
    ) -> Result<()> {
        let value = host_value(ty, value, argument)?;
        let mut words = [0; MAX_FLAT_PARAMS];
        let (target, used) = match (is_spilled(ty, self.max_flat)?, self.out_param) {
            (false, _) => (Target::Flat(&mut words), ty.info().flat_count() as usize),
            (true, Some(ptr)) => (Target::Memory(ptr), 0),
            (true, None) => (Target::Allocate(&mut words[0]), 1),
        };
        need_flat(self.flat_len, used)?;
        if used != 0 && self.flat.is_null() {
            return Err(check::invalid("flat", "is NULL"));
        }
        to.need_realloc(has_pointers(ty) || matches!(target, Target::Allocate(_)))?;
        let mut sides = Sides { src: Side::Host, dst: Side::Guest(to) };
        sides.copy(ty, locate, Source::Memory(value), target)?;
        // SAFETY: the caller's promise: there is room for `flat_len` words, which are enough.
        unsafe { self.flat.copy_from_nonoverlapping(words.as_ptr(), used) };
        Ok(())
    }
}

/// Lifts the parameters of a function of type `type` from the core values that a guest passed, or
/// from memory if there are more than `max_flat` of them: 16, or 4 for the `async` option of `canon
/// lower`. `args` has the size and alignment of the record of the parameters on the host; without
/// parameters nothing happens. `lift_flat_values` in the specification.
///
/// Spilled parameters are one core value, their pointer. Fails like `cmabi_value_load`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_value_lift_flat_params(
    r#type: *const cmabi_func_type,
    from: *const cmabi_lift_lower_options,
    max_flat: u32,
    flat: *const u64,
    flat_len: usize,
    args: *mut c_void,
    arena: *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, from, arena) = unsafe {
            let ty = cmabi_func_type::get(r#type, "type")?;
            (ty, Guest::get(from, "from")?, cmabi_arena::get(arena, "arena")?)
        };
        let Some(ty) = ty.params_type() else { return Ok(()) };
        let args = host_value(ty, args, "args")?;
        // SAFETY: the header's rules.
        let source = unsafe { flat_source(ty, &from, max_flat, flat, flat_len) }?;
        let mut sides = Sides { src: Side::Guest(&from), dst: Side::Arena(&arena) };
        sides.copy(ty, Trapped::of_params, source, Target::Memory(args))
    })
}

/// Lowers the parameters of a function of type `type` to core values, or to new memory whose
/// pointer is the one core value if there are more than `max_flat` of them: 16. `args` is the
/// record of the parameters on the host; without parameters nothing happens. `lower_flat_values` in
/// the specification.
///
/// `flat` has room for `flat_len` words, at least as many as there are core values. Fails like
/// `cmabi_value_store`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_value_lower_flat_params(
    r#type: *const cmabi_func_type,
    args: *const c_void,
    to: *const cmabi_lift_lower_options,
    max_flat: u32,
    flat: *mut u64,
    flat_len: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, to) = unsafe { (cmabi_func_type::get(r#type, "type")?, Guest::get(to, "to")?) };
        let Some(ty) = ty.params_type() else { return Ok(()) };
        let lower = Lower { max_flat, out_param: None, flat, flat_len };
        // SAFETY: the header's rules.
        unsafe { lower.run(ty, args, "args", &to, Trapped::of_params) }
    })
}

/// Lifts the result of a function of type `type` from the core values that a guest returned, or from
/// memory if there are more than `max_flat` of them: 1, or 16 for `task.return`. `results` has the
/// size and alignment of the result's type on the host; without a result nothing happens.
/// `lift_flat_values` in the specification.
///
/// A spilled result is one core value, its pointer. Fails like `cmabi_value_load`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_value_lift_flat_results(
    r#type: *const cmabi_func_type,
    from: *const cmabi_lift_lower_options,
    max_flat: u32,
    flat: *const u64,
    flat_len: usize,
    results: *mut c_void,
    arena: *mut cmabi_arena,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, from, arena) = unsafe {
            let ty = cmabi_func_type::get(r#type, "type")?;
            (ty, Guest::get(from, "from")?, cmabi_arena::get(arena, "arena")?)
        };
        let Some(ty) = ty.result() else { return Ok(()) };
        let results = host_value(ty, results, "results")?;
        // SAFETY: the header's rules.
        let source = unsafe { flat_source(ty, &from, max_flat, flat, flat_len) }?;
        let mut sides = Sides { src: Side::Guest(&from), dst: Side::Arena(&arena) };
        sides.copy(ty, of_result, source, Target::Memory(results))
    })
}

/// Lowers the result of a function of type `type` to core values if there are at most `max_flat` of
/// them: 1, or 0 for the `async` option of `canon lower`. Beyond that it goes to memory: to
/// `*out_param`, the pointer that the guest passed for it, or where `out_param` is NULL to new
/// memory whose pointer is the one core value. `results` points to the result on the host; without
/// a result nothing happens. `lower_flat_values` in the specification.
///
/// `flat` has room for `flat_len` words, at least as many as there are core values. Fails like
/// `cmabi_value_store`.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_value_lower_flat_results(
    r#type: *const cmabi_func_type,
    results: *const c_void,
    to: *const cmabi_lift_lower_options,
    max_flat: u32,
    out_param: *const u64,
    flat: *mut u64,
    flat_len: usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (ty, to, out_param) = unsafe {
            let ty = cmabi_func_type::get(r#type, "type")?;
            (ty, Guest::get(to, "to")?, out_param.as_ref().copied())
        };
        let Some(ty) = ty.result() else { return Ok(()) };
        let lower = Lower { max_flat, out_param, flat, flat_len };
        // SAFETY: the header's rules.
        unsafe { lower.run(ty, results, "results", &to, of_result) }
    })
}

fn of_result(trap: Trapped) -> Trapped {
    trap.at(PathSegment::Result)
}
