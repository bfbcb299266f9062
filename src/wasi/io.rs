//! `wasi:io`.

use super::Define;
use super::func::{Answer, Call, Wait};
use super::input::InputStream;
use super::output::OutputStream;
use super::source::{Readiness, Source};
use crate::copy::typed::{Borrow, Bytes, HostResource, Own, variant};
use crate::error::Trap;
use std::io;
use std::rc::Rc;

pub(super) const INTERFACES: &[(&str, Define)] = &[
    ("error", |error| {
        error.resource::<IoError>()?;
        error.func("[method]error.to-debug-string", &["self"], to_debug_string)
    }),
    ("poll", |interface| {
        interface.resource::<Pollable>()?;
        interface.func("[method]pollable.ready", &["self"], ready)?;
        interface.func("[method]pollable.block", &["self"], block)?;
        interface.func("poll", &["in"], poll)
    }),
    ("streams", |streams| {
        streams.resource::<InputStream>()?;
        streams.func("[method]input-stream.read", &["self", "len"], read)?;
        streams.func("[method]input-stream.blocking-read", &["self", "len"], blocking_read)?;
        streams.func("[method]input-stream.skip", &["self", "len"], skip)?;
        streams.func("[method]input-stream.blocking-skip", &["self", "len"], blocking_skip)?;
        streams.func("[method]input-stream.subscribe", &["self"], subscribe_input)?;
        streams.resource::<OutputStream>()?;
        streams.func("[method]output-stream.check-write", &["self"], check_write)?;
        streams.func("[method]output-stream.write", &["self", "contents"], write)?;
        streams.func(
            "[method]output-stream.blocking-write-and-flush",
            &["self", "contents"],
            blocking_write_and_flush,
        )?;
        streams.func("[method]output-stream.flush", &["self"], flush)?;
        streams.func("[method]output-stream.blocking-flush", &["self"], blocking_flush)?;
        streams.func("[method]output-stream.subscribe", &["self"], subscribe_output)?;
        streams.func("[method]output-stream.write-zeroes", &["self", "len"], write_zeroes)?;
        streams.func(
            "[method]output-stream.blocking-write-zeroes-and-flush",
            &["self", "len"],
            blocking_write_zeroes_and_flush,
        )?;
        streams.func("[method]output-stream.splice", &["self", "src", "len"], splice)?;
        streams.func(
            "[method]output-stream.blocking-splice",
            &["self", "src", "len"],
            blocking_splice,
        )
    }),
];

/// Why an operation on a stream has failed.
pub(super) struct IoError(pub(super) io::Error);

impl HostResource for IoError {
    const NAME: &'static str = "error";
}

/// Something that a guest can wait for.
pub(super) struct Pollable(pub(super) Rc<dyn Source>);

impl HostResource for Pollable {
    const NAME: &'static str = "pollable";
}

impl HostResource for InputStream {
    const NAME: &'static str = "input-stream";
}

impl HostResource for OutputStream {
    const NAME: &'static str = "output-stream";
}

variant! { store => StreamError { LastOperationFailed(Own<IoError>), Closed(()) } }

/// What a stream cannot do.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is closed.
    Closed,
    /// It has tried, and is closed from now on.
    Failed(io::Error),
}

/// What a guest learns of an operation on a stream.
type Streamed<T> = Result<T, StreamError>;

fn streamed<T>(call: &mut Call<'_, '_>, result: Result<T, Failure>) -> Answer<Streamed<T>> {
    Ok(match result {
        Ok(value) => Ok(value),
        Err(Failure::Closed) => Err(StreamError::Closed(())),
        Err(Failure::Failed(error)) => {
            Err(StreamError::LastOperationFailed(call.own(IoError(error))?))
        }
    })
}

fn to_debug_string(call: &mut Call<'_, '_>, this: Borrow<IoError>) -> Answer<String> {
    Ok(call.get(&this)?.0.to_string())
}

fn is_ready(call: &Call<'_, '_>, source: &dyn Source) -> bool {
    matches!(source.check(call.state), Readiness::Ready)
}

fn ready(call: &mut Call<'_, '_>, this: Borrow<Pollable>) -> Answer<bool> {
    let pollable = call.get(&this)?;
    Ok(is_ready(call, &*pollable.0))
}

fn block(call: &mut Call<'_, '_>, this: Borrow<Pollable>) -> Answer<Wait<()>> {
    let pollable = call.get(&this)?;
    Ok(if is_ready(call, &*pollable.0) {
        Wait::Over(())
    } else {
        Wait::For(vec![pollable.0.clone()])
    })
}

fn poll(call: &mut Call<'_, '_>, pollables: Vec<Borrow<Pollable>>) -> Answer<Wait<Vec<u32>>> {
    let limit = call.state.config().limits.poll;
    if pollables.is_empty() {
        return Err(Trap::Host { message: "poll of an empty list".into() }.into());
    }
    if pollables.len() > limit as usize {
        let what = format!("{} pollables in one list, of at most {limit}", pollables.len());
        return Err(Trap::Limit { what: what.into() }.into());
    }
    let sources = pollables.iter().map(|pollable| Ok(call.get(pollable)?.0.clone()));
    let sources = sources.collect::<Answer<Vec<_>>>()?;
    let ready = (0..).zip(&sources).filter(|(_, source)| is_ready(call, &***source));
    let ready: Vec<u32> = ready.map(|(index, _)| index).collect();
    Ok(if ready.is_empty() { Wait::For(sources) } else { Wait::Over(ready) })
}

/// Bytes for one read of up to `len`.
fn read_from(
    call: &mut Call<'_, '_>,
    stream: &InputStream,
    len: u64,
) -> Answer<Result<Bytes, Failure>> {
    let capacity = len.min(call.state.config().limits.buffer.into()) as usize;
    Bytes::fill(call.arena, capacity, |room| stream.read(room))
}

fn read(call: &mut Call<'_, '_>, this: Borrow<InputStream>, len: u64) -> Answer<Streamed<Bytes>> {
    let stream = call.get(&this)?;
    let read = read_from(call, &stream, len)?;
    streamed(call, read)
}

fn blocking_read(
    call: &mut Call<'_, '_>,
    this: Borrow<InputStream>,
    len: u64,
) -> Answer<Wait<Streamed<Bytes>>> {
    let stream = call.get(&this)?;
    match read_from(call, &stream, len)? {
        Ok(bytes) if bytes.get().is_empty() && len > 0 => Ok(Wait::For(vec![stream])),
        read => streamed(call, read).map(Wait::Over),
    }
}

fn skip(call: &mut Call<'_, '_>, this: Borrow<InputStream>, len: u64) -> Answer<Streamed<u64>> {
    let stream = call.get(&this)?;
    let read = read_from(call, &stream, len)?;
    streamed(call, read.map(|bytes| bytes.get().len() as u64))
}

fn blocking_skip(
    call: &mut Call<'_, '_>,
    this: Borrow<InputStream>,
    len: u64,
) -> Answer<Wait<Streamed<u64>>> {
    let stream = call.get(&this)?;
    match read_from(call, &stream, len)?.map(|bytes| bytes.get().len() as u64) {
        Ok(0) if len > 0 => Ok(Wait::For(vec![stream])),
        read => streamed(call, read).map(Wait::Over),
    }
}

fn subscribe_input(call: &mut Call<'_, '_>, this: Borrow<InputStream>) -> Answer<Own<Pollable>> {
    let stream = call.get(&this)?;
    call.own(Pollable(stream))
}

fn subscribe_output(call: &mut Call<'_, '_>, this: Borrow<OutputStream>) -> Answer<Own<Pollable>> {
    let stream = call.get(&this)?;
    call.own(Pollable(stream.outlet()))
}

fn check_write(call: &mut Call<'_, '_>, this: Borrow<OutputStream>) -> Answer<Streamed<u64>> {
    let stream = call.get(&this)?;
    let permit = stream.permit();
    streamed(call, permit)
}

/// More than a stream has permitted ends the guest, as the specification says.
fn check_permit(stream: &OutputStream, len: u64) -> Answer<Result<(), Failure>> {
    Ok(match stream.permit() {
        Err(failure) => Err(failure),
        Ok(permit) if len > permit => {
            let message = format!("a write of {len} bytes where check-write permits {permit}");
            return Err(Trap::Host { message: message.into() }.into());
        }
        Ok(_) => Ok(()),
    })
}

fn write(
    call: &mut Call<'_, '_>,
    this: Borrow<OutputStream>,
    contents: Bytes,
) -> Answer<Streamed<()>> {
    let stream = call.get(&this)?;
    let permitted = check_permit(&stream, contents.get().len() as u64)?;
    call.heard(&stream, contents.get());
    streamed(call, permitted.and_then(|()| stream.write(contents.get())))
}

fn write_zeroes(
    call: &mut Call<'_, '_>,
    this: Borrow<OutputStream>,
    len: u64,
) -> Answer<Streamed<()>> {
    let stream = call.get(&this)?;
    let permitted = check_permit(&stream, len)?;
    streamed(call, permitted.and_then(|()| stream.write(&vec![0; len as usize])))
}

fn flush(call: &mut Call<'_, '_>, this: Borrow<OutputStream>) -> Answer<Streamed<()>> {
    let stream = call.get(&this)?;
    let flushed = stream.flush().map(drop);
    streamed(call, flushed)
}

/// Waits until all has left the stream.
fn flushed(call: &mut Call<'_, '_>, stream: &OutputStream) -> Answer<Wait<Streamed<()>>> {
    match stream.flush() {
        Ok(false) => Ok(Wait::For(vec![stream.outlet()])),
        flushed => streamed(call, flushed.map(drop)).map(Wait::Over),
    }
}

fn blocking_flush(
    call: &mut Call<'_, '_>,
    this: Borrow<OutputStream>,
) -> Answer<Wait<Streamed<()>>> {
    let stream = call.get(&this)?;
    flushed(call, &stream)
}

/// What a blocking write takes at most.
const BLOCKING_WRITE: usize = 4096;

/// Writes once there is room, and waits until all has left the stream.
fn write_and_flush(
    call: &mut Call<'_, '_>,
    stream: &OutputStream,
    contents: &[u8],
) -> Answer<Wait<Streamed<()>>> {
    if call.progress.step.get() == 0 {
        match stream.permit() {
            Ok(permit) if permit < contents.len() as u64 => {
                return Ok(Wait::For(vec![stream.outlet()]));
            }
            Ok(_) => {
                call.heard(stream, contents);
                if let Err(failure) = stream.write(contents) {
                    return streamed(call, Err(failure)).map(Wait::Over);
                }
                call.progress.step.set(1);
            }
            Err(failure) => return streamed(call, Err(failure)).map(Wait::Over),
        }
    }
    flushed(call, stream)
}

#[cold]
fn too_long(len: u64) -> crate::error::Trapped {
    let message = format!("a blocking write of {len} bytes, of at most {BLOCKING_WRITE}");
    Trap::Host { message: message.into() }.into()
}

fn blocking_write_and_flush(
    call: &mut Call<'_, '_>,
    this: Borrow<OutputStream>,
    contents: Bytes,
) -> Answer<Wait<Streamed<()>>> {
    let stream = call.get(&this)?;
    match contents.get() {
        contents if contents.len() > BLOCKING_WRITE => Err(too_long(contents.len() as u64)),
        contents => write_and_flush(call, &stream, contents),
    }
}

fn blocking_write_zeroes_and_flush(
    call: &mut Call<'_, '_>,
    this: Borrow<OutputStream>,
    len: u64,
) -> Answer<Wait<Streamed<()>>> {
    let stream = call.get(&this)?;
    if len > BLOCKING_WRITE as u64 {
        return Err(too_long(len));
    }
    write_and_flush(call, &stream, &[0; BLOCKING_WRITE][..len as usize])
}

/// Moves bytes from one stream to the other; `None` where one of them is not ready.
fn move_bytes(
    call: &mut Call<'_, '_>,
    from: &InputStream,
    to: &OutputStream,
    len: u64,
) -> Answer<Result<u64, Failure>> {
    let permit = match to.permit() {
        Ok(permit) => permit.min(len),
        Err(failure) => return Ok(Err(failure)),
    };
    if permit == 0 {
        return Ok(Ok(0));
    }
    let read = read_from(call, from, permit)?;
    Ok(read.and_then(|bytes| to.write(bytes.get()).map(|()| bytes.get().len() as u64)))
}

fn splice(
    call: &mut Call<'_, '_>,
    this: Borrow<OutputStream>,
    src: Borrow<InputStream>,
    len: u64,
) -> Answer<Streamed<u64>> {
    let (to, from) = (call.get(&this)?, call.get(&src)?);
    let moved = move_bytes(call, &from, &to, len)?;
    streamed(call, moved)
}

fn blocking_splice(
    call: &mut Call<'_, '_>,
    this: Borrow<OutputStream>,
    src: Borrow<InputStream>,
    len: u64,
) -> Answer<Wait<Streamed<u64>>> {
    let (to, from) = (call.get(&this)?, call.get(&src)?);
    match move_bytes(call, &from, &to, len)? {
        Ok(0) if len > 0 => {
            let waits_to_write = matches!(to.permit(), Ok(0));
            Ok(Wait::For(if waits_to_write { vec![to.outlet()] } else { vec![from] }))
        }
        moved => streamed(call, moved).map(Wait::Over),
    }
}
