//! The built-ins that a component defines, as values of the runtime.

use super::extern_type::{Env, substitute_type};
use super::instance::internal;
use super::ir::BuiltinType;
use crate::canon::Builtin;
use crate::core_types::AddrType;
use crate::engine::{CoreExtern, CoreExternType, CoreMemory, CoreTable, CoreType, EngineStore};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Options;
use crate::types::{Kind, ResourceType, Type};
use wasmparser::{CanonicalFunction as Canon, ValType};

/// A canonical definition with everything that it mentions.
pub(super) struct CanonDef<'a> {
    pub(super) canon: &'a Canon,
    pub(super) ty: &'a BuiltinType,
    pub(super) env: &'a Env,
    pub(super) opts: Options,
    pub(super) tables: &'a [CoreTable],
}

impl CanonDef<'_> {
    /// The built-in of this definition.
    pub(super) fn builtin(self, engine: &dyn EngineStore) -> Result<Builtin> {
        let opts = self.opts;
        Ok(match *self.canon {
            Canon::ResourceNew { .. } => Builtin::ResourceNew(self.resource()?),
            Canon::ResourceDrop { .. } => Builtin::ResourceDrop(self.resource()?),
            Canon::ResourceRep { .. } => Builtin::ResourceRep(self.resource()?),
            Canon::ContextGet { ty, slot } => Builtin::ContextGet { ty: context_type(ty), slot },
            Canon::ContextSet { ty, slot } => Builtin::ContextSet { ty: context_type(ty), slot },
            Canon::BackpressureInc => Builtin::BackpressureInc,
            Canon::BackpressureDec => Builtin::BackpressureDec,
            Canon::TaskReturn { .. } => Builtin::TaskReturn { result: self.result()?, opts },
            Canon::TaskCancel => Builtin::TaskCancel,
            Canon::SubtaskCancel { async_ } => Builtin::SubtaskCancel { is_async: async_ },
            Canon::SubtaskDrop => Builtin::SubtaskDrop,
            Canon::ErrorContextNew { .. } => Builtin::ErrorContextNew { opts },
            Canon::ErrorContextDebugMessage { .. } => Builtin::ErrorContextDebugMessage { opts },
            Canon::ErrorContextDrop => Builtin::ErrorContextDrop,
            Canon::WaitableSetNew => Builtin::WaitableSetNew,
            Canon::WaitableSetWait { .. } => {
                let (memory, addr) = (self.memory()?, opts.addr);
                Builtin::WaitableSetWait { memory, addr }
            }
            Canon::WaitableSetPoll { .. } => {
                let (memory, addr) = (self.memory()?, opts.addr);
                Builtin::WaitableSetPoll { memory, addr }
            }
            Canon::WaitableSetDrop => Builtin::WaitableSetDrop,
            Canon::WaitableJoin => Builtin::WaitableJoin,
            _ => return self.transfer_or_thread(engine),
        })
    }

    fn transfer_or_thread(self, engine: &dyn EngineStore) -> Result<Builtin> {
        let opts = self.opts;
        let element = || self.element();
        Ok(match *self.canon {
            Canon::StreamNew { .. } => Builtin::StreamNew { element: element()? },
            Canon::StreamRead { .. } => Builtin::StreamRead { element: element()?, opts },
            Canon::StreamWrite { .. } => Builtin::StreamWrite { element: element()?, opts },
            Canon::StreamCancelRead { async_, .. } => {
                Builtin::StreamCancelRead { element: element()?, is_async: async_ }
            }
            Canon::StreamCancelWrite { async_, .. } => {
                Builtin::StreamCancelWrite { element: element()?, is_async: async_ }
            }
            Canon::StreamDropReadable { .. } => Builtin::StreamDropReadable { element: element()? },
            Canon::StreamDropWritable { .. } => Builtin::StreamDropWritable { element: element()? },
            Canon::StreamForward { .. } => Builtin::StreamForward { element: element()? },
            Canon::FutureNew { .. } => Builtin::FutureNew { element: element()? },
            Canon::FutureRead { .. } => Builtin::FutureRead { element: element()?, opts },
            Canon::FutureWrite { .. } => Builtin::FutureWrite { element: element()?, opts },
            Canon::FutureCancelRead { async_, .. } => {
                Builtin::FutureCancelRead { element: element()?, is_async: async_ }
            }
            Canon::FutureCancelWrite { async_, .. } => {
                Builtin::FutureCancelWrite { element: element()?, is_async: async_ }
            }
            Canon::FutureDropReadable { .. } => Builtin::FutureDropReadable { element: element()? },
            Canon::FutureDropWritable { .. } => Builtin::FutureDropWritable { element: element()? },
            Canon::FutureForward { .. } => Builtin::FutureForward { element: element()? },
            Canon::ThreadIndex => Builtin::ThreadIndex,
            Canon::ThreadNewIndirect { table_index, .. } => {
                self.new_indirect(engine, table_index)?
            }
            Canon::ThreadResumeLater => Builtin::ThreadResumeLater,
            Canon::ThreadSuspend => Builtin::ThreadSuspend,
            Canon::ThreadYield => Builtin::ThreadYield,
            Canon::ThreadSuspendThenResume => Builtin::ThreadSuspendThenResume,
            Canon::ThreadYieldThenResume => Builtin::ThreadYieldThenResume,
            Canon::ThreadSuspendThenPromote => Builtin::ThreadSuspendThenPromote,
            Canon::ThreadYieldThenPromote => Builtin::ThreadYieldThenPromote,
            _ => {
                let message = format!("the built-in {:?} is not supported", self.canon);
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        })
    }

    fn new_indirect(&self, engine: &dyn EngineStore, table: u32) -> Result<Builtin> {
        let BuiltinType::Start(ty) = self.ty else { return Err(self.mismatch()) };
        let table = self.tables[table as usize];
        let table64 = match engine.extern_type(CoreExtern::Table(table)) {
            CoreExternType::Table { table64, .. } => table64,
            _ => return Err(self.mismatch()),
        };
        let table_addr = if table64 { AddrType::I64 } else { AddrType::I32 };
        Ok(Builtin::ThreadNewIndirect { ty: ty.clone(), table, table_addr })
    }

    fn memory(&self) -> Result<CoreMemory> {
        self.opts.memory.ok_or_else(|| self.mismatch())
    }

    fn resource(&self) -> Result<ResourceType> {
        match self.ty {
            BuiltinType::Resource(ty) => Ok(self.env.get(ty).unwrap_or(ty).clone()),
            _ => Err(self.mismatch()),
        }
    }

    fn result(&self) -> Result<Option<Type>> {
        match self.ty {
            BuiltinType::Result(ty) => Ok(ty.as_ref().map(|ty| substitute_type(ty, self.env))),
            _ => Err(self.mismatch()),
        }
    }

    /// What the stream or future carries.
    fn element(&self) -> Result<Option<Type>> {
        match self.ty {
            BuiltinType::Transfer(ty) => match substitute_type(ty, self.env).kind() {
                Kind::Stream(element) | Kind::Future(element) => Ok(element.clone()),
                _ => Err(self.mismatch()),
            },
            _ => Err(self.mismatch()),
        }
    }

    fn mismatch(&self) -> Error {
        internal(format!("{:?} was decoded without its type", self.canon))
    }
}

fn context_type(ty: ValType) -> CoreType {
    if ty == ValType::I64 { CoreType::I64 } else { CoreType::I32 }
}
