//! Component

use super::arena::{cmabi_arena, keep};
use super::engine::cmabi_engine;
use super::error::{cmabi_error, cmabi_status, cmabi_string};
use super::types::{cmabi_func_type, cmabi_resource_type, cmabi_type};
use crate::component::extern_type::{ExternType, TypeDef};
use crate::component::{self, Component};
use crate::engine::Engine;
use crate::error::Result;
use crate::ffi::check;
use crate::ffi::{guard, guard_or};
use crate::memory::map_file;
use bytes::Bytes;
use std::fs::File;
use std::ptr;
use std::sync::Arc;

/// A component that was validated and compiled, ready to be instantiated any number of times.
///
/// Immutable: it may be used from any thread, by any number of stores of its engine. Instances keep
/// what they need of it: it can be freed at any time.
/// @since 0.1
pub struct cmabi_component {
    pub(in crate::ffi) component: Component,
}

impl cmabi_component {
    /// What C gets to own.
    fn owned(component: Component) -> *mut cmabi_component {
        Box::into_raw(Box::new(cmabi_component { component }))
    }

    fn load(engine: &cmabi_engine, bytes: Bytes) -> Result<Component> {
        // The host's own may free what C knows it by.
        let (engine, limits, cache) =
            (engine.engine.clone(), engine.load.limits(), engine.cache.clone());
        let cache = cache.as_deref();
        Component::load_cached(&engine, bytes, &limits, cache)
    }

    fn load_precompiled(engine: &cmabi_engine, bytes: &[u8]) -> Result<Component> {
        let (engine, limits) = (engine.engine.clone(), engine.load.limits());
        Component::load_precompiled(&engine, bytes, &limits)
    }

    /// Checks that the component can run in the stores of `engine`.
    pub(in crate::ffi) fn made_for(&self, engine: &Arc<dyn Engine>) -> Result<()> {
        if self.component.is_for(engine) {
            return Ok(());
        }
        Err(check::invalid("component", "was loaded for another engine"))
    }
}

/// What sort of thing a component imports or exports.
/// @since 0.1
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum cmabi_extern_kind {
    /// A function: `cmabi_extern_type_func`.
    Func,
    /// An instance, as an interface of WIT: `cmabi_extern_type_export_at`.
    Instance,
    /// A value type: `cmabi_extern_type_type`.
    Type,
    /// A resource type: `cmabi_extern_type_resource`.
    Resource,
    /// A component.
    Component,
    /// A core module.
    Module,
    /// The type of a function, of an instance or of a component, and not such a thing itself.
    Other,
}

/// The type of something that a component imports or exports. Borrowed from the component or
/// instance that it was asked of, and immutable.
/// @since 0.1
pub struct cmabi_extern_type {
    /// What C sees as a `cmabi_extern_type` is an [`ExternType`].
    _type: [u8; 0],
}

impl cmabi_extern_type {
    /// What C gets for the entry at an index: the type, and the name through `name`, which may be
    /// NULL.
    ///
    /// # Safety
    /// `name` is NULL or points to a place for a string.
    pub(in crate::ffi) unsafe fn entry(
        entry: Option<(&str, &ExternType)>,
        name: *mut cmabi_string,
    ) -> *const cmabi_extern_type {
        let Some((text, ty)) = entry else { return ptr::null() };
        if !name.is_null() {
            // SAFETY: the caller's promise.
            unsafe { name.write(text.into()) };
        }
        ptr::from_ref(ty).cast()
    }

    /// The type behind C's pointer.
    ///
    /// # Safety
    /// `ptr` is NULL or a type that C borrows during `'a`.
    unsafe fn get<'a>(ptr: *const cmabi_extern_type) -> Option<&'a ExternType> {
        // SAFETY: the caller's promise; every pointer given out points to an `ExternType`.
        unsafe { ptr.cast::<ExternType>().as_ref() }
    }
}

/// Loads a component from the `bytes_len` bytes of its binary at `bytes`, which are not needed afterwards.
///
/// `CMABI_STATUS_INVALID` for what is not a valid component: the message says what is wrong and at
/// which offset. `CMABI_STATUS_UNSUPPORTED` for a component that needs what the engine or this library
/// does not have. `CMABI_STATUS_LIMIT` for one that would take more than
/// `cmabi_config_set_max_load_bytes` or `cmabi_config_set_max_load_work` allow, or whose types or components
/// nest too deep. Everything is validated by the rules of the component model (Binary.md,
/// Explainer.md); nothing of the component runs. With `cmabi_config_set_cache_dir` it is not compiled, and its
/// code not validated, where that was done before.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_load(
    engine: *const cmabi_engine,
    bytes: *const u8,
    bytes_len: usize,
    component: *mut *mut cmabi_component,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, engine, bytes) = unsafe {
            let out = check::out_handle(component, "component")?;
            (out, check::required(engine, "engine")?, check::slice(bytes, bytes_len, "bytes")?)
        };
        *out = cmabi_component::owned(cmabi_component::load(engine, component::copied(bytes)?)?);
        Ok(())
    })
}

/// Loads a component from a file, like `cmabi_component_load`. `CMABI_STATUS_NOT_FOUND` where the
/// file does not exist, `CMABI_STATUS_INVALID` where it cannot be read.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_load_file(
    engine: *const cmabi_engine,
    path: cmabi_string,
    component: *mut *mut cmabi_component,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, engine, path) = unsafe {
            let out = check::out_handle(component, "component")?;
            (out, check::required(engine, "engine")?, check::path(path, "path")?)
        };
        let bytes = std::fs::read(path).map_err(|error| check::unreadable(path, &error))?;
        let loaded = cmabi_component::load(engine, bytes.into());
        *out = cmabi_component::owned(loaded.map_err(|error| error.context(path.display()))?);
        Ok(())
    })
}

/// The component with the code that its engine has compiled, as bytes in `arena`, for
/// `cmabi_component_load_precompiled`. They are for this version of the library, and for engines that compile in
/// the same way on such a machine: those of the same kind, of the same version, with the same settings. The
/// code is that for the stores that the engine's own config asks for, see `cmabi_config_set_interruptible`
/// and `cmabi_config_set_fuel`.
///
/// An engine that does not give away compiled code, as the built-in one, which has none, has the component
/// compiled again when it is loaded; it is not validated again.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_serialize(
    component: *const cmabi_component,
    arena: *mut cmabi_arena,
    bytes: *mut *const u8,
    bytes_len: *mut usize,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (component, arena, bytes, bytes_len) = unsafe {
            let component = check::required(component, "component")?;
            let arena = cmabi_arena::get(arena, "arena")?;
            let bytes = check::out_value(bytes, "bytes")?;
            (component, arena, bytes, check::out_value(bytes_len, "bytes_len")?)
        };
        let serialized = component.component.serialize()?;
        bytes.write(keep(&arena, &serialized, 1)?);
        bytes_len.write(serialized.len());
        Ok(())
    })
}

/// Loads a component from the `bytes_len` bytes of `cmabi_component_serialize` at `bytes`, which are not needed
/// afterwards. It is not compiled, and its code is not validated.
///
/// **The bytes have to be trusted: they are code that runs in the process.** Damage is found, by a checksum;
/// what was made to do harm is not. `CMABI_STATUS_INVALID` for what is no precompiled component, is cut off or
/// damaged. `CMABI_STATUS_UNSUPPORTED` for what another version of the library has made, or is for another
/// engine, other settings of it, or another CPU: the message says which. Limits are those of
/// `cmabi_component_load`.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_load_precompiled(
    engine: *const cmabi_engine,
    bytes: *const u8,
    bytes_len: usize,
    component: *mut *mut cmabi_component,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, engine, bytes) = unsafe {
            let out = check::out_handle(component, "component")?;
            (out, check::required(engine, "engine")?, check::slice(bytes, bytes_len, "bytes")?)
        };
        *out = cmabi_component::owned(cmabi_component::load_precompiled(engine, bytes)?);
        Ok(())
    })
}

/// Loads a component from a file of the bytes of `cmabi_component_serialize`, like
/// `cmabi_component_load_precompiled`. The file is mapped while it is loaded, and must not be changed
/// meanwhile: who writes a new one writes it elsewhere and renames it. `CMABI_STATUS_NOT_FOUND` where it does not
/// exist, `CMABI_STATUS_INVALID` where it cannot be read.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_load_precompiled_file(
    engine: *const cmabi_engine,
    path: cmabi_string,
    component: *mut *mut cmabi_component,
    error: *mut *mut cmabi_error,
) -> cmabi_status {
    guard(error, || {
        // SAFETY: the header's rules.
        let (out, engine, path) = unsafe {
            let out = check::out_handle(component, "component")?;
            (out, check::required(engine, "engine")?, check::path(path, "path")?)
        };
        let file = File::open(path).and_then(|file| map_file(&file));
        let file = file.map_err(|error| check::unreadable(path, &error))?;
        let loaded = cmabi_component::load_precompiled(engine, &file);
        *out = cmabi_component::owned(loaded.map_err(|error| error.context(path.display()))?);
        Ok(())
    })
}

/// Frees a component. NULL is fine.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_free(component: *mut cmabi_component) {
    guard_or((), || {
        if !component.is_null() {
            // SAFETY: the header's rules: the component is the caller's and is freed once.
            drop(unsafe { Box::from_raw(component) });
        }
    });
}

/// How many bytes the loading of the component took, as `cmabi_config_set_max_load_bytes` counts them; 0
/// for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_used_bytes(component: *const cmabi_component) -> u64 {
    // SAFETY: the header's rules.
    unsafe { component.as_ref() }.map_or(0, |component| component.component.load_counts().bytes)
}

/// How many steps the loading of the component took, as `cmabi_config_set_max_load_work` counts them; 0
/// for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_used_work(component: *const cmabi_component) -> u64 {
    // SAFETY: the header's rules.
    unsafe { component.as_ref() }.map_or(0, |component| component.component.load_counts().work)
}

/// How many things a component imports; 0 for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_import_count(component: *const cmabi_component) -> usize {
    // SAFETY: the header's rules.
    unsafe { component.as_ref() }.map_or(0, |component| component.component.ty().imports.len())
}

/// The type of an import, and through `name`, which may be NULL, its name. In the order of the
/// component. Borrowed from the component; NULL beyond the last and for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_import_at(
    component: *const cmabi_component,
    index: usize,
    name: *mut cmabi_string,
) -> *const cmabi_extern_type {
    // SAFETY: the header's rules.
    unsafe {
        let imports = component.as_ref().map(|component| &component.component.ty().imports);
        let import = imports.and_then(|imports| imports.get_index(index));
        cmabi_extern_type::entry(import.map(|(name, decl)| (&**name, &decl.ty)), name)
    }
}

/// How many things a component's instances export; 0 for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_export_count(component: *const cmabi_component) -> usize {
    // SAFETY: the header's rules.
    unsafe { component.as_ref() }.map_or(0, |component| component.component.ty().exports.len())
}

/// The type of an export, and through `name`, which may be NULL, its name. In the order of the
/// component. Borrowed from the component; NULL beyond the last and for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_component_export_at(
    component: *const cmabi_component,
    index: usize,
    name: *mut cmabi_string,
) -> *const cmabi_extern_type {
    // SAFETY: the header's rules.
    unsafe {
        let exports = component.as_ref().map(|component| &component.component.ty().exports);
        let export = exports.and_then(|exports| exports.get_index(index));
        cmabi_extern_type::entry(export.map(|(name, decl)| (&**name, &decl.ty)), name)
    }
}

/// What sort of thing it is; `CMABI_EXTERN_KIND_OTHER` for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_extern_type_kind(
    r#type: *const cmabi_extern_type,
) -> cmabi_extern_kind {
    // SAFETY: the header's rules.
    match unsafe { cmabi_extern_type::get(r#type) } {
        Some(ExternType::Func(_)) => cmabi_extern_kind::Func,
        Some(ExternType::Instance(_)) => cmabi_extern_kind::Instance,
        Some(ExternType::Type(TypeDef::Value(_))) => cmabi_extern_kind::Type,
        Some(ExternType::Type(TypeDef::Resource(_))) => cmabi_extern_kind::Resource,
        Some(ExternType::Component(_)) => cmabi_extern_kind::Component,
        Some(ExternType::Module(_)) => cmabi_extern_kind::Module,
        Some(ExternType::Type(_)) | None => cmabi_extern_kind::Other,
    }
}

/// The type of a function; NULL for other kinds and for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_extern_type_func(
    r#type: *const cmabi_extern_type,
) -> *const cmabi_func_type {
    // SAFETY: the header's rules.
    match unsafe { cmabi_extern_type::get(r#type) } {
        Some(ExternType::Func(ty)) => cmabi_func_type::borrowed(ty),
        _ => ptr::null(),
    }
}

/// The value type that the name stands for; NULL for other kinds and for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_extern_type_type(
    r#type: *const cmabi_extern_type,
) -> *const cmabi_type {
    // SAFETY: the header's rules.
    match unsafe { cmabi_extern_type::get(r#type) } {
        Some(ExternType::Type(TypeDef::Value(ty))) => cmabi_type::borrowed(ty),
        _ => ptr::null(),
    }
}

/// The resource type that the name stands for; NULL for other kinds and for NULL. That of a component
/// is a placeholder; that of an instance is the one that the instance has.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_extern_type_resource(
    r#type: *const cmabi_extern_type,
) -> *const cmabi_resource_type {
    // SAFETY: the header's rules.
    match unsafe { cmabi_extern_type::get(r#type) } {
        Some(ExternType::Type(TypeDef::Resource(ty))) => cmabi_resource_type::borrowed(ty),
        _ => ptr::null(),
    }
}

/// How many things an instance exports; 0 for other kinds and for NULL.
/// @since 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_extern_type_export_count(r#type: *const cmabi_extern_type) -> usize {
    // SAFETY: the header's rules.
    match unsafe { cmabi_extern_type::get(r#type) } {
        Some(ExternType::Instance(instance)) => instance.exports.len(),
        _ => 0,
    }
}

/// The type of an export of an instance, and through `name`, which may be NULL, its name. NULL
/// beyond the last, for other kinds and for NULL.
/// @since 0.2
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cmabi_extern_type_export_at(
    r#type: *const cmabi_extern_type,
    index: usize,
    name: *mut cmabi_string,
) -> *const cmabi_extern_type {
    // SAFETY: the header's rules.
    unsafe {
        let Some(ExternType::Instance(instance)) = cmabi_extern_type::get(r#type) else {
            return ptr::null();
        };
        let export = instance.exports.get_index(index);
        cmabi_extern_type::entry(export.map(|(name, ty)| (&**name, ty)), name)
    }
}
