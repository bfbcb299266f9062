//! The canonical section: lifts, lowers and built-ins.

use super::{Counts, Decoder, invalid};
use crate::component::ir::{BuiltinType, Initializer, Options};
use crate::copy::StringEncoding;
use crate::engine::core_func;
use crate::error::Result;
use wasmparser::component_types::ComponentAnyTypeId;
use wasmparser::{CanonicalFunction, CanonicalOption, SectionLimited};

impl Decoder<'_> {
    pub(super) fn canonicals(
        &mut self,
        section: &SectionLimited<'_, CanonicalFunction>,
        before: Counts,
    ) -> Result<()> {
        let mut func = before.funcs;
        for item in section.clone() {
            let canon = item.map_err(invalid)?;
            let initializer = self.canonical(canon)?;
            let body = self.body();
            if let Initializer::Lift { .. } = initializer {
                body.lifts.insert(func, body.initializers.len());
                func += 1;
            }
            body.initializers.push(initializer);
        }
        Ok(())
    }

    fn canonical(&mut self, canon: CanonicalFunction) -> Result<Initializer> {
        let types = self.validator.types(0).expect("inside of a component");
        Ok(match &canon {
            CanonicalFunction::Lift { core_func_index, type_index, options } => {
                let ComponentAnyTypeId::Func(ty) = types.component_any_type_at(*type_index) else {
                    unreachable!("validated");
                };
                Initializer::Lift {
                    core_func: *core_func_index,
                    ty: self.types.func(types, ty)?,
                    options: self::options(options),
                    name: None,
                }
            }
            CanonicalFunction::Lower { func_index, options } => {
                Initializer::Lower { func: *func_index, options: self::options(options) }
            }
            _ => {
                let ty = self.builtin_type(&canon)?;
                Initializer::Builtin { options: builtin_options(&canon), canon, ty }
            }
        })
    }

    fn builtin_type(&mut self, canon: &CanonicalFunction) -> Result<BuiltinType> {
        use CanonicalFunction::*;
        let types = self.validator.types(0).expect("inside of a component");
        Ok(match *canon {
            ResourceNew { resource } | ResourceDrop { resource } | ResourceRep { resource } => {
                match types.component_any_type_at(resource) {
                    ComponentAnyTypeId::Resource(id) => {
                        BuiltinType::Resource(self.types.resource(id))
                    }
                    _ => unreachable!("validated"),
                }
            }
            TaskReturn { result, .. } => BuiltinType::Result(match result {
                Some(wasmparser::ComponentValType::Primitive(ty)) => {
                    Some(super::convert::primitive(ty))
                }
                Some(wasmparser::ComponentValType::Type(index)) => {
                    Some(self.types.defined(types, types.component_defined_type_at(index))?)
                }
                None => None,
            }),
            StreamNew { ty }
            | StreamRead { ty, .. }
            | StreamWrite { ty, .. }
            | StreamCancelRead { ty, .. }
            | StreamCancelWrite { ty, .. }
            | StreamDropReadable { ty }
            | StreamDropWritable { ty }
            | StreamForward { ty }
            | FutureNew { ty }
            | FutureRead { ty, .. }
            | FutureWrite { ty, .. }
            | FutureCancelRead { ty, .. }
            | FutureCancelWrite { ty, .. }
            | FutureForward { ty }
            | FutureDropReadable { ty }
            | FutureDropWritable { ty } => {
                let ty = types.component_defined_type_at(ty);
                BuiltinType::Transfer(self.types.defined(types, ty)?)
            }
            ThreadNewIndirect { func_ty_index, .. } => {
                let ty = types.core_type_at_in_component(func_ty_index).unwrap_sub();
                BuiltinType::Start(core_func(types, ty))
            }
            _ => BuiltinType::None,
        })
    }
}

fn builtin_options(canon: &CanonicalFunction) -> Options {
    use CanonicalFunction::*;
    match canon {
        TaskReturn { options, .. }
        | StreamRead { options, .. }
        | StreamWrite { options, .. }
        | FutureRead { options, .. }
        | FutureWrite { options, .. }
        | ErrorContextNew { options }
        | ErrorContextDebugMessage { options } => self::options(options),
        WaitableSetWait { memory, .. } | WaitableSetPoll { memory, .. } => {
            options(&[CanonicalOption::Memory(*memory)])
        }
        _ => options(&[]),
    }
}

fn options(options: &[CanonicalOption]) -> Options {
    let mut result = Options {
        string_encoding: StringEncoding::Utf8,
        memory: None,
        realloc: None,
        post_return: None,
        is_async: false,
        callback: None,
    };
    for option in options {
        match *option {
            CanonicalOption::UTF8 => result.string_encoding = StringEncoding::Utf8,
            CanonicalOption::UTF16 => result.string_encoding = StringEncoding::Utf16,
            CanonicalOption::CompactUTF16 => result.string_encoding = StringEncoding::Latin1Utf16,
            CanonicalOption::Memory(memory) => result.memory = Some(memory),
            CanonicalOption::Realloc(func) => result.realloc = Some(func),
            CanonicalOption::PostReturn(func) => result.post_return = Some(func),
            CanonicalOption::Async => result.is_async = true,
            CanonicalOption::Callback(func) => result.callback = Some(func),
            // Of the GC proposal, which the validator does not let through.
            CanonicalOption::CoreType(_) | CanonicalOption::Gc => {}
        }
    }
    result
}
