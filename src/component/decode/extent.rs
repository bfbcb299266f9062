//! How far types extend when all that they refer to is written out, found before the validator sees
//! them.
//!
//! A type can mention another one twice, which mentions a third one twice: each level is a few bytes
//! of the binary and doubles what a walk over the type visits. The validator, the instantiator and
//! the linker walk types, and copy those that bring resource types along. So each place that makes
//! them do so is charged for what they will find there, and how deep types nest is bounded, as they
//! are walked by recursion.
//!
//! This follows the index spaces of components as the validator does, but judges nothing: what is
//! malformed or invalid is left to the validator to say.

use super::MAX_NESTING;
use crate::component::load::{Load, charged};
use crate::error::{Error, ErrorKind, Result};
use crate::types::MAX_TYPE_DEPTH;
use std::collections::HashMap;
use std::rc::Rc;
use wasmparser::{
    BinaryReader, CanonicalFunction, ComponentAlias, ComponentDefinedType, ComponentExport,
    ComponentExternName, ComponentExternalKind, ComponentFuncType, ComponentImport,
    ComponentInstance, ComponentOuterAliasKind, ComponentType, ComponentTypeRef, ComponentValType,
    CoreType, Encoding, FromReader, Instance, ModuleTypeDeclaration, Payload, SectionLimited,
    TypeBounds, WasmFeatures,
};

/// Bytes that the validator and the library may take for one part of a type: a definition, field,
/// case, parameter, import or export. Names come on top.
const PART: u64 = 720;

/// Bytes of parts that are looked at in one step of work.
const WALK: u64 = 32;

/// Bytes of parts that are copied in one step of work.
const COPY: u64 = 8;

/// Bytes that may be allocated for each item of a section, and for each byte of one: of a component,
/// and of a core module, of which there is a copy also.
const ITEM: u64 = 256;
const COMPONENT_BYTE: u64 = 64;
const MODULE_BYTE: u64 = 4;

/// A definition in an index space, written out.
#[derive(Clone, Default)]
struct Def<'a> {
    /// Bytes of a copy in which nothing is shared.
    size: u64,
    /// Places in it that bind a name to a resource type.
    resources: u64,
    /// How deep it nests, all kinds of types counted, and only component and instance types.
    depth: u32,
    nesting: u32,
    /// What an instance, or an instance of a component, exports.
    exports: Option<Rc<HashMap<&'a str, Def<'a>>>>,
}

impl Def<'_> {
    /// Something without parts of its own.
    fn leaf() -> Self {
        Def { size: PART, depth: 1, ..Def::default() }
    }

    /// Takes in a part with a name of `name` bytes.
    fn add(&mut self, name: usize, part: &Def<'_>) {
        self.size = self.size.saturating_add(PART + name as u64).saturating_add(part.size);
        self.resources = self.resources.saturating_add(part.resources);
        self.depth = self.depth.max(part.depth.saturating_add(1));
        self.nesting = self.nesting.max(part.nesting);
    }
}

/// The index spaces that are followed.
#[derive(Clone, Copy)]
enum Space {
    Types,
    Funcs,
    Instances,
    Components,
    Modules,
    CoreTypes,
    CoreInstances,
    Values,
}

impl From<ComponentExternalKind> for Space {
    fn from(kind: ComponentExternalKind) -> Self {
        match kind {
            ComponentExternalKind::Module => Space::Modules,
            ComponentExternalKind::Func => Space::Funcs,
            ComponentExternalKind::Value => Space::Values,
            ComponentExternalKind::Type => Space::Types,
            ComponentExternalKind::Instance => Space::Instances,
            ComponentExternalKind::Component => Space::Components,
        }
    }
}

/// A component, or a component or instance type, that is open.
#[derive(Default)]
struct Scope<'a> {
    spaces: [Vec<Def<'a>>; 8],
    /// Its imports and exports.
    def: Def<'a>,
    exports: HashMap<&'a str, Def<'a>>,
}

impl<'a> Scope<'a> {
    fn close(self) -> Def<'a> {
        let mut def = self.def;
        // The validator keeps the way to each resource type.
        let ways = def.resources.saturating_mul(64 + 8 * u64::from(def.depth));
        def.size = def.size.saturating_add(PART).saturating_add(ways);
        def.depth = def.depth.max(1);
        def.nesting = def.nesting.saturating_add(1);
        def.exports = Some(Rc::new(self.exports));
        def
    }
}

/// Why a section is not followed to its end.
enum Stop {
    Malformed,
    Limit(Error),
}

impl From<wasmparser::Error> for Stop {
    fn from(_: wasmparser::Error) -> Self {
        Stop::Malformed
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Limit(error)
    }
}

type Followed<T = ()> = std::result::Result<T, Stop>;

/// The components that are open, as far as the binary was read.
pub(super) struct Extents<'a> {
    wasm: &'a [u8],
    features: WasmFeatures,
    scopes: Vec<Scope<'a>>,
    /// The core module that is open.
    module: Option<Def<'a>>,
    /// How many components and modules have ended.
    ended: u64,
}

impl<'a> Extents<'a> {
    pub(super) fn new(wasm: &'a [u8], features: WasmFeatures) -> Self {
        Extents { wasm, features, scopes: Vec::new(), module: None, ended: 0 }
    }

    /// Charges what the next part of the binary makes others walk and copy.
    pub(super) fn payload(&mut self, payload: &Payload<'a>, load: &Load) -> Result<()> {
        self.read(payload, load)?;
        match self.follow(payload, load) {
            Ok(()) | Err(Stop::Malformed) => Ok(()),
            Err(Stop::Limit(error)) => Err(error),
        }
    }

    /// How many types, functions, instances, components and modules the open component has.
    #[cfg(debug_assertions)]
    pub(super) fn counts(&self) -> Option<[usize; 5]> {
        use Space::*;
        let spaces = &self.scopes.last().filter(|_| self.module.is_none())?.spaces;
        Some(
            [Types, Funcs, Instances, Components, Modules]
                .map(|space| spaces[space as usize].len()),
        )
    }

    /// Charges for what is in proportion to the binary.
    fn read(&self, payload: &Payload<'a>, load: &Load) -> Result<()> {
        let Some((_, range)) = payload.as_section() else { return Ok(()) };
        let len = range.end - range.start;
        let bytes = match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => return Ok(()),
            Payload::CustomSection(_) => len,
            _ => {
                let section = self.wasm.get(range.start as usize..range.end as usize);
                let mut section = BinaryReader::new(section.unwrap_or_default(), range.start);
                let items = section.read_var_u32().map_or(0, u64::from).min(len);
                let byte = if self.module.is_some() { MODULE_BYTE } else { COMPONENT_BYTE };
                len * byte + items * ITEM
            }
        };
        charged(load.bytes.charge(bytes), range.start)
    }

    fn follow(&mut self, payload: &Payload<'a>, load: &Load) -> Followed {
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                self.scopes.push(Scope::default());
            }
            Payload::Version { encoding: Encoding::Module, .. } => self.module = Some(Def::leaf()),
            Payload::End(at) => self.end(*at, load)?,
            Payload::ImportSection(section) => self.declare(section),
            Payload::ExportSection(section) => self.declare(section),
            Payload::CoreTypeSection(section) => {
                self.each(section, |this, _, ty| this.core_type(&ty))?;
            }
            Payload::ComponentTypeSection(section) => self.type_section(section, load)?,
            Payload::InstanceSection(section) => {
                self.each(section, |this, at, instance| this.core_instance(&instance, at, load))?
            }
            Payload::ComponentInstanceSection(section) => {
                self.each(section, |this, at, instance| this.instance(&instance, at, load))?;
            }
            Payload::ComponentAliasSection(section) => {
                self.each(section, |this, at, alias| this.alias(&alias, at, load))?;
            }
            Payload::ComponentCanonicalSection(section) => {
                self.each(section, |this, at, canon| this.canon(&canon, at, load))?;
            }
            Payload::ComponentImportSection(section) => {
                self.each(section, |this, at, import| this.import(&import, at, load))?
            }
            Payload::ComponentExportSection(section) => {
                self.each(section, |this, at, export| this.export(&export, at, load))?
            }
            _ => {}
        }
        Ok(())
    }

    fn each<T: FromReader<'a>>(
        &mut self,
        section: &SectionLimited<'a, T>,
        mut follow: impl FnMut(&mut Self, u64, T) -> Followed,
    ) -> Followed {
        for item in section.clone().into_iter_with_offsets() {
            let (offset, item) = item?;
            follow(self, offset, item)?;
        }
        Ok(())
    }

    fn scope(&mut self) -> &mut Scope<'a> {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        self.scopes.last_mut().expect("there is one")
    }

    fn define(&mut self, space: impl Into<Space>, def: Def<'a>) {
        self.scope().spaces[space.into() as usize].push(def);
    }

    /// What an index stands for; nothing for one that the validator will reject.
    fn at(&self, space: impl Into<Space>, index: u32) -> Def<'a> {
        self.outer(space, 0, index)
    }

    fn outer(&self, space: impl Into<Space>, count: u32, index: u32) -> Def<'a> {
        let scope = self.scopes.iter().rev().nth(count as usize);
        let def = scope.and_then(|scope| scope.spaces[space.into() as usize].get(index as usize));
        def.cloned().unwrap_or_default()
    }

    fn end(&mut self, at: u64, load: &Load) -> Followed {
        // The validator copies a list of all that ended before.
        charged(load.work.charge(2 * self.ended), at)?;
        self.ended += 1;
        if let Some(module) = self.module.take() {
            self.define(Space::Modules, module);
        } else if let Some(scope) = self.scopes.pop() {
            let def = scope.close();
            self.check_depth(&def, at)?;
            if !self.scopes.is_empty() {
                self.define(Space::Components, def);
            }
        }
        Ok(())
    }

    /// Imports or exports of the open core module.
    fn declare<T>(&mut self, section: &SectionLimited<'a, T>) {
        if let Some(module) = &mut self.module {
            let names = section.range().end - section.range().start;
            module.size += PART * u64::from(section.count()) + names;
        }
    }

    /// Charges for walking `def`.
    fn walked(&self, def: &Def<'_>, at: u64, load: &Load) -> Followed {
        Ok(charged(load.work.charge(def.size / WALK), at)?)
    }

    /// Charges for walking and copying `def`.
    fn copied(&self, def: &Def<'_>, at: u64, load: &Load) -> Followed {
        charged(load.work.charge(def.size / COPY), at)?;
        Ok(charged(load.bytes.charge(def.size), at)?)
    }

    /// Charges for what an import or export of type `def` makes others walk and copy.
    fn mentioned(
        &self,
        kind: ComponentExternalKind,
        def: &Def<'_>,
        at: u64,
        load: &Load,
    ) -> Followed {
        match kind {
            ComponentExternalKind::Type if def.exports.is_some() => self.copied(def, at, load),
            ComponentExternalKind::Instance if def.resources > 0 => self.copied(def, at, load),
            _ => self.walked(def, at, load),
        }
    }

    fn type_ref(&self, ty: &ComponentTypeRef) -> Def<'a> {
        match *ty {
            ComponentTypeRef::Module(index) => self.at(Space::CoreTypes, index),
            ComponentTypeRef::Func(index)
            | ComponentTypeRef::Instance(index)
            | ComponentTypeRef::Component(index)
            | ComponentTypeRef::Type(TypeBounds::Eq(index)) => self.at(Space::Types, index),
            ComponentTypeRef::Type(TypeBounds::SubResource) => Def { resources: 1, ..Def::leaf() },
            ComponentTypeRef::Value(ty) => self.value(ty),
        }
    }

    fn import(&mut self, import: &ComponentImport<'a>, at: u64, load: &Load) -> Followed {
        let def = self.type_ref(&import.ty);
        self.mentioned(import.ty.kind(), &def, at, load)?;
        self.scope().def.add(import.name.name.len(), &def);
        self.define(import.ty.kind(), def);
        Ok(())
    }

    fn export(&mut self, export: &ComponentExport<'a>, at: u64, load: &Load) -> Followed {
        let def = match &export.ty {
            Some(ty) => self.type_ref(ty),
            None => self.at(export.kind, export.index),
        };
        self.exported(&export.name, export.kind, def, at, load)
    }

    fn exported(
        &mut self,
        name: &ComponentExternName<'a>,
        kind: ComponentExternalKind,
        def: Def<'a>,
        at: u64,
        load: &Load,
    ) -> Followed {
        self.mentioned(kind, &def, at, load)?;
        let scope = self.scope();
        scope.def.add(name.name.len(), &def);
        scope.exports.insert(name.name, def.clone());
        self.define(kind, def);
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'a>, at: u64, load: &Load) -> Followed {
        match *alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => {
                let instance = self.at(Space::Instances, instance_index);
                let export = instance.exports.as_ref().and_then(|exports| exports.get(name));
                self.define(kind, export.cloned().unwrap_or_default());
            }
            ComponentAlias::Outer { kind, count, index } => {
                let space = match kind {
                    ComponentOuterAliasKind::CoreModule => Space::Modules,
                    ComponentOuterAliasKind::CoreType => Space::CoreTypes,
                    ComponentOuterAliasKind::Type => Space::Types,
                    ComponentOuterAliasKind::Component => Space::Components,
                };
                let def = self.outer(space, count, index);
                self.walked(&def, at, load)?;
                self.define(space, def);
            }
            ComponentAlias::CoreInstanceExport { .. } => {}
        }
        Ok(())
    }

    fn instance(&mut self, instance: &ComponentInstance<'a>, at: u64, load: &Load) -> Followed {
        let def = match instance {
            ComponentInstance::Instantiate { component_index, .. } => {
                let def = self.at(Space::Components, *component_index);
                self.copied(&def, at, load)?;
                def
            }
            ComponentInstance::FromExports(exports) => {
                let mut scope = Scope::default();
                for export in exports {
                    let def = self.at(export.kind, export.index);
                    scope.def.add(export.name.name.len(), &def);
                    scope.exports.insert(export.name.name, def);
                }
                scope.close()
            }
        };
        self.check_depth(&def, at)?;
        self.define(Space::Instances, def);
        Ok(())
    }

    fn core_instance(&mut self, instance: &Instance<'a>, at: u64, load: &Load) -> Followed {
        let def = match instance {
            Instance::Instantiate { module_index, .. } => {
                let def = self.at(Space::Modules, *module_index);
                self.walked(&def, at, load)?;
                def
            }
            Instance::FromExports(_) => Def::leaf(),
        };
        self.define(Space::CoreInstances, def);
        Ok(())
    }

    fn canon(&mut self, canon: &CanonicalFunction, at: u64, load: &Load) -> Followed {
        use CanonicalFunction::*;
        let def = match *canon {
            Lift { type_index, .. } => self.at(Space::Types, type_index),
            Lower { func_index, .. } => self.at(Space::Funcs, func_index),
            TaskReturn { result: Some(ty), .. } => self.value(ty),
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
            | FutureDropWritable { ty } => self.at(Space::Types, ty),
            _ => return Ok(()),
        };
        self.walked(&def, at, load)?;
        if let Lift { .. } = canon {
            self.define(Space::Funcs, def);
        }
        Ok(())
    }

    /// Follows a section of types, without recursion into those that are declared inside others.
    fn type_section(
        &mut self,
        section: &SectionLimited<'a, ComponentType<'a>>,
        load: &Load,
    ) -> Followed {
        const COMPONENT: u8 = 0x41;
        const INSTANCE: u8 = 0x42;
        let wasm: &'a [u8] = self.wasm;
        let range = section.range();
        let bytes = wasm.get(range.start as usize..range.end as usize).ok_or(Stop::Malformed)?;
        let mut reader = BinaryReader::new_features(bytes, range.start, self.features);
        // How many types are left in the section, and declarations in each type that is open.
        let mut open = vec![reader.read_var_u32()?];
        while let Some(left) = open.last_mut() {
            let at = reader.original_position();
            if *left == 0 {
                open.pop();
                if !open.is_empty() {
                    let def = self.scopes.pop().ok_or(Stop::Malformed)?.close();
                    self.define_type(def, at)?;
                }
                continue;
            }
            *left -= 1;
            if open.len() > 1 && !self.declaration(&mut reader, load)? {
                continue;
            }
            match reader.clone().read_u8()? {
                COMPONENT | INSTANCE => {
                    if open.len() > MAX_NESTING {
                        return Err(too_deep(MAX_NESTING, at).into());
                    }
                    reader.read_u8()?;
                    open.push(reader.read_var_u32()?);
                    self.scopes.push(Scope::default());
                }
                _ => {
                    let def = self.simple_type(&reader.read()?);
                    self.define_type(def, at)?;
                }
            }
        }
        Ok(())
    }

    /// Reads a declaration inside a type, or only its first byte, and answers true, if it declares a
    /// type.
    fn declaration(&mut self, reader: &mut BinaryReader<'a>, load: &Load) -> Followed<bool> {
        let at = reader.original_position();
        match reader.read_u8()? {
            0x00 => self.core_type(&reader.read()?)?,
            0x01 => return Ok(true),
            0x02 => self.alias(&reader.read()?, at, load)?,
            0x03 => self.import(&reader.read()?, at, load)?,
            0x04 => {
                let name = reader.read()?;
                let ty: ComponentTypeRef = reader.read()?;
                let def = self.type_ref(&ty);
                self.exported(&name, ty.kind(), def, at, load)?;
            }
            _ => return Err(Stop::Malformed),
        }
        Ok(false)
    }

    fn define_type(&mut self, def: Def<'a>, at: u64) -> Followed {
        self.check_depth(&def, at)?;
        self.define(Space::Types, def);
        Ok(())
    }

    fn check_depth(&self, def: &Def<'_>, at: u64) -> Followed {
        if def.nesting as usize > MAX_NESTING {
            return Err(too_deep(MAX_NESTING, at).into());
        }
        if def.depth > MAX_TYPE_DEPTH {
            return Err(too_deep(MAX_TYPE_DEPTH as usize, at).into());
        }
        Ok(())
    }

    /// A type that has no index spaces of its own.
    fn simple_type(&self, ty: &ComponentType<'a>) -> Def<'a> {
        match ty {
            ComponentType::Defined(ty) => self.defined(ty),
            ComponentType::Func(ComponentFuncType { params, result, .. }) => {
                let params = params.iter().map(|(name, ty)| (name.len(), Some(*ty)));
                self.parts(params.chain([(0, *result)]))
            }
            ComponentType::Resource { .. } => Def { resources: 1, ..Def::leaf() },
            ComponentType::Component(_) | ComponentType::Instance(_) => Def::default(),
        }
    }

    fn defined(&self, ty: &ComponentDefinedType<'a>) -> Def<'a> {
        use ComponentDefinedType::*;
        match ty {
            Primitive(_) | Own(_) | Borrow(_) => Def::leaf(),
            Record(fields) => self.parts(fields.iter().map(|(name, ty)| (name.len(), Some(*ty)))),
            Variant(cases) => self.parts(cases.iter().map(|case| (case.name.len(), case.ty))),
            Tuple(types) => self.parts(types.iter().map(|ty| (0, Some(*ty)))),
            Flags(labels) | Enum(labels) => {
                self.parts(labels.iter().map(|label| (label.len(), None)))
            }
            List(ty) | FixedLengthList(ty, _) | Option(ty) => self.parts([(0, Some(*ty))]),
            Map(key, value) => self.parts([(0, Some(*key)), (0, Some(*value))]),
            Result { ok, err } => self.parts([(0, *ok), (0, *err)]),
            Future(ty) | Stream(ty) => self.parts([(0, *ty)]),
        }
    }

    /// A type made of parts, each with the length of its name.
    fn parts(&self, parts: impl IntoIterator<Item = (usize, Option<ComponentValType>)>) -> Def<'a> {
        let mut def = Def::leaf();
        for (name, ty) in parts {
            let part = ty.map_or_else(Def::default, |ty| self.value(ty));
            def.add(name, &part);
        }
        def
    }

    fn value(&self, ty: ComponentValType) -> Def<'a> {
        match ty {
            ComponentValType::Primitive(_) => Def { depth: 1, ..Def::default() },
            ComponentValType::Type(index) => self.at(Space::Types, index),
        }
    }

    fn core_type(&mut self, ty: &CoreType<'a>) -> Followed {
        match ty {
            CoreType::Rec(group) => {
                for _ in group.types() {
                    self.define(Space::CoreTypes, Def::leaf());
                }
            }
            CoreType::Module(decls) => {
                let mut def = Def::leaf();
                for decl in decls {
                    let name = match decl {
                        ModuleTypeDeclaration::Export { name, .. } => name.len(),
                        ModuleTypeDeclaration::Import(import) => {
                            import.module.len() + import.name.len()
                        }
                        _ => continue,
                    };
                    def.add(name, &Def::default());
                }
                self.define(Space::CoreTypes, def);
            }
        }
        Ok(())
    }
}

fn too_deep(limit: usize, at: u64) -> Error {
    let message = format!("types nest more than {limit} deep (at offset {at:#x})");
    Error::new(ErrorKind::Limit, message)
}
