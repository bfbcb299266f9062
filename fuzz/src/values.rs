//! A value of some type, in a memory with any contents, is copied between guests and the host in
//! several ways, which have to agree.

use crate::cost::within;
use crate::input::Input;
use cmabi::copy::{Context, Format, Plan, Source, StringEncoding, Target};
use cmabi::core_types::AddrType;
use cmabi::error::{Trap, Trapped};
use cmabi::memory::{Arena, View, host_ptr};
use cmabi::types::layout::MAX_FLAT_PARAMS;
use cmabi::types::{Case, Field, Kind, ResourceType, Type};
use cmabi::wave;
use std::sync::{Arc, LazyLock};

/// What an execution may take: some values of 64 KiB, in memories of eight times that.
const COST: usize = 8 << 20;

pub fn run(data: &[u8]) {
    within(COST, || copy(data));
}

fn copy(data: &[u8]) {
    let mut input = Input(data);
    let mut budget = 16;
    let ty = ty(&mut input, 5, &mut budget);
    let deterministic = input.flag();
    let (from, to) = (format(&mut input), format(&mut input));
    let between = Format::between(from.encoding);
    let plan = |src, dst| match deterministic {
        true => Plan::deterministic(&ty, src, dst),
        false => Plan::new(&ty, src, dst),
    };
    let is_flat = input.flag() && ty.info().flat_count() as usize <= MAX_FLAT_PARAMS;
    let flat = is_flat.then(|| flat_values(&ty, from.addr, &mut input));
    let ptr = input.byte().into();
    let hostile = [input.u64(), input.u64()];
    let mut source = Guest::with(input.0);
    let value = || flat.as_deref().map_or(Source::Memory(ptr), Source::Flat);

    // The value as the host has it, and as it comes out of other guests.
    let Some(lifted) = lift(&plan(from, Format::HOST), &mut source, value()) else {
        return;
    };
    let direct = lower(&plan(from, to), Some(&mut source), value());
    let Ok(lifted) = lifted else {
        assert!(!matches!(direct, Some(Ok(_))), "`{ty}` is valid for a guest only");
        return;
    };
    let Some(expected) = canonical(&ty, &lifted, Plan::new) else { return };
    if let Some(direct) = direct {
        check(&ty, to, &expected, direct.expect("what the host can lift is valid"));
    }
    let lowered = lower(&plan(Format::HOST, to), None, Source::Memory(lifted.ptr()));
    if let Some(lowered) = lowered {
        check(&ty, to, &expected, lowered.expect("what was lifted is valid"));
    }
    // In two steps, as parameters and results of calls that wait are copied.
    if let Some(halfway) = lift(&plan(from, between), &mut source, value()) {
        let halfway = halfway.expect("valid for the host");
        let lowered = lower(&plan(between, to), None, Source::Memory(halfway.ptr()));
        if let Some(lowered) = lowered {
            check(&ty, to, &expected, lowered.expect("what was lifted is valid"));
        }
    }
    if ty.info().flat_count() as usize <= MAX_FLAT_PARAMS {
        as_core_values(&plan(Format::HOST, to), &ty, to, &lifted, &expected);
    }
    as_text(&ty, &lifted);
    // A guest may allocate anywhere, and is the only one who can come to harm.
    let mut sides = Sides { src: None, dst: Dst::Hostile(&mut source, hostile), full: false };
    let mut out = 0;
    let _ = plan(Format::HOST, from).transfer(
        &mut sides,
        Source::Memory(lifted.ptr()),
        Target::Allocate(&mut out),
    );
}

/// The same value by way of core values.
fn as_core_values(plan: &Plan, ty: &Type, to: Format, value: &Host, expected: &[u64]) {
    let mut guest = Guest::new();
    let mut flat = vec![0; ty.info().flat_count() as usize];
    let mut sides = Sides { src: None, dst: Dst::Guest(&mut guest), full: false };
    let lowered = plan.transfer(&mut sides, Source::Memory(value.ptr()), Target::Flat(&mut flat));
    if sides.full {
        return;
    }
    lowered.expect("what was lifted is valid");
    let lift = Plan::new(ty, to, Format::HOST);
    if let Some(back) = self::lift(&lift, &mut guest, Source::Flat(&flat)) {
        let back = back.expect("what was lowered is valid");
        assert_same(ty, expected, &back);
    }
}

/// The same value by way of text, which has no padding.
fn as_text(ty: &Type, value: &Host) {
    if ty.info().holds_handles() || value.arena.used() > MAX_TEXT {
        return;
    }
    let size = ty.info().size(AddrType::I64) as usize;
    // SAFETY: the value has this size.
    let bytes = unsafe { std::slice::from_raw_parts(value.place.as_ptr().cast(), size) };
    let fetch = |ptr, len, _| {
        if len == 0 {
            return Ok(&[][..]);
        }
        // SAFETY: what is asked for is a string or list of the value.
        Ok(unsafe { std::slice::from_raw_parts(host_ptr(ptr), len as usize) })
    };
    let text = wave::print(ty, bytes, &fetch).expect("what was lifted is valid");
    let arena = Arena::new();
    let mut keep = |bytes: &[u8], align| {
        let place = arena.alloc(bytes.len() as u64, align)?;
        // SAFETY: the arena has handed out that many bytes.
        unsafe { place.copy_from(bytes.as_ptr(), bytes.len()) };
        Ok(place.expose_provenance() as u64)
    };
    let bytes = wave::parse(ty, &text, &mut keep).expect("what was printed is a value");
    let parsed = Host { place: words(&bytes), arena };
    // Text does not tell one NaN from another.
    let canonical = |value| canonical(ty, value, Plan::deterministic);
    if let (Some(expected), Some(found)) = (canonical(value), canonical(&parsed)) {
        assert!(expected == found, "`{ty}` is another value than {text}");
    }
}

/// How many bytes a value may point to that is written as text.
const MAX_TEXT: u64 = 1 << 12;

/// Checks that a guest has got the value that was expected.
fn check(ty: &Type, format: Format, expected: &[u64], (mut guest, ptr): (Guest, u64)) {
    let lift = Plan::new(ty, format, Format::HOST);
    if let Some(back) = self::lift(&lift, &mut guest, Source::Memory(ptr)) {
        assert_same(ty, expected, &back.expect("what was lowered is valid"));
    }
}

fn assert_same(ty: &Type, expected: &[u64], value: &Host) {
    let found = canonical(ty, value, Plan::new);
    assert!(found.is_none_or(|found| found == *expected), "`{ty}` is another value");
}

/// What a value of the host's looks like in a guest with nothing else in its memory: equal for equal
/// values, whatever is in the host's padding.
fn canonical(
    ty: &Type,
    value: &Host,
    plan: impl FnOnce(&Type, Format, Format) -> Plan,
) -> Option<Vec<u64>> {
    let format = Format::guest(AddrType::I32, StringEncoding::Utf8);
    let plan = plan(ty, Format::HOST, format);
    let (guest, _) = lower(&plan, None, Source::Memory(value.ptr()))?.expect("a valid value");
    Some(guest.memory)
}

/// A value in the process's memory.
struct Host {
    place: Vec<u64>,
    /// What the value points to.
    arena: Arena,
}

impl Host {
    fn ptr(&self) -> u64 {
        self.place.as_ptr().expose_provenance() as u64
    }
}

/// What is left of a copy. `None` where the destination was full.
type Copied<T> = Option<Result<T, Trapped>>;

/// Copies a value of a guest's to the host.
fn lift(plan: &Plan, guest: &mut Guest, from: Source<'_>) -> Copied<Host> {
    let arena = Arena::new();
    arena.set_limit(LIMIT as u64);
    let size = plan.ty().info().size(AddrType::I64) as usize;
    // Differs from what is in a guest's padding.
    let mut place = vec![0xaaaa_aaaa_aaaa_aaaa; size.div_ceil(8)];
    let mut sides = Sides { src: Some(guest), dst: Dst::Host(&arena), full: false };
    let to = Target::Memory(place.as_mut_ptr().expose_provenance() as u64);
    let done = plan.transfer(&mut sides, from, to);
    (!sides.full).then(|| done.map(|()| Host { place, arena }))
}

/// Copies a value to a new guest, from a guest or from the host. Answers where it is.
fn lower(plan: &Plan, src: Option<&mut Guest>, from: Source<'_>) -> Copied<(Guest, u64)> {
    let mut guest = Guest::new();
    let mut sides = Sides { src, dst: Dst::Guest(&mut guest), full: false };
    let mut ptr = 0;
    let done = plan.transfer(&mut sides, from, Target::Allocate(&mut ptr));
    (!sides.full).then(|| done.map(|()| (guest, ptr)))
}

/// How much is allocated for a value.
const LIMIT: usize = 1 << 16;

/// A guest with an allocator that never frees, in a memory that moves as it grows.
struct Guest {
    memory: Vec<u64>,
    next: usize,
}

impl Guest {
    fn new() -> Self {
        Guest { memory: Vec::new(), next: 0 }
    }

    fn with(bytes: &[u8]) -> Self {
        Guest { memory: words(bytes), next: 0 }
    }

    fn view(&mut self) -> View {
        View { base: self.memory.as_mut_ptr().cast(), len: self.memory.len() * 8 }
    }

    fn realloc(&mut self, old: u64, old_size: u64, align: u32, size: u64) -> Option<u64> {
        if 0 < old_size && size <= old_size {
            return Some(old);
        }
        let place = self.next.next_multiple_of(align as usize);
        let end = place.checked_add(size as usize).filter(|&end| end <= 8 * LIMIT)?;
        self.next = end;
        self.memory.resize(end.div_ceil(8), 0);
        let (base, old) = (self.view().base, old as usize);
        // SAFETY: both lie within the memory: the old one was handed out before.
        unsafe { base.add(old).copy_to(base.add(place), old_size as usize) };
        Some(place as u64)
    }
}

fn words(bytes: &[u8]) -> Vec<u64> {
    let word = |chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    };
    bytes.chunks(8).map(word).collect()
}

enum Dst<'a> {
    Host(&'a Arena),
    Guest(&'a mut Guest),
    /// A guest that answers any request with one of these.
    Hostile(&'a mut Guest, [u64; 2]),
}

struct Sides<'a> {
    /// The host where it is `None`.
    src: Option<&'a mut Guest>,
    dst: Dst<'a>,
    /// An allocation has failed.
    full: bool,
}

impl Context for Sides<'_> {
    fn spend(&mut self, _work: u64) -> Result<(), Trapped> {
        Ok(())
    }

    fn src_memory(&mut self) -> View {
        self.src.as_mut().map_or(View::HOST, |guest| guest.view())
    }

    fn dst_memory(&mut self) -> View {
        match &mut self.dst {
            Dst::Host(_) => View::HOST,
            Dst::Guest(guest) | Dst::Hostile(guest, _) => guest.view(),
        }
    }

    fn realloc(&mut self, old: u64, old_size: u64, align: u32, size: u64) -> Result<u64, Trapped> {
        let answer = match &mut self.dst {
            Dst::Host(arena) => arena.realloc(old, old_size, align, size).ok(),
            Dst::Guest(guest) => guest.realloc(old, old_size, align, size),
            Dst::Hostile(_, answers) => {
                answers.rotate_left(1);
                Some(answers[0])
            }
        };
        self.full |= answer.is_none();
        answer.ok_or_else(|| Trap::Core("full".into()).into())
    }

    fn own(&mut self, _: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        Ok(handle)
    }

    fn borrow(&mut self, _: &ResourceType, handle: u32) -> Result<u32, Trapped> {
        Ok(handle)
    }

    fn stream(&mut self, _: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        Ok(handle)
    }

    fn future(&mut self, _: Option<&Type>, handle: u32) -> Result<u32, Trapped> {
        Ok(handle)
    }

    fn error_context(&mut self, handle: u32) -> Result<u32, Trapped> {
        Ok(handle)
    }
}

fn format(input: &mut Input<'_>) -> Format {
    use StringEncoding::{Latin1Utf16, Utf8, Utf16};
    let addr = input.one_of(&[AddrType::I32, AddrType::I64]);
    Format::guest(addr, input.one_of(&[Utf8, Utf16, Latin1Utf16]))
}

fn flat_values(ty: &Type, addr: AddrType, input: &mut Input<'_>) -> Vec<u64> {
    let types = ty.info().flat(addr).expect("few enough").iter();
    let word = |core: &cmabi::engine::CoreType| match core {
        cmabi::engine::CoreType::I32 | cmabi::engine::CoreType::F32 => input.u64() & 0xffff_ffff,
        _ => input.u64(),
    };
    types.map(word).collect()
}

/// A type that nests at most `depth` deep; there may be about `budget` parts in it.
fn ty(input: &mut Input<'_>, depth: u32, budget: &mut u32) -> Type {
    static RESOURCE: LazyLock<ResourceType> = LazyLock::new(|| ResourceType::new("r"));
    let scalars = [
        Type::u8(),
        Type::bool(),
        Type::s8(),
        Type::s16(),
        Type::u16(),
        Type::s32(),
        Type::u32(),
        Type::s64(),
        Type::u64(),
        Type::f32(),
        Type::f64(),
        Type::char(),
        Type::string(),
        Type::error_context(),
    ];
    if depth == 0 || *budget == 0 {
        return scalars[input.below(scalars.len())].clone();
    }
    *budget -= 1;
    let mut part = |input: &mut Input<'_>| ty(input, depth - 1, budget);
    let label = |prefix: &str, index: usize| -> Arc<str> { format!("{prefix}{index}").into() };
    let kind = match input.byte() % 32 {
        0..4 => Kind::List(part(input)),
        4 => Kind::FixedList(part(input), 1 + input.below(5) as u32),
        5 => Kind::Map(scalars[input.one_of(&[0, 1, 3, 8, 11, 12])].clone(), part(input)),
        6..10 => {
            let count = 1 + input.below(5);
            let field = |index| Field { name: label("f", index), ty: part(input) };
            Kind::Record((0..count).map(field).collect())
        }
        10 => Kind::Tuple((0..1 + input.below(5)).map(|_| part(input)).collect()),
        11..14 => {
            let count = 1 + input.below(5);
            let case = |index| {
                let ty = input.flag().then(|| part(input));
                Case { name: label("c", index), ty }
            };
            Kind::Variant((0..count).map(case).collect())
        }
        14 => {
            let count = input.one_of(&[1, 2, 5, 256, 257]);
            Kind::Enum((0..count).map(|index| label("e", index)).collect())
        }
        15..18 => Kind::Option(part(input)),
        18 => {
            let ok = input.flag().then(|| part(input));
            Kind::Result { ok, err: input.flag().then(|| part(input)) }
        }
        19 => {
            let count = input.one_of(&[1, 3, 8, 9, 16, 17, 31, 32]);
            Kind::Flags((0..count).map(|index| label("b", index)).collect())
        }
        20 => Kind::Own(RESOURCE.clone()),
        21 => Kind::Borrow(RESOURCE.clone()),
        22 => Kind::Stream(None),
        23 => Kind::Future(Some(Type::u8())),
        _ => return scalars[input.below(scalars.len())].clone(),
    };
    Type::new(kind).expect("a valid type")
}
