//! The validator's types as the library's own.

use super::ExternName;
use crate::component::extern_type::{
    ComponentType, ExternDecl, ExternType, InstanceType, ModuleType, Named, TypeDef,
};
use crate::engine::CoreDecl;
use crate::engine::core_extern;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{Case, Field, FuncType, Kind, ResourceType, Type};
use std::collections::HashMap;
use std::sync::Arc;
use wasmparser::PrimitiveValType;
use wasmparser::collections::IndexSet;
use wasmparser::component_types::{
    AliasableResourceId, ComponentAnyTypeId, ComponentCoreModuleTypeId, ComponentDefinedType,
    ComponentDefinedTypeId, ComponentEntityType, ComponentFuncTypeId, ComponentInstanceTypeId,
    ComponentItem, ComponentTypeId, ComponentValType, ResourceId,
};
use wasmparser::names::KebabString;
use wasmparser::types::TypesRef;

/// Converts each type once.
#[derive(Default)]
pub(super) struct TypeConverter {
    /// The placeholders of the validator's resource types.
    resources: HashMap<ResourceId, ResourceType>,
    defined: HashMap<ComponentDefinedTypeId, Type>,
    funcs: HashMap<ComponentFuncTypeId, FuncType>,
    instances: HashMap<ComponentInstanceTypeId, Arc<InstanceType>>,
    components: HashMap<ComponentTypeId, Arc<ComponentType>>,
    modules: HashMap<ComponentCoreModuleTypeId, Arc<ModuleType>>,
}

impl TypeConverter {
    /// The type of the import or export `name`.
    pub(super) fn entity(
        &mut self,
        types: TypesRef<'_>,
        name: &str,
        ty: &ComponentEntityType,
    ) -> Result<ExternType> {
        Ok(match *ty {
            ComponentEntityType::Module(id) => ExternType::Module(self.module(types, id)),
            ComponentEntityType::Func(id) => ExternType::Func(self.func(types, id)?),
            ComponentEntityType::Type { created, .. } => {
                let def = self.def(types, created)?;
                if let TypeDef::Resource(resource) = &def {
                    resource.set_name(name);
                }
                ExternType::Type(def)
            }
            ComponentEntityType::Instance(id) => ExternType::Instance(self.instance(types, id)?),
            ComponentEntityType::Component(id) => ExternType::Component(self.component(types, id)?),
            ComponentEntityType::Value(_) => {
                let message = format!("{name}: values are not supported");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        })
    }

    pub(super) fn def(&mut self, types: TypesRef<'_>, id: ComponentAnyTypeId) -> Result<TypeDef> {
        Ok(match id {
            ComponentAnyTypeId::Resource(id) => TypeDef::Resource(self.resource(id)),
            ComponentAnyTypeId::Defined(id) => TypeDef::Value(self.defined(types, id)?),
            ComponentAnyTypeId::Func(id) => TypeDef::Func(self.func(types, id)?),
            ComponentAnyTypeId::Instance(id) => TypeDef::Instance(self.instance(types, id)?),
            ComponentAnyTypeId::Component(id) => TypeDef::Component(self.component(types, id)?),
        })
    }

    pub(super) fn resource(&mut self, id: AliasableResourceId) -> ResourceType {
        self.resources.entry(id.resource()).or_insert_with(ResourceType::unnamed).clone()
    }

    pub(super) fn instance(
        &mut self,
        types: TypesRef<'_>,
        id: ComponentInstanceTypeId,
    ) -> Result<Arc<InstanceType>> {
        if let Some(ty) = self.instances.get(&id) {
            return Ok(ty.clone());
        }
        let exports = types[id]
            .exports
            .iter()
            .map(|(name, item)| Ok((name.as_str().into(), self.entity(types, name, &item.ty)?)));
        let ty = Arc::new(InstanceType { exports: exports.collect::<Result<_>>()? });
        self.instances.insert(id, ty.clone());
        Ok(ty)
    }

    fn component(
        &mut self,
        types: TypesRef<'_>,
        id: ComponentTypeId,
    ) -> Result<Arc<ComponentType>> {
        if let Some(ty) = self.components.get(&id) {
            return Ok(ty.clone());
        }
        let component = &types[id];
        let mut decls = |items: &wasmparser::collections::IndexMap<String, ComponentItem>| {
            let decls = items.iter().map(|(name, item)| {
                let ty = self.entity(types, name, &item.ty)?;
                let implements = item.implements.as_deref().map(Into::into);
                Ok((name.as_str().into(), ExternDecl { ty, implements }))
            });
            decls.collect::<Result<_>>()
        };
        let ty = ComponentType {
            imports: decls(&component.imports)?,
            exports: decls(&component.exports)?,
        };
        let ty = Arc::new(ty);
        self.components.insert(id, ty.clone());
        Ok(ty)
    }

    /// The imports or exports of the component that `types` describes.
    pub(super) fn decls<'a>(
        &mut self,
        types: TypesRef<'a>,
        names: &[ExternName],
        item: impl Fn(&TypesRef<'a>, &str) -> Option<&'a ComponentItem>,
    ) -> Result<Named<ExternDecl>> {
        let decls = names.iter().map(|ExternName { name, implements }| {
            let item = item(&types, name).expect("the section was validated");
            let ty = self.entity(types, name, &item.ty)?;
            Ok((name.clone(), ExternDecl { ty, implements: implements.clone() }))
        });
        decls.collect()
    }

    pub(super) fn func(
        &mut self,
        types: TypesRef<'_>,
        id: ComponentFuncTypeId,
    ) -> Result<FuncType> {
        if let Some(ty) = self.funcs.get(&id) {
            return Ok(ty.clone());
        }
        let func = &types[id];
        let params = func.params.iter().map(|(name, ty)| {
            Ok(Field { name: name.as_str().into(), ty: self.value(types, *ty)? })
        });
        let params = params.collect::<Result<_>>()?;
        let result = self.optional(types, func.result)?;
        let ty = FuncType::new(params, result, func.async_)?;
        self.funcs.insert(id, ty.clone());
        Ok(ty)
    }

    pub(super) fn value(&mut self, types: TypesRef<'_>, ty: ComponentValType) -> Result<Type> {
        match ty {
            ComponentValType::Primitive(ty) => Ok(primitive(ty)),
            ComponentValType::Type(id) => self.defined(types, id),
        }
    }

    fn optional(
        &mut self,
        types: TypesRef<'_>,
        ty: Option<ComponentValType>,
    ) -> Result<Option<Type>> {
        ty.map(|ty| self.value(types, ty)).transpose()
    }

    pub(super) fn defined(
        &mut self,
        types: TypesRef<'_>,
        id: ComponentDefinedTypeId,
    ) -> Result<Type> {
        if let Some(ty) = self.defined.get(&id) {
            return Ok(ty.clone());
        }
        let ty = match &types[id] {
            ComponentDefinedType::Primitive(ty) => primitive(*ty),
            defined => Type::new(self.kind(types, defined)?)?,
        };
        self.defined.insert(id, ty.clone());
        Ok(ty)
    }

    /// Recurses no deeper than the validator lets types nest.
    fn kind(&mut self, types: TypesRef<'_>, ty: &ComponentDefinedType) -> Result<Kind> {
        Ok(match ty {
            ComponentDefinedType::Primitive(ty) => primitive(*ty).kind().clone(),
            ComponentDefinedType::Record(record) => {
                let fields = record.fields.iter().map(|(name, ty)| {
                    Ok(Field { name: name.as_str().into(), ty: self.value(types, *ty)? })
                });
                Kind::Record(fields.collect::<Result<_>>()?)
            }
            ComponentDefinedType::Variant(variant) => {
                let cases = variant.cases.iter().map(|(name, case)| {
                    Ok(Case { name: name.as_str().into(), ty: self.optional(types, case.ty)? })
                });
                Kind::Variant(cases.collect::<Result<_>>()?)
            }
            ComponentDefinedType::List { element, .. } => Kind::List(self.value(types, *element)?),
            ComponentDefinedType::FixedLengthList { element, length, .. } => {
                Kind::FixedList(self.value(types, *element)?, *length)
            }
            ComponentDefinedType::Map { key, value, .. } => {
                Kind::Map(self.value(types, *key)?, self.value(types, *value)?)
            }
            ComponentDefinedType::Tuple(tuple) => {
                let elements = tuple.types.iter().map(|ty| self.value(types, *ty));
                Kind::Tuple(elements.collect::<Result<_>>()?)
            }
            ComponentDefinedType::Flags(names) => Kind::Flags(labels(names)),
            ComponentDefinedType::Enum(names) => Kind::Enum(labels(names)),
            ComponentDefinedType::Option { ty, .. } => Kind::Option(self.value(types, *ty)?),
            ComponentDefinedType::Result { ok, err, .. } => {
                Kind::Result { ok: self.optional(types, *ok)?, err: self.optional(types, *err)? }
            }
            ComponentDefinedType::Own(resource) => Kind::Own(self.resource(*resource)),
            ComponentDefinedType::Borrow(resource) => Kind::Borrow(self.resource(*resource)),
            ComponentDefinedType::Stream { ty, .. } => Kind::Stream(self.optional(types, *ty)?),
            ComponentDefinedType::Future { ty, .. } => Kind::Future(self.optional(types, *ty)?),
        })
    }

    fn module(&mut self, types: TypesRef<'_>, id: ComponentCoreModuleTypeId) -> Arc<ModuleType> {
        let convert = || {
            let module = &types[id];
            let imports = module.imports.iter().map(|((module, name), ty)| CoreDecl {
                module: module.clone(),
                name: name.as_str().into(),
                ty: core_extern(types, ty),
            });
            let exports = module.exports.iter().map(|(name, ty)| CoreDecl {
                module: String::new(),
                name: name.as_str().into(),
                ty: core_extern(types, ty),
            });
            Arc::new(ModuleType { imports: imports.collect(), exports: exports.collect() })
        };
        self.modules.entry(id).or_insert_with(convert).clone()
    }
}

pub(super) fn primitive(ty: PrimitiveValType) -> Type {
    match ty {
        PrimitiveValType::Bool => Type::bool(),
        PrimitiveValType::S8 => Type::s8(),
        PrimitiveValType::U8 => Type::u8(),
        PrimitiveValType::S16 => Type::s16(),
        PrimitiveValType::U16 => Type::u16(),
        PrimitiveValType::S32 => Type::s32(),
        PrimitiveValType::U32 => Type::u32(),
        PrimitiveValType::S64 => Type::s64(),
        PrimitiveValType::U64 => Type::u64(),
        PrimitiveValType::F32 => Type::f32(),
        PrimitiveValType::F64 => Type::f64(),
        PrimitiveValType::Char => Type::char(),
        PrimitiveValType::String => Type::string(),
        PrimitiveValType::ErrorContext => Type::error_context(),
    }
}

fn labels(names: &IndexSet<KebabString>) -> Box<[Arc<str>]> {
    names.iter().map(|name| name.as_str().into()).collect()
}
