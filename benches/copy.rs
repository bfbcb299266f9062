//! Copying values between the host and a guest's memory, against `memcpy` of the same bytes.
//!
//! `cargo bench --bench copy [-- FILTER]`. Each line is the best of many rounds, in which the copy
//! and `memcpy` take turns; the last column is what copying takes for each nanosecond of `memcpy`. Text that is not ASCII, or
//! is in another encoding in the guest, is compared with the routines that check and convert it by themselves.

#[path = "support/report.rs"]
mod report;

use cmabi::copy::{Context, Format, Plan, Source, StringEncoding, Target};
use cmabi::core_types::AddrType;
use cmabi::error::Trapped;
use cmabi::memory::{Arena, View, host_ptr};
use cmabi::types::{Case, Field, Kind, ResourceType, Type};
use encoding_rs::mem;
use report::APART;
use std::hint::black_box;

/// A guest with a bump allocator, and the host, as the two sides of a copy.
struct Sides {
    memory: Vec<u64>,
    next: u64,
    arena: Arena,
    to_guest: bool,
}

impl Sides {
    fn guest(&mut self) -> View {
        View { base: self.memory.as_mut_ptr().cast(), len: self.memory.len() * 8 }
    }
}

impl Context for Sides {
    fn spend(&mut self, _work: u64) -> Result<(), Trapped> {
        Ok(())
    }

    fn src_memory(&mut self) -> View {
        if self.to_guest { View::HOST } else { self.guest() }
    }

    fn dst_memory(&mut self) -> View {
        if self.to_guest { self.guest() } else { View::HOST }
    }

    fn realloc(&mut self, old: u64, old_size: u64, align: u32, size: u64) -> Result<u64, Trapped> {
        if !self.to_guest {
            return self.arena.realloc(old, old_size, align, size);
        }
        // Only what was allocated last grows and shrinks: where it is.
        let ptr = if old_size > 0 { old } else { self.next.next_multiple_of(align.into()) };
        self.next = ptr + size;
        Ok(ptr)
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

/// Copies a string or list of the host's, `len` elements at `ptr`, to a guest and back; it is
/// `bytes` bytes with what it points to.
fn bench(name: &str, ty: &Type, ptr: *const u8, len: usize, bytes: usize) {
    let (from, mut to) = (vec![1u8; bytes], vec![0u8; APART + bytes]);
    let memcpy = |_| black_box(&mut to[APART..]).copy_from_slice(black_box(&from));
    bench_against("copy", name, (ty, StringEncoding::Utf8), (ptr, len), memcpy);
}

/// The same for a guest with this encoding, against `peer`, which does what is to be done into the guest or out of it.
fn bench_against(
    table: &str,
    name: &str,
    (ty, encoding): (&Type, StringEncoding),
    (ptr, len): (*const u8, usize),
    mut peer: impl FnMut(Way),
) {
    if !report::is_wanted(name) {
        return;
    }
    let guest = Format::guest(AddrType::I32, encoding);
    let (lower, lift) = (Plan::new(ty, Format::HOST, guest), Plan::new(ty, guest, Format::HOST));
    let mut sides =
        Sides { memory: vec![1; 1 << 20], next: 0, arena: Arena::new(), to_guest: true };
    let value = [ptr as u64, len as u64];
    let value = Source::Memory(value.as_ptr() as u64);

    let mut flat = [0; 2];
    let into = report::race(
        || {
            sides.next = 16;
            lower.transfer(&mut sides, value, Target::Flat(black_box(&mut flat))).unwrap();
        },
        || peer(Way::In),
    );
    report::line(table, &format!("{name}, in"), into, &[], "");

    sides.to_guest = false;
    let mut result = [0u64; 2];
    let target = result.as_mut_ptr() as u64;
    let out = report::race(
        || {
            sides.arena.reset();
            lift.transfer(&mut sides, Source::Flat(black_box(&flat)), Target::Memory(target))
                .unwrap();
        },
        || peer(Way::Out),
    );
    assert_eq!(result[1], len as u64);
    // SAFETY: the first byte of what was just lifted.
    black_box(unsafe { host_ptr(result[0]).read() });
    report::line(table, &format!("{name}, out"), out, &[], "");
}

#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

/// Text of the host's, which is UTF-8, for guests with each encoding. The routines check and convert it.
fn bench_text(name: &str, text: &str) {
    let value = (text.as_ptr(), text.len());
    let bench = |encoding, name: &str, peer: &mut dyn FnMut(Way)| {
        bench_against("text", name, (&Type::string(), encoding), value, peer);
    };
    let check = || simdutf8::basic::from_utf8(black_box(text.as_bytes())).unwrap();
    let mut utf8 = vec![0u8; APART + 3 * text.len()];
    let utf8 = &mut utf8[APART..];
    bench(StringEncoding::Utf8, &format!("{name}, UTF-8"), &mut |_| {
        black_box(&mut *utf8)[..text.len()].copy_from_slice(check().as_bytes());
    });
    let utf16: Vec<u16> = text.encode_utf16().collect();
    let mut converted = vec![0u16; text.len() + 1];
    bench(StringEncoding::Utf16, &format!("{name}, UTF-16"), &mut |way| {
        black_box(match way {
            Way::In => mem::convert_utf8_to_utf16(check().as_bytes(), &mut converted),
            Way::Out => utf16_to_utf8(&utf16, utf8),
        });
    });
    let latin1 = mem::is_str_latin1(text).then(|| mem::encode_latin1_lossy(text));
    let mut small = vec![0u8; text.len()];
    bench(StringEncoding::Latin1Utf16, &format!("{name}, latin1+utf16"), &mut |way| {
        black_box(match (way, &latin1) {
            (Way::In, _) if mem::is_str_latin1(check()) => {
                mem::convert_utf8_to_latin1_lossy(text.as_bytes(), &mut small)
            }
            (Way::In, _) => mem::convert_utf8_to_utf16(text.as_bytes(), &mut converted),
            (Way::Out, Some(latin1)) => mem::convert_latin1_to_utf8(latin1, utf8),
            (Way::Out, None) => utf16_to_utf8(&utf16, utf8),
        });
    });
}

fn utf16_to_utf8(utf16: &[u16], utf8: &mut [u8]) -> usize {
    assert_eq!(mem::utf16_valid_up_to(black_box(utf16)), utf16.len());
    mem::convert_utf16_to_utf8(utf16, utf8)
}

/// A list of the host's; `text` is how long the strings in it are together.
fn bench_slice<T>(name: &str, element: &Type, values: &[T], text: usize) {
    let info = element.info();
    assert_eq!(info.size(AddrType::I64) as usize, size_of::<T>());
    let list = Type::new(Kind::List(element.clone())).unwrap();
    bench(name, &list, values.as_ptr().cast(), values.len(), size_of_val(values) + text);
}

fn bench_string(name: &str, text: &str) {
    bench(name, &Type::string(), text.as_ptr(), text.len(), text.len());
}

/// `record { id: u32, weight: f64, kind: u8 }`
#[repr(C)]
struct Row {
    id: u32,
    weight: f64,
    kind: u8,
}

/// `option<u32>`
#[repr(C)]
struct Maybe {
    is_some: u8,
    value: u32,
}

/// `variant { none, number(u32), text(string) }`
#[repr(C)]
struct Mixed {
    tag: u8,
    payload: [usize; 2],
}

/// `record { name: string, age: u16, admin: bool }`
#[repr(C)]
struct Person {
    name: (*const u8, usize),
    age: u16,
    admin: bool,
}

fn main() {
    let case = |name: &str, ty: Option<Type>| Case { name: name.into(), ty };
    let field = |name: &str, ty: Type| Field { name: name.into(), ty };
    let ty = |kind| Type::new(kind).unwrap();
    report::head("copy", "memcpy", "");

    for (size, name) in [(16, "16 B"), (1024, "1 KiB"), (65536, "64 KiB")] {
        bench_string(&format!("string {name}"), &"x".repeat(size));
        bench_string(&format!("string {name}, not ASCII"), &"\u{e9}".repeat(size / 2));
    }
    report::head("text", "routines", "");
    for (name, character) in [("64 KiB of x", "x"), ("64 KiB of é", "é"), ("64 KiB of 字", "字")]
    {
        bench_text(name, &character.repeat((64 << 10) / character.len()));
    }
    report::head("copy", "memcpy", "");
    bench_slice("list<u8> 1 Mi", &Type::u8(), &vec![7u8; 1 << 20], 0);
    bench_slice("list<u32> 256 Ki", &Type::u32(), &vec![7u32; 1 << 18], 0);
    bench_slice("list<bool> 64 Ki", &Type::bool(), &vec![true; 1 << 16], 0);
    bench_slice("list<char> 64 Ki", &Type::char(), &vec!['x'; 1 << 16], 0);

    let row = ty(Kind::Record(Box::new([
        field("id", Type::u32()),
        field("weight", Type::f64()),
        field("kind", Type::u8()),
    ])));
    let rows: Vec<Row> =
        (0..10_000).map(|i| Row { id: i, weight: f64::from(i) / 2.0, kind: i as u8 }).collect();
    let sum = |row: &Row| f64::from(row.id) + row.weight + f64::from(row.kind);
    black_box(rows.iter().map(sum).sum::<f64>());
    bench_slice("list<record{u32,f64,u8}> 10,000", &row, &rows, 0);

    let maybe: Vec<Maybe> =
        (0..10_000).map(|i| Maybe { is_some: (i % 3 != 0).into(), value: i }).collect();
    black_box(maybe.iter().map(|maybe| maybe.value + u32::from(maybe.is_some)).sum::<u32>());
    bench_slice("list<option<u32>> 10,000", &ty(Kind::Option(Type::u32())), &maybe, 0);

    let variant = ty(Kind::Variant(Box::new([
        case("none", None),
        case("number", Some(Type::u32())),
        case("text", Some(Type::string())),
    ])));
    let texts: Vec<String> = (0..10_000).map(|i| format!("the text of number {i}")).collect();
    let text = texts.iter().map(String::len).sum();
    let mixed: Vec<Mixed> = (texts.iter().enumerate())
        .map(|(i, text)| match i % 3 {
            0 => Mixed { tag: 0, payload: [0, 0] },
            1 => Mixed { tag: 1, payload: [i, 0] },
            _ => Mixed { tag: 2, payload: [text.as_ptr() as usize, text.len()] },
        })
        .collect();
    black_box(mixed.iter().map(|mixed| mixed.payload[0] + usize::from(mixed.tag)).max());
    bench_slice("list<variant{_,u32,string}> 10,000", &variant, &mixed, text / 3);

    let strings: Vec<(*const u8, usize)> =
        texts.iter().map(|text| (text.as_ptr(), text.len())).collect();
    bench_slice("list<string> 10,000", &Type::string(), &strings, text);

    let person = ty(Kind::Record(Box::new([
        field("name", Type::string()),
        field("age", Type::u16()),
        field("admin", Type::bool()),
    ])));
    let people: Vec<Person> = (texts.iter().enumerate())
        .map(|(i, text)| Person {
            name: (text.as_ptr(), text.len()),
            age: i as u16,
            admin: i % 2 == 0,
        })
        .collect();
    black_box(people.iter().map(|p| p.name.1 + usize::from(p.age) + usize::from(p.admin)).max());
    bench_slice("list<record{string,u16,bool}> 10,000", &person, &people, text);
}
