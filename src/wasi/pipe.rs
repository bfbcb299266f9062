//! The host's ends of streams and futures: what moves bytes and other elements between a guest and where the
//! host has them.
//!
//! A [`Pipe`] is asked when the guest reads or writes, inside that built-in, and moves what can be moved at
//! once, straight from or to the guest's memory. Where that is nothing, it waits as calls do, and tries again.
//! It holds nothing back, so that nobody can write faster than somebody reads.

use super::func::{Answer, Call, failed};
use super::input::Inlet;
use super::output::Sink;
use super::source::{Now, Readiness, Source, Sources};
use super::state::{Slot, State};
use crate::copy::typed::{Canonical, FutureOf, Store, StreamOf, store_all};
use crate::error::Result;
use crate::host::stream::{future_new, stream_new};
use crate::memory::Arena;
use crate::runtime::host_end::{Copied, HostEnd, Signal};
use crate::runtime::{self, CopyResult, Cx, Direction, Errand, InstanceId};
use std::cell::{Cell, OnceCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;

/// One of the host's ends, and what it does there.
pub(super) struct Pipe {
    end: HostEnd,
    flow: Box<dyn Flow>,
    /// Told how it has ended, once; and as long as it has not, its end is counted.
    over: Cell<Option<(Over, Slot)>>,
    /// Where it moves bytes by itself.
    errand: Cell<Option<Errand>>,
    /// By which it waits.
    token: Cell<Option<u64>>,
}

/// What is to be done when nothing more will move.
type Over = Box<dyn FnOnce(&mut Cx<'_>, io::Result<()>)>;

/// What happens at the host's end of a stream.
pub(super) trait Flow {
    /// Moves what the other end waits to read or write, as far as that can be done now.
    fn step(&self, pipe: &Rc<Pipe>, cx: &mut Cx<'_>, state: &Rc<State>) -> Step;

    /// The other end is gone.
    fn peer_is_gone(&self) {}
}

/// How far a flow came.
pub(super) enum Step {
    /// The other end has got what it waited for, or does not wait.
    Done,
    /// It is to be tried again when one of these is ready.
    Wait(Sources),
    /// Nothing more will move.
    Over(io::Result<()>),
}

impl Pipe {
    fn new(state: &State, end: HostEnd, flow: impl Flow + 'static, over: Over) -> Rc<Pipe> {
        let (flow, over) = (Box::new(flow), Cell::new(Some((over, state.end()))));
        Rc::new(Pipe { end, flow, over, errand: Cell::default(), token: Cell::default() })
    }

    /// Has `flow` do its work at `end` from now on.
    fn start(
        cx: &mut Cx<'_>,
        state: &Rc<State>,
        end: HostEnd,
        flow: impl Flow + 'static,
        over: Over,
    ) -> Answer<Rc<Pipe>> {
        let pipe = Pipe::new(state, end, flow, over);
        let (watched, weak) = (pipe.clone(), Rc::downgrade(state));
        let watcher = move |cx: &mut Cx<'_>, _: HostEnd, signal: Signal| {
            if let Some(state) = weak.upgrade() {
                watched.stop_waiting(&state);
                match signal {
                    Signal::Waits => drop(watched.go_on(cx, &state)),
                    // Nothing is under way, so that the other end has its buffer back at once.
                    Signal::Cancels => {}
                    Signal::Dropped | Signal::Failed => {
                        watched.flow.peer_is_gone();
                        watched.finish(cx, Ok(()));
                    }
                }
            }
            false
        };
        end.set_prompt(cx)
            .and_then(|()| end.watch(cx, Some(Rc::new(watcher))))
            .map_err(|error| failed(&error))?;
        Ok(pipe)
    }

    /// The host's end.
    pub(super) fn end(&self) -> HostEnd {
        self.end
    }

    /// Moves what can be moved; whether that was anything.
    pub(super) fn go_on(self: &Rc<Self>, cx: &mut Cx<'_>, state: &Rc<State>) -> bool {
        self.token.set(None);
        match self.flow.step(self, cx, state) {
            Step::Done => true,
            Step::Wait(sources) => match state.wait_to_move(self, sources) {
                Ok(token) => {
                    self.token.set(Some(token));
                    false
                }
                Err(_) => {
                    self.finish(cx, Err(ErrorKind::OutOfMemory.into()));
                    true
                }
            },
            Step::Over(result) => {
                self.finish(cx, result);
                true
            }
        }
    }

    fn stop_waiting(&self, state: &State) {
        if let Some(token) = self.token.take() {
            state.forget(token);
        }
    }

    fn finish(&self, cx: &mut Cx<'_>, result: io::Result<()>) {
        let Some((over, _)) = self.over.take() else { return };
        drop(self.errand.take());
        // It may be gone with the store.
        let _ = self.end.drop(cx);
        over(cx, result);
    }
}

/// The value of a future, which is still to come. Without one, whoever reads it waits for ever.
pub(super) struct Promise<E> {
    end: HostEnd,
    /// As a resource, and as an end.
    counted: [Slot; 2],
    of: std::marker::PhantomData<fn(E)>,
}

impl<E: Store + 'static> Promise<E> {
    /// A future, and the promise of its value.
    pub(super) fn new(call: &mut Call<'_, '_>) -> Answer<(Outcome<E>, Promise<E>)> {
        let counted = [call.counted()?, call.state.end()];
        let ty = <Result<(), E> as Canonical>::ty(&call.world.resources);
        let (readable, writable) = future_new(call.cx, ty).map_err(|error| failed(&error))?;
        let (end, of) = (HostEnd::future(writable), std::marker::PhantomData);
        end.set_prompt(call.cx).map_err(|error| failed(&error))?;
        Ok((FutureOf::new(readable), Promise { end, counted, of }))
    }

    /// Gives the value to whoever reads it, now or later.
    pub(super) fn resolve(self, cx: &mut Cx<'_>, value: Result<(), E>) {
        let Promise { end, counted, .. } = self;
        let arena = cx.state().take_arena();
        let held = arena.clone();
        let read = move |cx: &mut Cx<'_>| {
            let _ = end.drop(cx);
            cx.state().give_back_arena(held);
            drop(counted);
        };
        let over = Rc::new(Cell::new(Some(read)));
        let told = over.clone();
        let completion = move |cx: &mut Cx<'_>, _: Copied| {
            if let Some(read) = told.take() {
                read(cx);
            }
        };
        let written =
            store_all([value], &arena).map_err(|trap| failed_to_store(&trap)).and_then(|at| {
                drop(arena);
                end.write(cx, at, 1, Some(Box::new(completion)))
            });
        match written {
            Ok(None) => {}
            Ok(Some(_)) => {
                if let Some(read) = over.take() {
                    read(cx);
                }
            }
            // The store has no memory left for it.
            Err(_) => drop(end.abandon(cx)),
        }
    }
}

fn failed_to_store(trap: &crate::error::Trapped) -> crate::error::Error {
    trap.clone().into()
}

/// What an operation on bytes ends with, as guests are told.
pub(super) trait Code: Store + From<io::Error> + 'static {}

impl<E: Store + From<io::Error> + 'static> Code for E {}

type Outcome<E> = FutureOf<Result<(), E>>;

/// Has the elements of a new stream come from `flow`: the stream, and the future that tells how it has ended.
pub(super) fn produce<T: Canonical, E: Code>(
    call: &mut Call<'_, '_>,
    flow: impl Flow + 'static,
) -> Answer<(StreamOf<T>, Outcome<E>)> {
    let (outcome, promise) = Promise::new(call)?;
    let stream = source(call, flow, |cx, result| {
        promise.resolve(cx, result.map_err(E::from));
    })?;
    Ok((stream, outcome))
}

/// Has the elements of a new stream come from `flow`, which tells `over` how it has ended.
pub(super) fn source<T: Canonical>(
    call: &mut Call<'_, '_>,
    flow: impl Flow + 'static,
    over: impl FnOnce(&mut Cx<'_>, io::Result<()>) + 'static,
) -> Answer<StreamOf<T>> {
    let element = T::ty(&call.world.resources);
    let (readable, writable) = stream_new(call.cx, element).map_err(|error| failed(&error))?;
    Pipe::start(call.cx, call.state, HostEnd::stream(writable), flow, Box::new(over))?;
    Ok(StreamOf::new(readable))
}

/// A stream that has ended, and a future that tells why.
pub(super) fn ended<T: Canonical, E: Code>(
    call: &mut Call<'_, '_>,
    result: Result<(), E>,
) -> Answer<(StreamOf<T>, Outcome<E>)> {
    let (outcome, promise) = Promise::new(call)?;
    let element = T::ty(&call.world.resources);
    let (readable, writable) = stream_new(call.cx, element).map_err(|error| failed(&error))?;
    HostEnd::stream(writable).drop(call.cx).map_err(|error| failed(&error))?;
    promise.resolve(call.cx, result);
    Ok((StreamOf::new(readable), outcome))
}

/// Writes what comes out of a stream to `sink`: the future that tells how that has ended.
pub(super) fn consume<E: Code>(
    call: &mut Call<'_, '_>,
    data: &StreamOf<u8>,
    sink: Rc<dyn Sink>,
    hearer: Option<Hearer>,
) -> Answer<Outcome<E>> {
    let (outcome, promise) = Promise::<E>::new(call)?;
    let over: Over = Box::new(|cx, result| promise.resolve(cx, result.map_err(E::from)));
    let end = HostEnd::stream(data.handle);
    let limit = call.state.config().limits.buffer as usize;
    let (inst, pump) = (call.caller()?, OnceCell::new());
    let flow = Draining { sink, limit, hearer, inst, pump };
    let pipe = Pipe::start(call.cx, call.state, end, flow, over)?;
    if end.peer_is_host(call.cx).map_err(|error| failed(&error))? {
        pipe.stop_waiting(call.state);
        pipe.go_on(call.cx, call.state);
    }
    Ok(outcome)
}

/// Lets go of a stream that nobody will read: the future that tells why.
pub(super) fn refuse<E: Code>(
    call: &mut Call<'_, '_>,
    data: &StreamOf<u8>,
    code: E,
) -> Answer<Outcome<E>> {
    let (outcome, promise) = Promise::new(call)?;
    HostEnd::stream(data.handle).drop(call.cx).map_err(|error| failed(&error))?;
    promise.resolve(call.cx, Err(code));
    Ok(outcome)
}

/// Who keeps the last of what an instance writes.
#[derive(Clone, Copy)]
pub(super) struct Hearer {
    pub(super) inst: InstanceId,
    /// How many bytes.
    pub(super) keep: usize,
}

impl Hearer {
    /// The last of some bytes, as far as they may be kept.
    fn last<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        &bytes[bytes.len().saturating_sub(self.keep)..]
    }
}

/// Bytes from an inlet into a guest's memory.
pub(super) struct Filling {
    pub(super) inlet: Rc<dyn Inlet>,
    /// How many at once.
    pub(super) limit: usize,
    /// That of the file or socket, which is open as long as this is.
    pub(super) _slot: Option<Rc<Slot>>,
}

impl Flow for Filling {
    fn step(&self, pipe: &Rc<Pipe>, cx: &mut Cx<'_>, _: &Rc<State>) -> Step {
        let wait = || Step::Wait(vec![Rc::new(Readable(self.inlet.clone()))]);
        let is_ready = || matches!(self.inlet.readiness(), Readiness::Ready);
        let read = move_bytes(pipe.end, cx, Direction::Writable, &is_ready, &mut |at, len| {
            // SAFETY: so many bytes of the reader's are there, and nobody else uses them meanwhile.
            let room = unsafe { std::slice::from_raw_parts_mut(at, len.min(self.limit.max(1))) };
            retry(|| self.inlet.read(room))
        });
        match read {
            Moved::Nothing => Step::Done,
            Moved::NotYet => wait(),
            Moved::Bytes(Ok(0)) => Step::Over(Ok(())),
            Moved::Bytes(Ok(_)) => Step::Done,
            Moved::Bytes(Err(error)) if error.kind() == ErrorKind::WouldBlock => wait(),
            Moved::Bytes(Err(error)) => Step::Over(Err(error)),
        }
    }

    fn peer_is_gone(&self) {
        self.inlet.close();
    }
}

/// Bytes out of a guest's memory into a sink.
struct Draining {
    sink: Rc<dyn Sink>,
    limit: usize,
    hearer: Option<Hearer>,
    /// Whose stream it is.
    inst: InstanceId,
    /// Where the other end is the host's as well: two that both wait to be asked would wait for ever.
    pump: OnceCell<Pump>,
}

impl Draining {
    /// Has its bytes come from another end of the host's.
    fn pump(&self, pipe: &Pipe, cx: &mut Cx<'_>) -> io::Result<&Pump> {
        let buffer = Buffer::new(cx, self.limit).map_err(io::Error::other)?;
        // A read tells what becomes of the other end, after what is left of its bytes.
        pipe.end.watch(cx, None).map_err(io::Error::other)?;
        pipe.errand.set(Some(cx.shared.errand()));
        let Draining { sink, hearer, inst, .. } = self;
        let (sink, buffer) = (sink.clone(), Rc::new(buffer));
        Ok(self.pump.get_or_init(|| Pump { sink, buffer, hearer: *hearer, inst: *inst }))
    }
}

impl Flow for Draining {
    fn step(&self, pipe: &Rc<Pipe>, cx: &mut Cx<'_>, state: &Rc<State>) -> Step {
        if let Some(pump) = self.pump.get() {
            return pump.step(pipe, cx, state);
        }
        let wait = || Step::Wait(vec![Rc::new(Writable(self.sink.clone()))]);
        let is_ready = || matches!(self.sink.readiness(false), Readiness::Ready);
        let mut heard = Vec::new();
        let written = move_bytes(pipe.end, cx, Direction::Readable, &is_ready, &mut |at, len| {
            // SAFETY: so many bytes of the writer's are there, and nobody changes them meanwhile.
            let bytes = unsafe { std::slice::from_raw_parts(at, len.min(self.limit.max(1))) };
            let written = retry(|| self.sink.write(bytes));
            if let (Some(hearer), Ok(len)) = (&self.hearer, &written) {
                heard.extend_from_slice(hearer.last(&bytes[..*len]));
            }
            written
        });
        if let Some(hearer) = self.hearer.as_ref().filter(|_| !heard.is_empty()) {
            runtime::hear(cx, hearer.inst, &heard, hearer.keep);
        }
        match written {
            Moved::Nothing if matches!(pipe.end.peer_is_host(cx), Ok(true)) => {
                match self.pump(pipe, cx) {
                    Ok(pump) => pump.step(pipe, cx, state),
                    Err(error) => Step::Over(Err(error)),
                }
            }
            Moved::Nothing => Step::Done,
            Moved::NotYet | Moved::Bytes(Ok(0)) => wait(),
            Moved::Bytes(Ok(_)) => Step::Done,
            Moved::Bytes(Err(error)) if error.kind() == ErrorKind::WouldBlock => wait(),
            Moved::Bytes(Err(error)) => Step::Over(Err(error)),
        }
    }

    fn peer_is_gone(&self) {
        self.sink.close();
    }
}

/// Fuel for a call of the system's, and bytes that are moved for one unit of it, as for other copies.
const WORK_OF_A_MOVE: u64 = 16;
const BYTES_OF_WORK: u64 = 64;

/// What came of moving bytes.
enum Moved {
    /// The other end does not wait, or only wanted to know.
    Nothing,
    /// There is nothing that the other end could be told.
    NotYet,
    Bytes(io::Result<usize>),
}

/// Has `visit` read or write where the other end's bytes are, if it waits for that.
fn move_bytes(
    end: HostEnd,
    cx: &mut Cx<'_>,
    direction: Direction,
    is_ready: &dyn Fn() -> bool,
    visit: &mut dyn FnMut(*mut u8, usize) -> io::Result<usize>,
) -> Moved {
    match end.peer_waits(cx) {
        Ok(Some(0)) if !is_ready() => return Moved::NotYet,
        Ok(Some(_)) => {}
        Ok(None) | Err(_) => return Moved::Nothing,
    }
    let mut moved = Moved::Nothing;
    let visited = end.in_place(cx, direction, &mut |at, len| {
        let result = visit(at, len as usize);
        let count = *result.as_ref().unwrap_or(&0);
        moved = Moved::Bytes(result);
        count as u32
    });
    if let Moved::Bytes(Ok(count)) = &moved {
        // Where that is more than there is left, the guest learns of it when it goes on.
        let _ = cx.spend(WORK_OF_A_MOVE + *count as u64 / BYTES_OF_WORK);
    }
    match visited {
        Ok(_) => moved,
        Err(error) => Moved::Bytes(Err(io::Error::other(error))),
    }
}

fn retry(mut body: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match body() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Bytes into a sink that come from another end of the host's: they are read, as that one gives only when it
/// is asked.
struct Pump {
    sink: Rc<dyn Sink>,
    buffer: Rc<Buffer>,
    hearer: Option<Hearer>,
    /// Whose work it is: it ends with this instance.
    inst: InstanceId,
}

/// Bytes that were read and could not be written yet.
struct Buffer {
    arena: Rc<Arena>,
    at: *mut u8,
    len: usize,
    /// Where those begin that are left, and how many they are.
    left: Cell<(usize, usize)>,
    is_last: Cell<bool>,
}

/// How many bytes go from one of the host's ends to the other at once.
const PIECE: usize = 64 << 10;

impl Buffer {
    fn new(cx: &mut Cx<'_>, limit: usize) -> Answer<Buffer> {
        let arena = Rc::new(Arena::charged_to(&cx.shared.host_memory));
        let len = limit.clamp(1, PIECE);
        let at = arena.alloc(len as u64, 1)?;
        Ok(Buffer { arena, at, len, left: Cell::default(), is_last: Cell::new(false) })
    }

    fn filled(&self, copied: Copied) {
        self.left.set((0, copied.count as usize));
        self.is_last.set(copied.result != CopyResult::Completed);
    }
}

impl Pump {
    fn step(&self, pipe: &Rc<Pipe>, cx: &mut Cx<'_>, state: &Rc<State>) -> Step {
        if let Err(trap) = runtime::spend_for(cx, self.inst, WORK_OF_A_MOVE) {
            return Step::Over(Err(io::Error::other(trap)));
        }
        let Buffer { arena, at, len, left, is_last } = &*self.buffer;
        let (start, count) = left.get();
        if count > 0 {
            // SAFETY: the arena holds them, and no read is under way that would write to them.
            let bytes = unsafe { std::slice::from_raw_parts(at.add(start), count) };
            let written = match retry(|| self.sink.write(bytes)) {
                Ok(0) => return Step::Wait(vec![Rc::new(Writable(self.sink.clone()))]),
                Ok(written) => written.min(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Step::Wait(vec![Rc::new(Writable(self.sink.clone()))]);
                }
                Err(error) => return Step::Over(Err(error)),
            };
            if let Some(hearer) = &self.hearer {
                runtime::hear(cx, hearer.inst, hearer.last(&bytes[..written]), hearer.keep);
            }
            left.set((start + written, count - written));
            // Others have their turn, too.
            return Step::Wait(vec![Rc::new(Now)]);
        }
        if is_last.get() {
            self.sink.close();
            return Step::Over(Ok(()));
        }
        let (reading, buffer, weak) = (pipe.clone(), self.buffer.clone(), Rc::downgrade(state));
        let completion = move |cx: &mut Cx<'_>, copied: Copied| {
            buffer.filled(copied);
            if let Some(state) = weak.upgrade() {
                reading.go_on(cx, &state);
            }
        };
        match pipe.end.read(cx, *at, *len as u32, arena, Some(Box::new(completion))) {
            Ok(None) => Step::Done,
            Ok(Some(copied)) => {
                self.buffer.filled(copied);
                Step::Wait(vec![Rc::new(Now)])
            }
            Err(error) => Step::Over(Err(io::Error::other(error))),
        }
    }
}

/// Gives elements to a reader that waits for so many.
pub(super) fn write<T: Store>(cx: &mut Cx<'_>, end: HostEnd, elements: Vec<T>) -> Result<()> {
    let count = elements.len() as u32;
    let arena = cx.state().take_arena();
    let at = store_all(elements, &arena)?;
    let written = end.write(cx, at, count, None);
    cx.state().give_back_arena(arena);
    written.map(|copied| debug_assert!(copied.is_some_and(|copied| copied.count == count)))
}

/// What an inlet is waited for.
struct Readable(Rc<dyn Inlet>);

impl Source for Readable {
    fn check(&self, _: &State) -> Readiness {
        self.0.readiness()
    }
}

/// A sink that could take nothing.
struct Writable(Rc<dyn Sink>);

impl Source for Writable {
    fn check(&self, _: &State) -> Readiness {
        self.0.readiness(true)
    }
}
