//! Functions of WASI are called with whatever the bytes say, in a temporary folder, with handles that
//! earlier calls gave.

use crate::cost::within;
use crate::input::Input;
use cmabi::component::Linker;
use cmabi::core_types::AddrType;
use cmabi::engine::wasmi::WasmiEngine;
use cmabi::error::ErrorKind;
use cmabi::host;
use cmabi::host::stream::stream_new;
use cmabi::memory::{Arena, host_ptr};
use cmabi::runtime::host_end::HostEnd;
use cmabi::runtime::{Cx, FuncInst, Store, StoreConfig};
use cmabi::types::{Kind, ResourceType, Type};
use cmabi::wasi::{Clocks, Config, DirRights, Input as Stdin, Output};
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

/// Handles that calls gave.
#[derive(Default)]
struct Pool {
    resources: Vec<(ResourceType, u32)>,
    ends: Vec<HostEnd>,
}

/// What is written to streams.
const TEXT: &str = "some bytes";

/// A folder of this process's, in which `w` is granted.
static FOLDER: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("cmabi-fuzz-wasi-{}", std::process::id())));

const SECRET: &str = "nobody may read or write this";

fn prepare() {
    let _ = fs::remove_dir_all(&*FOLDER);
    for dir in ["w/sub", "ro/sub"] {
        fs::create_dir_all(FOLDER.join(dir)).unwrap();
    }
    fs::write(FOLDER.join("secret"), SECRET).unwrap();
    for file in ["w/a", "w/sub/b", "ro/a"] {
        fs::write(FOLDER.join(file), "contents").unwrap();
    }
    std::os::unix::fs::symlink("../secret", FOLDER.join("w/link")).unwrap();
    std::os::unix::fs::symlink(&*FOLDER, FOLDER.join("w/out")).unwrap();
}

fn check() {
    assert_eq!(fs::read_to_string(FOLDER.join("secret")).unwrap(), SECRET);
    assert_eq!(fs::read_to_string(FOLDER.join("ro/a")).unwrap(), "contents");
    assert_eq!(fs::read_dir(&*FOLDER).unwrap().count(), 3);
    assert_eq!(fs::read_dir(FOLDER.join("ro")).unwrap().count(), 2);
}

fn config(input: &mut Input<'_>) -> Config {
    let mut config = Config::new();
    config.arg("program").unwrap().env("NAME", "value").unwrap();
    config.dir(&FOLDER.join("w"), "/w", DirRights::ReadWrite).unwrap();
    config.dir(&FOLDER.join("ro"), "/ro", DirRights::ReadOnly).unwrap();
    config.stdin(Stdin::Bytes(Arc::from(*b"standard input")));
    config.stdout(Output::Host(Arc::new(|bytes| Ok(bytes.len().min(7)))));
    config.stderr(Output::Host(Arc::new(|_| Err(std::io::ErrorKind::WouldBlock.into()))));
    // Nothing waits for time, and nothing goes out.
    config.clocks(Clocks::Fixed { wall: 1 }).random_seed(1);
    if input.flag() {
        config.network(Arc::new(|address, _| address.ip().is_loopback()));
    }
    config.limits().resources = 100;
    config.limits().descriptors = 20;
    config
}

/// What an execution may take: the limits of WASI's buffers, and a store.
const COST: usize = 64 << 20;

pub fn run(data: &[u8]) {
    within(COST, || call_functions(data));
}

fn call_functions(data: &[u8]) {
    let mut input = Input(data);
    prepare();
    let mut linker = Linker::new();
    cmabi::wasi::add_to_linker(&mut linker, config(&mut input)).unwrap();
    let mut store = Store::new(&WasmiEngine::default(), &StoreConfig::default()).unwrap();
    let funcs = linker.host_funcs(&mut store.cx());
    let preopens = funcs.iter().position(|(name, _)| name.ends_with("#get-directories")).unwrap();
    let mut pool = Pool::default();
    let arena = Rc::new(Arena::new());
    call(&mut store, &funcs[preopens].1, &arena, &mut input, &mut pool);
    while !input.is_empty() {
        let next = input.below(funcs.len());
        call(&mut store, &funcs[next].1, &arena, &mut input, &mut pool);
        if input.byte() < 16 && !pool.ends.is_empty() {
            let end = pool.ends.swap_remove(input.below(pool.ends.len()));
            let cx = &mut store.cx();
            // One that is being read cannot be dropped before.
            let _ = end.cancel(cx);
            let _ = end.drop(cx);
        }
        if input.byte() < 16 && !pool.resources.is_empty() {
            let (ty, handle) = pool.resources.swap_remove(input.below(pool.resources.len()));
            let dropped = host::resource::drop(&mut store.cx(), Some(&ty), handle);
            // A call that waits may have it still.
            assert!(
                dropped.is_ok() || dropped.is_err_and(|e| e.kind() == ErrorKind::InvalidArgument)
            );
        }
    }
    drop(store);
    check();
}

fn call(
    store: &mut Store,
    func: &FuncInst,
    arena: &Rc<Arena>,
    input: &mut Input<'_>,
    pool: &mut Pool,
) {
    let params = func.ty().params().iter().map(|param| &param.ty);
    let Some(args) = place(params.clone(), arena) else { return };
    for (ty, at) in params.zip(args.1) {
        if put(store, ty, at, arena, input, pool).is_none() {
            return;
        }
    }
    let results = place(func.ty().result().into_iter(), arena).unwrap();
    let cx = &mut store.cx();
    let started = host::start(cx, func, args.0.cast_const(), results.0, arena, None);
    let subtask = match started {
        Ok(subtask) => subtask,
        Err(error) => return assert_ne!(error.kind(), ErrorKind::Internal, "{error}"),
    };
    if let Err(error) = host::run(cx) {
        assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
    }
    let is_over = subtask.state(cx).is_ok_and(|state| state.is_resolved());
    subtask.drop(cx).unwrap();
    if let Some(ty) = func.ty().result().filter(|_| is_over) {
        take(&mut store.cx(), ty, results.1[0], arena, pool);
    }
}

/// Room for values one after the other, as in a record, and where each is.
fn place<'a>(
    types: impl Iterator<Item = &'a Type>,
    arena: &Arena,
) -> Option<(*mut u8, Vec<*mut u8>)> {
    let mut offsets = Vec::new();
    let mut end = 0u32;
    for ty in types {
        let offset = end.next_multiple_of(ty.info().align(AddrType::I64));
        end = offset + ty.info().size(AddrType::I64);
        offsets.push(offset);
    }
    let start = arena.alloc(end.max(1).into(), 8).ok()?;
    Some((start, offsets.into_iter().map(|offset| start.wrapping_add(offset as usize)).collect()))
}

/// Where the payload of a variant is.
fn payload(ty: &Type, at: *mut u8) -> *mut u8 {
    let align = ty.info().align(AddrType::I64) as usize;
    at.wrapping_add(1usize.next_multiple_of(align))
}

fn fields<'a>(ty: &'a Type, at: *mut u8) -> impl Iterator<Item = (&'a Type, *mut u8)> {
    let mut end = 0u32;
    ty.kind().field_types().map(move |field| {
        let offset = end.next_multiple_of(field.info().align(AddrType::I64));
        end = offset + field.info().size(AddrType::I64);
        (field, at.wrapping_add(offset as usize))
    })
}

const TEXTS: [&str; 20] = [
    "",
    "a",
    "b",
    "sub",
    "sub/b",
    "link",
    "out",
    "out/secret",
    ".",
    "..",
    "../secret",
    "/",
    "/etc/passwd",
    "a/",
    "sub/",
    "a\0",
    "sub/../../secret",
    "new",
    "127.0.0.1",
    "localhost",
];

/// Writes a value that the input says. `None` where that takes a handle of which there is none.
fn put(
    store: &mut Store,
    ty: &Type,
    at: *mut u8,
    arena: &Arena,
    input: &mut Input<'_>,
    pool: &mut Pool,
) -> Option<()> {
    let number = |input: &mut Input<'_>| match input.byte() {
        byte if byte < 200 => u64::from(byte),
        byte if byte < 220 => u64::from(byte) << 12,
        _ => input.u64(),
    };
    // SAFETY: there is room for a value of the type at `at`.
    unsafe {
        match ty.kind() {
            Kind::Bool => at.write(input.flag().into()),
            Kind::U8 => at.write(input.byte()),
            Kind::U16 => at.cast::<u16>().write(number(input) as u16),
            Kind::U32 | Kind::S32 => at.cast::<u32>().write(number(input) as u32),
            Kind::U64 | Kind::S64 => at.cast::<u64>().write(number(input)),
            Kind::String => {
                let text = input.one_of(&TEXTS);
                at.cast::<[usize; 2]>().write([text.as_ptr().addr(), text.len()]);
                text.as_ptr().expose_provenance();
            }
            Kind::List(element) => {
                let count = input.below(6);
                let all = std::iter::repeat_n(element, count);
                let (start, places) = place(all, arena)?;
                for place in places {
                    put(store, element, place, arena, input, pool)?;
                }
                at.cast::<[usize; 2]>().write([start.expose_provenance(), count]);
            }
            Kind::Enum(labels) => at.write(input.below(labels.len()) as u8),
            Kind::Flags(labels) => {
                at.write(input.byte() & (1u16 << labels.len()).wrapping_sub(1) as u8)
            }
            Kind::Variant(_) | Kind::Option(_) | Kind::Result { .. } => {
                let case = input.below(ty.kind().case_count());
                at.write(case as u8);
                if let Some(Some(carried)) = ty.kind().case_types().nth(case) {
                    put(store, carried, payload(ty, at), arena, input, pool)?;
                }
            }
            Kind::Record(_) | Kind::Tuple(_) => {
                for (field, at) in fields(ty, at) {
                    put(store, field, at, arena, input, pool)?;
                }
            }
            Kind::Borrow(resource) => {
                let mine: Vec<_> = pool.resources.iter().filter(|(ty, _)| ty == resource).collect();
                let (_, handle) = mine.get(input.below(mine.len().max(1)))?;
                at.cast::<u32>().write(*handle);
            }
            Kind::Stream(element) => {
                let cx = &mut store.cx();
                // Of what was read from, or new with a few bytes in it.
                let fits = |end: &HostEnd| end.element(cx).is_ok_and(|its| its == *element);
                let old = pool.ends.iter().position(fits).filter(|_| input.flag());
                let handle = match old {
                    Some(old) => pool.ends.swap_remove(old).handle(),
                    None => {
                        let (readable, writable) = stream_new(cx, element.clone()).ok()?;
                        let end = HostEnd::stream(writable);
                        let count = input.below(TEXT.len()) as u32;
                        let _ = end.write(cx, TEXT.as_ptr(), count, None);
                        pool.ends.push(end);
                        readable
                    }
                };
                at.cast::<u32>().write(handle);
            }
            other => unreachable!("no function takes {other:?}"),
        }
    }
    Some(())
}

/// Takes the handles of a result, and reads from streams and futures.
fn take(cx: &mut Cx<'_>, ty: &Type, at: *mut u8, arena: &Rc<Arena>, pool: &mut Pool) {
    if !ty.info().holds_handles() {
        return;
    }
    // SAFETY: a value of the type is at `at`.
    unsafe {
        match ty.kind() {
            Kind::Own(resource) => pool.resources.push((resource.clone(), at.cast::<u32>().read())),
            Kind::List(element) => {
                let [start, len] = at.cast::<[usize; 2]>().read();
                let size = element.info().size(AddrType::I64) as usize;
                for i in 0..len {
                    take(cx, element, host_ptr((start + i * size) as u64), arena, pool);
                }
            }
            Kind::Record(_) | Kind::Tuple(_) => {
                for (field, at) in fields(ty, at) {
                    take(cx, field, at, arena, pool);
                }
            }
            Kind::Variant(_) | Kind::Option(_) | Kind::Result { .. } => {
                let case = usize::from(at.read());
                if let Some(Some(carried)) = ty.kind().case_types().nth(case) {
                    take(cx, carried, payload(ty, at), arena, pool);
                }
            }
            Kind::Stream(element) | Kind::Future(element) => {
                let handle = at.cast::<u32>().read();
                let (end, count) = match ty.kind() {
                    Kind::Stream(_) => (HostEnd::stream(handle), 3),
                    _ => (HostEnd::future(handle), 1),
                };
                pool.ends.push(end);
                let element = element.as_ref().expect("they carry something");
                let size = element.info().size(AddrType::I64);
                let align = element.info().align(AddrType::I64);
                let Ok(room) = arena.alloc((size * count).into(), align) else { return };
                if let Ok(Some(read)) = end.read(cx, room, count, arena, None) {
                    for i in 0..read.count {
                        take(cx, element, room.wrapping_add((i * size) as usize), arena, pool);
                    }
                }
            }
            _ => {}
        }
    }
}
