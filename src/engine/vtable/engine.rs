//! The engine itself, and its modules.

use super::super::declared::Declared;
use super::super::fiber::MIN_STACK;
use super::super::{
    Capabilities, CoreDecl, CoreExternType, Engine, EngineStore, EngineStoreConfig, Module, Tier,
    suspended_bytes,
};
use super::interface::{Callbacks, cmabi_engine_interface, cmabi_engine_limits};
use super::memory::GuestMemory;
use super::store::{VtableStore, fiber_stack_size};
use crate::account::{Account, no_memory};
use crate::c_types::{cmabi_string, enumerator, invalid};
use crate::error::{Error, ErrorKind, Result};
use bytes::Bytes;
use std::any::Any;
use std::ffi::c_void;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

/// An engine that C filled in.
pub struct VtableEngine(Arc<Table>, Callbacks, Option<Box<str>>);

/// The table, and the promise to call its `drop`.
pub(super) struct Table(pub(super) cmabi_engine_interface, pub(super) Tier);

// SAFETY: the header asks that an engine and its modules can be used from several threads.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

impl Drop for Table {
    fn drop(&mut self) {
        if let Some(drop) = self.0.drop {
            // SAFETY: the header: called once, when nothing of the engine is left.
            unsafe { drop(self.0.data) }
        }
    }
}

impl VtableEngine {
    /// An engine behind `table`, of whose bytes the host's header knew all. Takes over `drop`,
    /// also on failure.
    /// `callbacks` is for engines that are not linked with the library.
    pub fn new(table: cmabi_engine_interface, callbacks: Callbacks) -> Result<Self> {
        let tier = enumerator(table.tier, "table->tier").map(Tier::from);
        // From here on dropping the engine calls `drop`.
        let mut engine = Table(table, Tier::Resume);
        engine.1 = tier?;
        let resume = engine.1 == Tier::Resume;
        let table = &engine.0;
        let required = [
            ("module_new", table.module_new.is_some()),
            ("module_free", table.module_free.is_some()),
            ("store_new", table.store_new.is_some()),
            ("store_free", table.store_free.is_some()),
            ("instantiate", table.instantiate.is_some()),
            ("instance_export", table.instance_export.is_some()),
            ("func_new", table.func_new.is_some()),
            ("call", table.call.is_some()),
            ("resume", table.resume.is_some() || !resume),
            ("continuation_free", table.continuation_free.is_some() || !resume),
            ("memory_data", table.memory_data.is_some()),
            ("table_get", table.table_get.is_some()),
            ("global_get", table.global_get.is_some()),
            ("fuel_get", table.fuel_get.is_some() || table.fuel == 0),
            ("fuel_set", table.fuel_set.is_some() || table.fuel == 0),
        ];
        let missing: Vec<_> =
            required.iter().filter(|(_, given)| !given).map(|(name, _)| *name).collect();
        if !missing.is_empty() {
            let what = format_args!("lacks functions: {}", missing.join(", "));
            return Err(invalid("table", what));
        }
        if !matches!(table.fiber_stack_bytes as u64, 0 | MIN_STACK..) {
            let what = format_args!("is less than {MIN_STACK}");
            return Err(invalid("table->fiber_stack_bytes", what));
        }
        let gives = (table.module_serialize.is_some(), table.module_deserialize.is_some());
        let version = text(table.code_version, "");
        let version = match gives {
            (false, false) => None,
            (true, true) if !version.is_empty() => Some(version.into()),
            _ => {
                let what = "has one of code_version, module_serialize and module_deserialize, not all of them";
                return Err(invalid("table", what));
            }
        };
        Ok(VtableEngine(Arc::new(engine), callbacks, version))
    }
}

impl Engine for VtableEngine {
    fn capabilities(&self) -> Capabilities {
        let table = &self.0.0;
        Capabilities {
            tier: self.0.1,
            memory64: table.memory64 != 0,
            exceptions: table.exceptions != 0,
            fuel: table.fuel != 0,
            interrupt: table.interrupt != 0,
            stack_bytes: suspended_bytes(fiber_stack_size(table) as u64),
        }
    }

    fn compile(&self, wasm: Bytes) -> Result<Arc<dyn Module>> {
        self.module(wasm, |data, wasm, len, module, message| {
            call!(self.0, module_new(data, wasm, len, module, message))
        })
    }

    fn code_version(&self) -> Option<&str> {
        self.2.as_deref()
    }

    fn deserialize(&self, wasm: Bytes, code: &[u8]) -> Result<Arc<dyn Module>> {
        let (code, code_len) = (code.as_ptr(), code.len());
        self.module(wasm, |data, wasm, len, module, message| {
            call!(self.0, module_deserialize(data, wasm, len, code, code_len, module, message))
        })
    }

    fn new_store(
        &self,
        config: &EngineStoreConfig,
        guest_memory: &Rc<Account>,
    ) -> Result<Box<dyn EngineStore>> {
        if config.fuel.is_some() && self.0.0.fuel == 0 {
            return Err(Error::new(ErrorKind::Unsupported, "the engine does not meter fuel"));
        }
        if config.interrupt.is_some() && self.0.0.interrupt == 0 {
            return Err(Error::new(ErrorKind::Unsupported, "the engine cannot stop guests"));
        }
        let interrupt = config.interrupt.as_ref();
        let memory = Box::new(GuestMemory::new(guest_memory));
        let limits = cmabi_engine_limits {
            size: size_of::<cmabi_engine_limits>(),
            max_memory_bytes: config.max_memory_bytes.unwrap_or(0),
            max_table_elements: config.max_table_elements.unwrap_or(0),
            metered: config.fuel.is_some(),
            fuel: config.fuel.unwrap_or(0),
            max_guest_bytes: guest_memory.limit(),
            interrupt: interrupt.map_or(ptr::null(), |signal| signal.interrupt_word().as_ptr()),
            guest_memory: (&raw const *memory).cast_mut().cast(),
            import_call: self.1.import_call,
            guest_memory_charge: self.1.guest_memory_charge,
            guest_memory_credit: self.1.guest_memory_credit,
        };
        let mut store = ptr::null_mut();
        let mut message = cmabi_string::EMPTY;
        if !call!(self.0, store_new(self.0.0.data, &limits, &mut store, &mut message)) {
            let text = text(message, "the engine made no store");
            return Err(Error::new(ErrorKind::Limit, text));
        }
        Ok(Box::new(VtableStore::new(self.0.clone(), store, config, memory)))
    }
}

impl VtableEngine {
    /// The module that `make` makes of `wasm`.
    fn module(
        &self,
        wasm: Bytes,
        make: impl FnOnce(*mut c_void, *const u8, usize, *mut *mut c_void, *mut cmabi_string) -> bool,
    ) -> Result<Arc<dyn Module>> {
        let declared = Declared::read(&wasm)?;
        self.check(&declared)?;
        let mut module = ptr::null_mut();
        let mut message = cmabi_string::EMPTY;
        if !make(self.0.0.data, wasm.as_ptr(), wasm.len(), &mut module, &mut message) {
            let text = text(message, "the engine rejected the module");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        Ok(Arc::new(VtableModule { table: self.0.clone(), module, declared, _wasm: wasm }))
    }

    /// Fails where a module needs what the engine did not declare.
    fn check(&self, declared: &Declared) -> Result<()> {
        let lacks = |what: &str| {
            let message = format!("the engine does not have {what}, which a core module uses");
            Err(Error::new(ErrorKind::Unsupported, message))
        };
        let all = || declared.imports.iter().chain(&declared.exports).map(|decl| &decl.ty);
        if self.0.0.exceptions == 0 && all().any(|ty| matches!(ty, CoreExternType::Tag(_))) {
            return lacks("core exceptions");
        }
        let wide = |ty: &CoreExternType| match ty {
            CoreExternType::Memory(memory) => memory.memory64,
            CoreExternType::Table { table64, .. } => *table64,
            _ => false,
        };
        if self.0.0.memory64 == 0 && all().any(wide) {
            return lacks("64-bit memories and tables");
        }
        Ok(())
    }
}

/// What the engine says, or else `otherwise`.
pub(super) fn text(message: cmabi_string, otherwise: &str) -> String {
    if message.len == 0 || message.ptr.is_null() {
        return otherwise.into();
    }
    // SAFETY: the header: the text is valid until the engine is called again.
    let bytes = unsafe { std::slice::from_raw_parts(message.ptr.cast::<u8>(), message.len) };
    String::from_utf8_lossy(bytes).into_owned()
}

/// A module of the engine.
pub(super) struct VtableModule {
    table: Arc<Table>,
    pub(super) module: *mut c_void,
    declared: Declared,
    /// What the engine may look at as long as it has the module.
    _wasm: Bytes,
}

// SAFETY: the header asks that modules can be used from several threads.
unsafe impl Send for VtableModule {}
// SAFETY: as above.
unsafe impl Sync for VtableModule {}

impl Module for VtableModule {
    fn imports(&self) -> &[CoreDecl] {
        &self.declared.imports
    }

    fn exports(&self) -> &[CoreDecl] {
        &self.declared.exports
    }

    fn serialize(&self) -> Result<Vec<u8>> {
        /// Takes what the engine writes.
        unsafe extern "C" fn write(to: *mut c_void, bytes: *const u8, len: usize) {
            if len == 0 {
                return;
            }
            // SAFETY: the engine passes on what it got, and as many bytes as it says.
            let (to, bytes) =
                unsafe { (&mut *to.cast::<Writer>(), std::slice::from_raw_parts(bytes, len)) };
            to.write(bytes);
        }
        let mut code = Writer::default();
        let mut message = cmabi_string::EMPTY;
        let to = (&raw mut code).cast();
        let data = self.table.0.data;
        if !call!(self.table, module_serialize(data, self.module, Some(write), to, &mut message)) {
            let text = text(message, "the engine has not written the code of the module");
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        code.end()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Code that an engine writes, or how much there was no memory for.
#[derive(Default)]
struct Writer {
    code: Vec<u8>,
    refused: u64,
}

impl Writer {
    fn write(&mut self, bytes: &[u8]) {
        match self.code.try_reserve(bytes.len()) {
            Ok(()) => self.code.extend_from_slice(bytes),
            Err(_) => self.refused += bytes.len() as u64,
        }
    }

    fn end(self) -> Result<Vec<u8>> {
        match self.refused {
            0 => Ok(self.code),
            bytes => Err(no_memory(bytes).into()),
        }
    }
}

impl Drop for VtableModule {
    fn drop(&mut self) {
        call!(self.table, module_free(self.table.0.data, self.module));
    }
}
