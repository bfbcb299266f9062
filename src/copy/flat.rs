//! Values as core values: lifted from and lowered to a function's arguments and results.
//!
//! A flat value is laid out as it would be in its side's memory, in a scratch, and copied from
//! there (or the other way round), so that there is one way to copy a value. As a core value is a
//! word that holds the bits of any core type, the coercions between the types that the cases of a
//! variant share come down to reading as many low bits as the part has.

use super::exec::{Exec, case_name, invalid_discriminant, load_int, store_int};
use super::plan::{Plan, PlanCache};
use super::{Context, Format};
use crate::core_types::{AddrType, RawVal};
use crate::error::{PathSegment, Trapped};
use crate::memory::View;
use crate::types::layout::{
    MAX_FLAT_PARAMS, discriminant_size, field_offsets, flags_size, payload_offset,
};
use crate::types::{FuncType, Kind, Type};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

/// Where a value is.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// Its core values.
    Flat(&'a [RawVal]),
    /// In the source's memory, at this pointer.
    Memory(u64),
}

impl<'a> Source<'a> {
    /// `lift_flat_values`: where the value of type `ty` is that came as `values`, of which at most
    /// `max_flat` are the value itself: more are spilled, and the first is a pointer.
    pub fn spilled(ty: &Type, max_flat: usize, values: &'a [RawVal]) -> Self {
        if ty.info().flat_count() as usize > max_flat {
            Source::Memory(values[0])
        } else {
            Source::Flat(values)
        }
    }
}

/// Where a value is to go.
#[derive(Debug)]
pub enum Target<'a> {
    /// To its core values.
    Flat(&'a mut [RawVal]),
    /// To the destination's memory, at this pointer.
    Memory(u64),
    /// To new memory of the destination's, whose pointer is written here.
    Allocate(&'a mut RawVal),
}

impl<'a> Target<'a> {
    /// `lower_flat_values`: where a value of type `ty` goes that may be at most `max_flat` of the core
    /// values `values`: beyond that to `out_param`, or to new memory whose pointer becomes the first of
    /// `values`.
    pub fn spilled(
        ty: &Type,
        max_flat: usize,
        values: &'a mut [RawVal],
        out_param: Option<u64>,
    ) -> Self {
        match out_param {
            _ if ty.info().flat_count() as usize <= max_flat => Target::Flat(values),
            Some(ptr) => Target::Memory(ptr),
            None => Target::Allocate(&mut values[0]),
        }
    }
}

/// The plans of a function's calls between a caller and a callee.
pub struct FuncPlans {
    /// From caller to callee: the record of the parameters, if there are any.
    params: Option<Arc<Plan>>,
    /// From callee to caller.
    result: Option<Arc<Plan>>,
}

impl FuncPlans {
    /// The plans of calls of functions of type `ty`.
    pub fn new(plans: &PlanCache, ty: &FuncType, caller: Format, callee: Format) -> Self {
        FuncPlans {
            params: ty.params_type().map(|params| plans.get(params, caller, callee)),
            result: ty.result().map(|result| plans.get(result, callee, caller)),
        }
    }

    /// What does the same in two steps: into the process's memory, and out of it.
    pub fn halves(&self, plans: &PlanCache) -> (FuncPlans, FuncPlans) {
        let halves = |plan: &Arc<Plan>| {
            let between = Format::between(plan.src.encoding);
            (plans.get(&plan.ty, plan.src, between), plans.get(&plan.ty, between, plan.dst))
        };
        let (into, out_of) = self.params.as_ref().map(halves).unzip();
        let (result_into, result_out_of) = self.result.as_ref().map(halves).unzip();
        let lift = FuncPlans { params: into, result: result_into };
        (lift, FuncPlans { params: out_of, result: result_out_of })
    }

    /// Copies the parameters, from the caller to the callee. Does nothing if there are none.
    #[inline(always)]
    pub fn copy_params(
        &self,
        cx: &mut impl Context,
        from: Source<'_>,
        to: Target<'_>,
    ) -> Result<(), Trapped> {
        let Some(plan) = &self.params else { return Ok(()) };
        plan.transfer(cx, from, to).map_err(Trapped::of_params)
    }

    /// Copies the result, from the callee to the caller. Does nothing if there is none.
    #[inline(always)]
    pub fn copy_result(
        &self,
        cx: &mut impl Context,
        from: Source<'_>,
        to: Target<'_>,
    ) -> Result<(), Trapped> {
        let Some(plan) = &self.result else { return Ok(()) };
        plan.transfer(cx, from, to).map_err(|trap| trap.at(PathSegment::Result))
    }
}

/// Room for a value that is flat: no core value takes more than a word in memory, padding included.
type Scratch = [u64; MAX_FLAT_PARAMS];

/// A scratch for a value of type `ty`.
#[inline(always)]
fn scratch(ty: &Type, addr: AddrType) -> Scratch {
    assert!(ty.info().size(addr) as usize <= size_of::<Scratch>(), "{ty} is spilled");
    [0; MAX_FLAT_PARAMS]
}

impl Plan {
    /// Copies a value from and to where they are, in memory or as core values.
    ///
    /// Pointers to memory are checked. A value that has more than
    /// [`MAX_FLAT_PARAMS`] core values is never flat.
    #[inline(always)]
    pub fn transfer(
        &self,
        cx: &mut impl Context,
        from: Source<'_>,
        to: Target<'_>,
    ) -> Result<(), Trapped> {
        let Some(scalars) = &self.scalars else { return self.transfer_parts(cx, from, to) };
        // Only the memory that the value is in is needed.
        match (from, to) {
            (Source::Memory(ptr), Target::Flat(values)) => {
                scalars.lower_flat(cx.src_memory(), ptr, values)
            }
            (Source::Flat(values), Target::Memory(ptr)) => {
                scalars.lift_flat(values, cx.dst_memory(), ptr)
            }
            (Source::Flat(from), Target::Flat(to)) => {
                scalars.pass_flat(from, to);
                Ok(())
            }
            (Source::Flat(values), Target::Allocate(place)) => {
                *place = self.allocate_scalars(cx, scalars, values)?;
                Ok(())
            }
            (from, to) => self.transfer_parts(cx, from, to),
        }
    }

    /// New memory of the destination's that holds a value, and nothing in its padding.
    fn allocate_scalars(
        &self,
        cx: &mut dyn Context,
        scalars: &Scalars,
        values: &[RawVal],
    ) -> Result<u64, Trapped> {
        let mut exec = Exec::new(cx, self);
        let ptr = exec.allocate(scalars.align, scalars.size.into())?;
        let to = exec.dst_at(ptr);
        // SAFETY: `allocate` has checked the range.
        unsafe {
            if scalars.has_padding {
                to.write_bytes(0, scalars.size as usize);
            }
            scalars.store(values, to);
        }
        Ok(ptr)
    }

    fn transfer_parts(
        &self,
        cx: &mut dyn Context,
        from: Source<'_>,
        to: Target<'_>,
    ) -> Result<(), Trapped> {
        let mut exec = Exec::new(cx, self);
        match from {
            Source::Memory(ptr) => {
                exec.check_src(&self.ty, ptr, 1)?;
                self.transfer_to(&mut exec, ptr, to)
            }
            Source::Flat(values) => {
                let mut scratch = scratch(&self.ty, self.src.addr);
                exec.src_base = scratch.as_mut_ptr().cast();
                // SAFETY: the scratch has the type's size.
                unsafe { flat_layout(&self.src_flat).lift_flat(values, exec.src_base)? };
                self.transfer_to(&mut exec, 0, to)
            }
        }
    }

    /// Copies the value at a place that was checked.
    fn transfer_to(&self, exec: &mut Exec<'_>, src: u64, to: Target<'_>) -> Result<(), Trapped> {
        match to {
            Target::Memory(ptr) => {
                exec.check_dst(&self.ty, ptr, 1)?;
                // SAFETY: both ranges were checked.
                unsafe { exec.copy(&self.op, src, ptr)? }
            }
            Target::Allocate(out) => {
                let info = self.ty.info();
                let size = info.size(self.dst.addr).into();
                let ptr = exec.allocate(info.align(self.dst.addr), size)?;
                *out = ptr;
                // SAFETY: both ranges were checked, the destination's by `allocate`.
                unsafe { exec.copy(&self.op, src, ptr)? }
            }
            Target::Flat(values) => {
                let layout = flat_layout(&self.dst_flat);
                let mut scratch = scratch(&self.ty, self.dst.addr);
                exec.dst_base = scratch.as_mut_ptr().cast();
                // SAFETY: the source's range was checked, and the scratch has the type's size.
                unsafe { exec.copy(&self.op, src, 0)? };
                // SAFETY: as above; a valid value was just written there.
                unsafe { layout.lower_flat(scratch.as_ptr().cast(), values) };
            }
        }
        exec.spend_rest()
    }
}

fn flat_layout(layout: &Option<FlatLayout>) -> &FlatLayout {
    layout.as_ref().expect("a value with more core values than MAX_FLAT_PARAMS is spilled")
}

/// Where in memory the core values of a type go.
#[derive(Clone)]
pub(super) struct FlatLayout(Arc<[Part]>);

/// A scalar or variant in a value.
#[derive(Clone)]
struct Part {
    /// The index of its first core value.
    index: u32,
    /// Bytes from the beginning of the value.
    at: u32,
    form: Form,
}

#[derive(Clone)]
enum Form {
    Scalar(Scalar),
    Variant(Arc<FlatVariant>),
}

/// What is one core value.
#[derive(Clone, Copy)]
enum Scalar {
    /// The low bytes of a word.
    U32,
    U64,
    U8,
    U16,
    Bool,
    /// Integers that become 32 bits wide.
    S8,
    S16,
}

impl Scalar {
    fn unsigned(size: u32) -> Scalar {
        match size {
            1 => Scalar::U8,
            2 => Scalar::U16,
            4 => Scalar::U32,
            _ => Scalar::U64,
        }
    }

    /// The core value of one in memory.
    ///
    /// # Safety
    /// `from` is readable for the scalar's size.
    #[inline(always)]
    unsafe fn load(self, from: *const u8) -> RawVal {
        // SAFETY: the caller's promise, in each arm.
        unsafe {
            match self {
                Scalar::U32 => from.cast::<u32>().read_unaligned().into(),
                Scalar::U64 => from.cast::<u64>().read_unaligned(),
                Scalar::U8 => from.read().into(),
                Scalar::U16 => from.cast::<u16>().read_unaligned().into(),
                Scalar::Bool => (from.read() != 0).into(),
                Scalar::S8 => (i32::from(from.cast::<i8>().read()) as u32).into(),
                Scalar::S16 => (i32::from(from.cast::<i16>().read_unaligned()) as u32).into(),
            }
        }
    }

    /// Writes a core value, without the bits that are too many.
    ///
    /// # Safety
    /// `to` is writable for the scalar's size.
    #[inline(always)]
    unsafe fn store(self, value: RawVal, to: *mut u8) {
        // SAFETY: the caller's promise, in each arm.
        unsafe {
            match self {
                Scalar::U32 => to.cast::<u32>().write_unaligned(value as u32),
                Scalar::U64 => to.cast::<u64>().write_unaligned(value),
                Scalar::U8 | Scalar::S8 => to.write(value as u8),
                Scalar::U16 | Scalar::S16 => to.cast::<u16>().write_unaligned(value as u16),
                Scalar::Bool => to.write((value as u32 != 0).into()),
            }
        }
    }

    /// The core value that is stored and loaded again.
    #[inline(always)]
    fn pass(self, value: RawVal) -> RawVal {
        let mut word: RawVal = 0;
        // SAFETY: no scalar is larger than a word.
        unsafe {
            self.store(value, (&raw mut word).cast());
            self.load((&raw const word).cast())
        }
    }
}

/// A value of numbers and booleans, each of which is a core value, and which lies in all memories the same way: no more
/// than passing each of them is to be done.
pub(super) struct Scalars {
    /// How far from the beginning of the value, and what.
    parts: SmallVec<[(u32, Scalar); 4]>,
    size: u32,
    align: u32,
    has_padding: bool,
}

impl Scalars {
    /// `layout` is the one of `ty`; `None` where more than that is to be done.
    pub(super) fn new(ty: &Type, layout: &FlatLayout) -> Option<Scalars> {
        if !are_scalars(ty) {
            return None;
        }
        let part = |part: &Part| match part.form {
            Form::Scalar(scalar) => (part.at, scalar),
            Form::Variant(_) => unreachable!("it is no scalar"),
        };
        let info = ty.info();
        Some(Scalars {
            parts: layout.0.iter().map(part).collect(),
            size: info.size(AddrType::I32),
            align: info.align(AddrType::I32),
            has_padding: info.has_padding(AddrType::I32),
        })
    }

    #[inline]
    fn lower_flat(&self, src: View, ptr: u64, values: &mut [RawVal]) -> Result<(), Trapped> {
        let from = src.range(ptr, self.size.into(), self.align)?;
        for ((at, scalar), value) in self.parts.iter().zip(values) {
            // SAFETY: the range was just checked, and parts lie within the value.
            *value = unsafe { scalar.load(from.wrapping_add(*at as usize)) };
        }
        Ok(())
    }

    #[inline]
    fn lift_flat(&self, values: &[RawVal], dst: View, ptr: u64) -> Result<(), Trapped> {
        let to = dst.range(ptr, self.size.into(), self.align)?;
        // SAFETY: the range was just checked.
        unsafe { self.store(values, to) };
        Ok(())
    }

    /// # Safety
    /// `to` is writable for the size of the value.
    #[inline]
    unsafe fn store(&self, values: &[RawVal], to: *mut u8) {
        for ((at, scalar), value) in self.parts.iter().zip(values) {
            // SAFETY: parts lie within the value.
            unsafe { scalar.store(*value, to.wrapping_add(*at as usize)) };
        }
    }

    #[inline]
    fn pass_flat(&self, from: &[RawVal], to: &mut [RawVal]) {
        for (((_, scalar), from), to) in self.parts.iter().zip(from).zip(to) {
            *to = scalar.pass(*from);
        }
    }
}

/// Whether a value is one of numbers and booleans.
fn are_scalars(ty: &Type) -> bool {
    match ty.kind() {
        Kind::Bool => true,
        Kind::FixedList(element, _) => are_scalars(element),
        kind @ (Kind::Record(_) | Kind::Tuple(_)) => kind.field_types().all(are_scalars),
        _ => ty.info().any_bits(),
    }
}

/// For `lift_flat_variant` and `lower_flat_variant`.
struct FlatVariant {
    /// The way to it, for messages; outermost first.
    path: Box<[PathSegment]>,
    /// For the names of its cases.
    ty: Type,
    discriminant_size: u32,
    /// Bytes to the payload.
    payload: u32,
    /// Core values of the whole variant.
    count: u32,
    cases: Arc<[Option<FlatLayout>]>,
}

impl FlatLayout {
    /// The layout for memories with this address type; `None` for a type that is always spilled.
    pub(super) fn new(ty: &Type, addr: AddrType) -> Option<FlatLayout> {
        ty.info().flat(addr)?;
        Some(FlatCompiler { addr, done: HashMap::new() }.compile(ty))
    }

    /// Writes core values as the value that they are, leaving padding as it is. Pointers and handles
    /// are not followed; bits that are too many are dropped; nothing but the discriminants of
    /// variants is checked.
    ///
    /// # Safety
    /// `to` is writable for the size of the type.
    unsafe fn lift_flat(&self, values: &[RawVal], to: *mut u8) -> Result<(), Trapped> {
        for part in self.0.iter() {
            let values = &values[part.index as usize..];
            let to = to.wrapping_add(part.at as usize);
            // SAFETY: a part lies within the value, in each arm.
            unsafe {
                match &part.form {
                    Form::Scalar(scalar) => scalar.store(values[0], to),
                    Form::Variant(variant) => variant.lift_flat(values, to).map_err(|trap| {
                        variant.path.iter().rev().fold(trap, |trap, step| trap.at(step.clone()))
                    })?,
                }
            }
        }
        Ok(())
    }

    /// Reads core values from a valid value.
    ///
    /// # Safety
    /// `from` is readable for the size of the type.
    unsafe fn lower_flat(&self, from: *const u8, values: &mut [RawVal]) {
        for part in self.0.iter() {
            let values = &mut values[part.index as usize..];
            let from = from.wrapping_add(part.at as usize);
            // SAFETY: a part lies within the value, in each arm.
            unsafe {
                match &part.form {
                    Form::Scalar(scalar) => values[0] = scalar.load(from),
                    Form::Variant(variant) => variant.lower_flat(from, values),
                }
            }
        }
    }
}

impl FlatVariant {
    /// The same as a part of a field or element.
    fn inside(&self, segment: &PathSegment) -> FlatVariant {
        let path = [std::slice::from_ref(segment), &self.path].concat().into();
        FlatVariant { path, ty: self.ty.clone(), cases: self.cases.clone(), ..*self }
    }

    /// # Safety
    /// As for [`FlatLayout::lift_flat`].
    unsafe fn lift_flat(&self, values: &[RawVal], to: *mut u8) -> Result<(), Trapped> {
        let case = values[0] as u32;
        let Some(payload) = self.cases.get(case as usize) else {
            return Err(invalid_discriminant(case, self.cases.len() as u32));
        };
        // SAFETY: the discriminant is at the beginning of the variant.
        unsafe { store_int(to, self.discriminant_size, case) };
        if let Some(payload) = payload {
            let to = to.wrapping_add(self.payload as usize);
            // SAFETY: the payload lies within the variant.
            unsafe { payload.lift_flat(&values[1..], to) }
                .map_err(|trap| trap.at(PathSegment::Case(case_name(&self.ty, case))))?;
        }
        Ok(())
    }

    /// # Safety
    /// As for [`FlatLayout::lower_flat`].
    unsafe fn lower_flat(&self, from: *const u8, values: &mut [RawVal]) {
        // SAFETY: the discriminant is at the beginning of the variant.
        let case = unsafe { load_int(from, self.discriminant_size) };
        let values = &mut values[..self.count as usize];
        values.fill(0);
        values[0] = case.into();
        if let Some(payload) = &self.cases[case as usize] {
            // SAFETY: the payload lies within the variant.
            unsafe { payload.lower_flat(from.add(self.payload as usize), &mut values[1..]) };
        }
    }
}

struct FlatCompiler {
    addr: AddrType,
    done: HashMap<Type, FlatLayout>,
}

impl FlatCompiler {
    fn compile(&mut self, ty: &Type) -> FlatLayout {
        if let Some(layout) = self.done.get(ty) {
            return layout.clone();
        }
        let mut parts = Vec::new();
        self.parts(ty, &mut parts);
        let layout = FlatLayout(parts.into());
        self.done.insert(ty.clone(), layout.clone());
        layout
    }

    fn parts(&mut self, ty: &Type, parts: &mut Vec<Part>) {
        let part = |index, at, form| Part { index, at, form };
        let scalar = |index, at, scalar| part(index, at, Form::Scalar(scalar));
        let kind = ty.kind();
        match kind {
            Kind::Bool => parts.push(scalar(0, 0, Scalar::Bool)),
            Kind::S8 => parts.push(scalar(0, 0, Scalar::S8)),
            Kind::S16 => parts.push(scalar(0, 0, Scalar::S16)),
            Kind::Flags(labels) => {
                parts.push(scalar(0, 0, Scalar::unsigned(flags_size(labels.len()))));
            }
            Kind::String | Kind::List(_) | Kind::Map(..) => {
                let size = self.addr.ptr_size();
                parts.push(scalar(0, 0, Scalar::unsigned(size)));
                parts.push(scalar(1, size, Scalar::unsigned(size)));
            }
            Kind::Record(_) | Kind::Tuple(_) => {
                let mut index = 0;
                let fields = kind.field_types().zip(field_offsets(kind, self.addr));
                for (i, (field, at)) in fields.enumerate() {
                    let segment = PathSegment::Field(match kind {
                        Kind::Record(fields) => fields[i].name.clone(),
                        _ => i.to_string().into(),
                    });
                    self.append(parts, field, index, at, segment);
                    index += field.info().flat_count();
                }
            }
            Kind::FixedList(element, length) => {
                let info = element.info();
                for i in 0..*length {
                    let (index, at) = (i * info.flat_count(), i * info.size(self.addr));
                    self.append(parts, element, index, at, PathSegment::Element(i.into()));
                }
            }
            Kind::Variant(_) | Kind::Enum(_) | Kind::Option(_) | Kind::Result { .. } => {
                let variant = self.variant(ty);
                parts.push(part(0, 0, Form::Variant(variant)));
            }
            _ => parts.push(scalar(0, 0, Scalar::unsigned(ty.info().size(self.addr)))),
        }
    }

    /// Adds the parts of a field or element.
    fn append(
        &mut self,
        parts: &mut Vec<Part>,
        ty: &Type,
        index: u32,
        at: u32,
        segment: PathSegment,
    ) {
        parts.extend(self.compile(ty).0.iter().map(|part| Part {
            index: index + part.index,
            at: at + part.at,
            form: match &part.form {
                Form::Variant(variant) => Form::Variant(Arc::new(variant.inside(&segment))),
                form => form.clone(),
            },
        }));
    }

    fn variant(&mut self, ty: &Type) -> Arc<FlatVariant> {
        let kind = ty.kind();
        Arc::new(FlatVariant {
            path: Box::default(),
            ty: ty.clone(),
            discriminant_size: discriminant_size(kind.case_count()),
            payload: payload_offset(kind, self.addr),
            count: ty.info().flat_count(),
            cases: kind.case_types().map(|case| case.map(|case| self.compile(case))).collect(),
        })
    }
}
