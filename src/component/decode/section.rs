//! The sections of a component, each translated after it was validated.

use super::{BodyBuilder, Counts, Decoder, ExternName, error, invalid};
use crate::component::extern_type::TypeDef;
use crate::component::ir::{CoreItem, Initializer, Item, NamedItems, Outer};
use crate::error::{Error, ErrorKind, Result};
use wasmparser::{
    ComponentAlias, ComponentExport, ComponentExternName, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ExternalKind, FromReader, Instance, Payload, SectionLimited,
};

impl Decoder<'_> {
    /// Translates a section; `before` are the sizes of the index spaces before it.
    pub(super) fn section(&mut self, payload: &Payload<'_>, before: Counts) -> Result<()> {
        match payload {
            Payload::Version { .. } => self.begin_component(),
            Payload::ModuleSection { unchecked_range, .. } => {
                self.check_range(unchecked_range)?;
                self.module(unchecked_range)
            }
            Payload::ComponentSection { unchecked_range, .. } => self.check_range(unchecked_range),
            Payload::InstanceSection(section) => {
                self.each(section, |body, item| body.core_instance(item))
            }
            Payload::ComponentInstanceSection(section) => self.instances(section, before),
            Payload::ComponentAliasSection(section) => self.aliases(section),
            Payload::ComponentTypeSection(section) => self.type_definitions(section, before),
            Payload::ComponentCanonicalSection(section) => self.canonicals(section, before),
            Payload::ComponentImportSection(section) => self.imports(section),
            Payload::ComponentExportSection(section) => self.exports(section),
            // Core types are only ever mentioned by what the validator has resolved already,
            // nested components follow payload by payload, and custom sections mean nothing.
            _ => Ok(()),
        }
    }

    pub(super) fn body(&mut self) -> &mut BodyBuilder {
        self.bodies.last_mut().expect("sections are inside of a component")
    }

    fn each<'a, T: FromReader<'a>>(
        &mut self,
        section: &SectionLimited<'a, T>,
        mut translate: impl FnMut(&mut BodyBuilder, T),
    ) -> Result<()> {
        for item in section.clone() {
            translate(self.body(), item.map_err(invalid)?);
        }
        Ok(())
    }

    /// The parser takes a nested binary that was cut off between two sections for a whole one.
    fn check_range(&self, range: &std::ops::Range<u64>) -> Result<()> {
        if range.end > self.wasm.len() as u64 {
            return Err(error("the binary ends in the middle", self.wasm.len()));
        }
        Ok(())
    }

    fn module(&mut self, range: &std::ops::Range<u64>) -> Result<()> {
        self.in_module = true;
        let range = range.start as usize..range.end as usize;
        let index = self.modules.len();
        self.modules.push(range);
        self.body().initializers.push(Initializer::Module(index));
        Ok(())
    }

    fn type_definitions(
        &mut self,
        section: &SectionLimited<'_, wasmparser::ComponentType<'_>>,
        before: Counts,
    ) -> Result<()> {
        let types = self.validator.types(0).expect("inside of a component");
        let body = self.bodies.last_mut().expect("inside of a component");
        for (index, item) in (before.types..).zip(section.clone().into_iter_with_offsets()) {
            let (offset, item) = item.map_err(invalid)?;
            let def = self.types.def(types, types.component_any_type_at(index));
            let def = def.map_err(|error| {
                Error::new(error.kind(), format!("{error} (at offset {offset:#x})"))
            })?;
            if let wasmparser::ComponentType::Resource { rep: wasmparser::ValType::I64, .. } = item
            {
                let message = format!(
                    "resource types whose representation is an i64 are not supported; use i32 (at \
                     offset {offset:#x})"
                );
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            if let (wasmparser::ComponentType::Resource { dtor, .. }, TypeDef::Resource(ty)) =
                (item, def)
            {
                body.initializers.push(Initializer::Resource { ty, dtor });
            }
        }
        Ok(())
    }

    fn instances(
        &mut self,
        section: &SectionLimited<'_, ComponentInstance<'_>>,
        before: Counts,
    ) -> Result<()> {
        for (index, item) in (before.instances..).zip(section.clone()) {
            let initializer = match item.map_err(invalid)? {
                ComponentInstance::Instantiate { component_index, args } => {
                    let args = args.iter().map(|arg| (arg.name, arg.kind, arg.index));
                    let args = self.items(args)?;
                    let types = self.validator.types(0).expect("inside of a component");
                    let ty = types.component_instance_at(index);
                    let ty = self.types.instance(types, ty)?;
                    Initializer::Instantiate { component: component_index, args, ty }
                }
                ComponentInstance::FromExports(exports) => {
                    let exports = exports.iter().map(|e| (e.name.name, e.kind, e.index));
                    Initializer::Exports(self.items(exports)?)
                }
            };
            self.body().initializers.push(initializer);
        }
        Ok(())
    }

    fn items<'a>(
        &mut self,
        items: impl Iterator<Item = (&'a str, ComponentExternalKind, u32)>,
    ) -> Result<NamedItems> {
        items.map(|(name, kind, index)| Ok((name.into(), self.item(name, kind, index)?))).collect()
    }

    /// The definition `index` of sort `kind`, which from here on goes by `name` outside.
    fn item(&mut self, name: &str, kind: ComponentExternalKind, index: u32) -> Result<Item> {
        let types = self.validator.types(0).expect("inside of a component");
        let body = self.bodies.last_mut().expect("inside of a component");
        Ok(match kind {
            ComponentExternalKind::Module => Item::Module(index),
            ComponentExternalKind::Func => {
                body.name_lift(index, name);
                Item::Func(index)
            }
            ComponentExternalKind::Type => {
                let def = self.types.def(types, types.component_any_type_at(index))?;
                if let TypeDef::Resource(resource) = &def {
                    resource.set_name(plain(name));
                }
                Item::Type(def)
            }
            ComponentExternalKind::Instance => Item::Instance(index),
            ComponentExternalKind::Component => Item::Component(index),
            ComponentExternalKind::Value => return Err(no_values()),
        })
    }

    fn aliases(&mut self, section: &SectionLimited<'_, ComponentAlias<'_>>) -> Result<()> {
        for item in section.clone() {
            let initializer = match item.map_err(invalid)? {
                ComponentAlias::CoreInstanceExport { instance_index, name, .. } => {
                    Initializer::AliasCore { instance: instance_index, name: name.into() }
                }
                ComponentAlias::InstanceExport { kind, instance_index, name } => match kind {
                    ComponentExternalKind::Type => continue,
                    ComponentExternalKind::Value => return Err(no_values()),
                    _ => Initializer::Alias { instance: instance_index, name: name.into() },
                },
                ComponentAlias::Outer { kind, count, index } => match kind {
                    ComponentOuterAliasKind::CoreModule => {
                        Initializer::AliasOuter(self.outer(count, Outer::Module(index)))
                    }
                    ComponentOuterAliasKind::Component => {
                        Initializer::AliasOuter(self.outer(count, Outer::Component(index)))
                    }
                    ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => continue,
                },
            };
            self.body().initializers.push(initializer);
        }
        Ok(())
    }

    /// Leads a definition of the component `count` levels out to the current one: each component
    /// on the way captures it.
    fn outer(&mut self, count: u32, mut item: Outer) -> Outer {
        let outermost = self.bodies.len() - count as usize;
        for body in &mut self.bodies[outermost..] {
            body.captures.push(item);
            item = Outer::Captured(body.captures.len() as u32 - 1);
        }
        item
    }

    fn imports(
        &mut self,
        section: &SectionLimited<'_, wasmparser::ComponentImport<'_>>,
    ) -> Result<()> {
        for item in section.clone() {
            let import = item.map_err(invalid)?;
            let types = self.validator.types(0).expect("inside of a component");
            let ty = entity(types.component_item_for_import(import.name.name));
            let ty = self.types.entity(types, import.name.name, &ty)?;
            let body = self.body();
            let name: ExternName = import.name.into();
            body.initializers.push(Initializer::Import { name: name.name.clone(), ty });
            body.imports.push(name);
        }
        Ok(())
    }

    fn exports(&mut self, section: &SectionLimited<'_, ComponentExport<'_>>) -> Result<()> {
        for item in section.clone() {
            let export = item.map_err(invalid)?;
            let item = self.item(export.name.name, export.kind, export.index)?;
            let types = self.validator.types(0).expect("inside of a component");
            let ty = entity(types.component_item_for_export(export.name.name));
            let ty = self.types.entity(types, export.name.name, &ty)?;
            let body = self.body();
            let name: ExternName = export.name.into();
            body.initializers.push(Initializer::Export { name: name.name.clone(), item, ty });
            body.exports.push(name);
        }
        Ok(())
    }
}

impl BodyBuilder {
    fn core_instance(&mut self, instance: Instance<'_>) {
        self.initializers.push(match instance {
            Instance::Instantiate { module_index, args } => {
                let args = args.iter().map(|arg| (arg.name.into(), arg.index)).collect();
                Initializer::CoreInstantiate { module: module_index, args }
            }
            Instance::FromExports(exports) => {
                let exports = exports.iter().map(|export| {
                    let item = match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => CoreItem::Func,
                        ExternalKind::Memory => CoreItem::Memory,
                        ExternalKind::Table => CoreItem::Table,
                        ExternalKind::Global => CoreItem::Global,
                        ExternalKind::Tag => CoreItem::Tag,
                    };
                    (export.name.into(), item(export.index))
                });
                Initializer::CoreExports(exports.collect())
            }
        });
    }

    /// A lifted function is called in messages what it is exported as first.
    fn name_lift(&mut self, func: u32, export: &str) {
        let Some(lift) = self.lifts.remove(&func) else { return };
        if let Initializer::Lift { name, .. } = &mut self.initializers[lift] {
            *name = Some(plain(export).into());
        }
    }
}

/// A name without what toolchains put in front when they wrap an export into a shim component.
fn plain(name: &str) -> &str {
    let shim =
        ["import-func-", "import-method-", "import-static-", "import-constructor-", "import-type-"];
    shim.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

fn entity(
    item: Option<&wasmparser::component_types::ComponentItem>,
) -> wasmparser::component_types::ComponentEntityType {
    item.expect("the section was validated").ty
}

fn no_values() -> Error {
    Error::new(ErrorKind::Unsupported, "imports, exports and aliases of values are not supported")
}

impl From<ComponentExternName<'_>> for ExternName {
    fn from(name: ComponentExternName<'_>) -> Self {
        ExternName { name: name.name.into(), implements: name.implements.map(Into::into) }
    }
}
