//! What copying a value of a type comes down to for the formats of the two sides.

use super::Format;
use super::bulk::{Mask, Tagged};
use super::flat::{FlatLayout, Scalars};
use crate::core_types::AddrType;
use crate::error::PathSegment;
use crate::types::layout::{discriminant_size, field_offsets, flags_size, payload_offset};
use crate::types::{Kind, ResourceType, Type};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// How to copy a value of one type between two formats. Shareable between threads; it holds no
/// state of a copy.
pub struct Plan {
    pub(super) ty: Type,
    pub(super) src: Format,
    pub(super) dst: Format,
    pub(super) op: Op,
    /// The value as core values on each side, if there are few enough of them.
    pub(super) src_flat: Option<FlatLayout>,
    pub(super) dst_flat: Option<FlatLayout>,
    /// The same where it is nothing but numbers and booleans that stay as they are.
    pub(super) scalars: Option<Scalars>,
}

impl Plan {
    /// Compiles the plan for values of type `ty` in format `src` to become `dst`.
    pub fn new(ty: &Type, src: Format, dst: Format) -> Plan {
        Plan::compile(ty, src, dst, false)
    }

    /// The same for the deterministic profile of the specification: a NaN becomes the canonical one.
    pub fn deterministic(ty: &Type, src: Format, dst: Format) -> Plan {
        Plan::compile(ty, src, dst, true)
    }

    fn compile(ty: &Type, src: Format, dst: Format, deterministic: bool) -> Plan {
        let mut compiler = Compiler { src, dst, deterministic, done: HashMap::new() };
        let src_flat = FlatLayout::new(ty, src.addr);
        let scalars = src_flat.as_ref().filter(|_| compiler.keeps_floats(ty));
        Plan {
            ty: ty.clone(),
            src,
            dst,
            op: compiler.compile(ty),
            scalars: scalars.and_then(|layout| Scalars::new(ty, layout)),
            src_flat,
            dst_flat: FlatLayout::new(ty, dst.addr),
        }
    }

    /// The type of the values that are copied.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// Whether this is how values in format `src` become `dst`.
    pub(crate) fn is_between(&self, src: Format, dst: Format) -> bool {
        self.src == src && self.dst == dst
    }
}

/// The plans that were compiled so far. They live as long as the cache.
#[derive(Default)]
pub struct PlanCache {
    deterministic: bool,
    plans: RefCell<FxHashMap<Type, SmallVec<[Arc<Plan>; 1]>>>,
}

impl PlanCache {
    /// A cache of plans for the deterministic profile of the specification, or of others.
    pub fn new(deterministic: bool) -> PlanCache {
        PlanCache { deterministic, plans: RefCell::default() }
    }

    /// The plan for values of type `ty` in format `src` to become `dst`, compiled if need be.
    pub fn get(&self, ty: &Type, src: Format, dst: Format) -> Arc<Plan> {
        let mut plans = self.plans.borrow_mut();
        let of_type = plans.get(ty).map_or(&[] as &[_], |plans| plans);
        if let Some(plan) = of_type.iter().find(|plan| plan.is_between(src, dst)) {
            return plan.clone();
        }
        let plan = Arc::new(Plan::compile(ty, src, dst, self.deterministic));
        plans.entry(ty.clone()).or_default().push(plan.clone());
        plan
    }

    /// How many plans there are.
    pub fn len(&self) -> usize {
        self.plans.borrow().values().map(SmallVec::len).sum()
    }

    /// Whether there is no plan.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all plans.
    pub fn clear(&self) {
        self.plans.borrow_mut().clear();
    }
}

/// What to do with a value at some place. Places are relative to the value, so that a type that
/// occurs many times in another is compiled once.
#[derive(Clone)]
pub(super) enum Op {
    /// This many bytes that are the same on both sides and need no checking.
    Bytes(u32),
    /// Fields that are the same on both sides and need no checking, with padding in between that
    /// the destination must not see.
    Masked(u32, Arc<Mask>),
    Bool,
    Char,
    /// Floats whose NaNs become the canonical one.
    F32,
    F64,
    /// A discriminant of `size` bytes without payload.
    Enum {
        size: u32,
        cases: u32,
    },
    Flags {
        size: u32,
        mask: u32,
    },
    Record(Arc<[Step]>),
    FixedList(Arc<List>, u32),
    /// A variant whose payloads are like [`Op::Masked`].
    Tagged(Arc<Tagged>),
    Variant(Arc<Variant>),
    String,
    List(Arc<List>),
    Own(ResourceType),
    Borrow(ResourceType),
    Stream(Option<Type>),
    Future(Option<Type>),
    ErrorContext,
}

impl Op {
    /// Whether many values are copied by a loop that costs little more than their bytes.
    pub(super) fn is_bulk(&self) -> bool {
        use Op::*;
        matches!(
            self,
            Bytes(_)
                | Masked(..)
                | Bool
                | Char
                | F32
                | F64
                | Enum { .. }
                | Flags { .. }
                | Tagged(_)
        )
    }
}

/// A part of a record.
#[derive(Clone)]
pub(super) struct Step {
    /// Bytes from the beginning of the record on each side.
    pub(super) src: u32,
    pub(super) dst: u32,
    pub(super) op: Op,
    /// The way from the record to the part, for messages; outermost first. Empty where nothing can
    /// go wrong.
    pub(super) path: Box<[PathSegment]>,
}

/// The elements of a list.
pub(super) struct List {
    pub(super) op: Op,
    pub(super) src_size: u32,
    pub(super) src_align: u32,
    pub(super) dst_size: u32,
    pub(super) dst_align: u32,
}

/// A variant, option or result.
pub(super) struct Variant {
    /// For the names of its cases.
    pub(super) ty: Type,
    pub(super) discriminant_size: u32,
    /// Bytes from the beginning to the payload on each side.
    pub(super) src_payload: u32,
    pub(super) dst_payload: u32,
    pub(super) cases: Box<[Option<Op>]>,
}

/// The most parts that a record takes over from the records within it.
const MAX_INLINED: usize = 32;

struct Compiler {
    src: Format,
    dst: Format,
    /// Whether NaNs become canonical.
    deterministic: bool,
    /// A type may have few different parts and yet be huge when written out.
    done: HashMap<Type, Op>,
}

impl Compiler {
    fn compile(&mut self, ty: &Type) -> Op {
        if let Some(op) = self.done.get(ty) {
            return op.clone();
        }
        let op = if self.is_plain(ty) { self.plain(ty) } else { self.checked(ty) };
        self.done.insert(ty.clone(), op.clone());
        op
    }

    /// Whether the type has no pointers, and every bit pattern is valid and stays as it is.
    fn is_plain(&self, ty: &Type) -> bool {
        ty.info().any_bits() && self.keeps_floats(ty)
    }

    /// Whether no float of a value is made canonical.
    fn keeps_floats(&self, ty: &Type) -> bool {
        !(self.deterministic && ty.info().contains_float())
    }

    fn plain(&mut self, ty: &Type) -> Op {
        let size = ty.info().size(self.src.addr);
        // A host may see the padding of what it is given; nobody else learns what was in another's.
        if self.dst.host || !ty.info().has_padding(self.src.addr) {
            Op::Bytes(size)
        } else if size <= Mask::MAX {
            let mut pattern = vec![0; size as usize];
            mark_fields(ty, &mut pattern);
            Op::Masked(size, Arc::new(Mask::new(&pattern)))
        } else {
            self.checked(ty)
        }
    }

    fn checked(&mut self, ty: &Type) -> Op {
        match ty.kind() {
            Kind::Bool => Op::Bool,
            Kind::Char => Op::Char,
            Kind::Flags(labels) => Op::Flags {
                size: flags_size(labels.len()),
                mask: u32::MAX >> (32 - labels.len() as u32),
            },
            Kind::Enum(labels) => {
                Op::Enum { size: discriminant_size(labels.len()), cases: labels.len() as u32 }
            }
            Kind::Record(_) | Kind::Tuple(_) => self.record(ty),
            Kind::Variant(_) | Kind::Option(_) | Kind::Result { .. } => self.variant(ty),
            Kind::FixedList(element, length) => Op::FixedList(self.list(element), *length),
            Kind::List(element) => Op::List(self.list(element)),
            Kind::Map(..) => self.compile(&ty.despecialize()),
            Kind::String => Op::String,
            Kind::Own(resource) => Op::Own(resource.clone()),
            Kind::Borrow(resource) => Op::Borrow(resource.clone()),
            Kind::Stream(element) => Op::Stream(element.clone()),
            Kind::Future(element) => Op::Future(element.clone()),
            Kind::ErrorContext => Op::ErrorContext,
            Kind::S8 | Kind::U8 | Kind::S16 | Kind::U16 | Kind::S32 | Kind::U32 => self.plain(ty),
            Kind::S64 | Kind::U64 => self.plain(ty),
            Kind::F32 => Op::F32,
            Kind::F64 => Op::F64,
        }
    }

    fn list(&mut self, element: &Type) -> Arc<List> {
        let info = element.info();
        Arc::new(List {
            op: self.compile(element),
            src_size: info.size(self.src.addr),
            src_align: info.align(self.src.addr),
            dst_size: info.size(self.dst.addr),
            dst_align: info.align(self.dst.addr),
        })
    }

    fn record(&mut self, ty: &Type) -> Op {
        let kind = ty.kind();
        let offsets = field_offsets(kind, self.src.addr).zip(field_offsets(kind, self.dst.addr));
        let mut steps = Vec::new();
        for (i, (field, (src, dst))) in kind.field_types().zip(offsets).enumerate() {
            let segment = PathSegment::Field(match kind {
                Kind::Record(fields) => fields[i].name.clone(),
                _ => i.to_string().into(),
            });
            match self.compile(field) {
                Op::Record(parts) if steps.len() + parts.len() <= MAX_INLINED => {
                    for part in parts.iter() {
                        let path = [std::slice::from_ref(&segment), &part.path].concat().into();
                        let (src, dst) = (src + part.src, dst + part.dst);
                        self.push(&mut steps, Step { src, dst, op: part.op.clone(), path });
                    }
                }
                op => self.push(&mut steps, Step { src, dst, op, path: [segment].into() }),
            }
        }
        Op::Record(steps.into())
    }

    /// Adds a part to a record, to the last one if both are plain bytes side by side.
    fn push(&self, steps: &mut Vec<Step>, mut step: Step) {
        if let Op::Bytes(size) = step.op {
            step.path = Box::default();
            if let Some(Step { src, dst, op: Op::Bytes(before), .. }) = steps.last_mut() {
                let (src_gap, dst_gap) = (step.src - *src, step.dst - *dst);
                if src_gap == dst_gap && (src_gap == *before || self.dst.host) {
                    *before = src_gap + size;
                    return;
                }
            }
        }
        steps.push(step);
    }

    fn variant(&mut self, ty: &Type) -> Op {
        if let Some(tagged) = self.tagged(ty) {
            return Op::Tagged(Arc::new(tagged));
        }
        let kind = ty.kind();
        Op::Variant(Arc::new(Variant {
            ty: ty.clone(),
            discriminant_size: discriminant_size(kind.case_count()),
            src_payload: payload_offset(kind, self.src.addr),
            dst_payload: payload_offset(kind, self.dst.addr),
            cases: kind.case_types().map(|case| case.map(|case| self.compile(case))).collect(),
        }))
    }

    /// The table to copy a small variant by, if its payloads need no checking.
    fn tagged(&self, ty: &Type) -> Option<Tagged> {
        // There is no pointer in it: any address type will do.
        const ADDR: AddrType = AddrType::I32;
        let kind = ty.kind();
        let size = ty.info().size(ADDR);
        let is_plain = kind.case_types().flatten().all(|case| self.is_plain(case));
        if !is_plain || size > Tagged::MAX || kind.case_count() > Tagged::MAX_CASES {
            return None;
        }
        let discriminant_size = discriminant_size(kind.case_count());
        let patterns = kind.case_types().map(|case| {
            let mut pattern = vec![0; size as usize];
            pattern[..discriminant_size as usize].fill(0xff);
            if let Some(case) = case {
                mark_fields(case, &mut pattern[payload_offset(kind, ADDR) as usize..]);
            }
            pattern
        });
        Some(Tagged::new(discriminant_size, &patterns.collect::<Vec<_>>()))
    }
}

/// Sets the bytes of a value of a plain type that are not padding to `0xff`.
fn mark_fields(ty: &Type, pattern: &mut [u8]) {
    let size = ty.info().size(AddrType::I32) as usize;
    match ty.kind() {
        kind @ (Kind::Record(_) | Kind::Tuple(_)) => {
            for (field, at) in kind.field_types().zip(field_offsets(kind, AddrType::I32)) {
                mark_fields(field, &mut pattern[at as usize..]);
            }
        }
        Kind::FixedList(element, length) => {
            let step = size / *length as usize;
            for i in 0..*length as usize {
                mark_fields(element, &mut pattern[i * step..]);
            }
        }
        _ => pattern[..size].fill(0xff),
    }
}
