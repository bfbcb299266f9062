//! What WASI has in each store: resources, and the calls that wait.

use super::config::{Clocks, Config};
use super::func::{Answer, Progress, Serve, Wait, failed, serve_again};
use super::pipe::Pipe;
use super::reactor::{Inbox, Reactor, Target, Watch};
use super::source::{Descriptor, Direction, Readiness, Sources};
use crate::copy::typed::{HostResource, Own, ResourceTypes};
use crate::error::{Result, Trap};
use crate::host;
use crate::memory::Arena;
use crate::runtime::{Cx, Extension, HostTask, Shared, Table};
use once_cell::unsync::OnceCell;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::os::fd::AsRawFd;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What one linker offers: the same in all of its stores.
pub(super) struct World {
    pub(super) config: Config,
    pub(super) resources: ResourceTypes,
    /// By which a store finds its state.
    key: u64,
}

impl World {
    pub(super) fn new(config: Config) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let key = NEXT.fetch_add(1, Ordering::Relaxed);
        World { config, resources: ResourceTypes::default(), key }
    }

    /// The state of a store, which is new if it has none.
    pub(super) fn state(self: &Arc<Self>, shared: &Shared) -> Rc<State> {
        let new = || Rooted(Rc::new_cyclic(|me| State::new(self.clone(), shared, me.clone())));
        shared.extension(self.key, new).0.clone()
    }
}

/// The store's hold on its state.
struct Rooted(Rc<State>);

/// The state in one store.
pub(super) struct State {
    pub(super) world: Arc<World>,
    me: Weak<State>,
    resources: RefCell<Table<(Rc<dyn Any>, Slot)>>,
    /// How many there are, with what moves the bytes of streams.
    count: Rc<Cell<u32>>,
    waiting: RefCell<HashMap<u64, Waiting>>,
    /// Those of them that only the host can make go on.
    for_host: RefCell<BTreeSet<u64>>,
    /// How many of the others are calls, and how many are not.
    expected: [Cell<u32>; 2],
    /// What waits for a clock that does not run by itself: when it is due, and its token.
    due: RefCell<BTreeSet<(u64, u64)>>,
    next_token: Cell<u64>,
    inbox: Arc<Inbox>,
    /// Dropped after what it watches for this state.
    reactor: OnceCell<Arc<Reactor>>,
    began: Instant,
    /// What others cannot guess.
    pub(super) secret: u64,
    /// Ends of streams and futures that are the host's here.
    pub(super) ends: Rc<Cell<u32>>,
    /// Files, directories and sockets that are open.
    open: Rc<Cell<u32>>,
    /// Who is told when one of them is closed, or a resource is gone.
    vacancy: Rc<Vacancy>,
    /// Descriptors that are watched, each of which is open a second time for that.
    watched: Rc<Cell<u32>>,
    /// How far a clock that does not run by itself has come.
    pub(super) skipped: Cell<u64>,
    pub(super) random: super::random::Random,
    pub(super) stdio: super::cli::Stdio,
}

/// Counts something that there is, as long as there is.
pub(super) struct Slot {
    count: Rc<Cell<u32>>,
    /// Who waits for it to go.
    vacancy: Option<Rc<Vacancy>>,
}

/// Those who wait until something that is open is closed, by their tokens.
type Vacancy = RefCell<BTreeMap<u64, Target>>;

impl Slot {
    fn take(count: &Rc<Cell<u32>>, limit: u32, vacancy: Option<&Rc<Vacancy>>) -> Option<Slot> {
        if count.get() >= limit {
            return None;
        }
        count.set(count.get() + 1);
        Some(Slot { count: count.clone(), vacancy: vacancy.cloned() })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.count.set(self.count.get() - 1);
        if let Some(vacancy) = &self.vacancy {
            vacancy.take().values().for_each(Target::notify);
        }
    }
}

/// Who waits.
pub(super) enum Waiter {
    Call(Pending),
    Pipe(Rc<Pipe>),
}

/// A call that is to be served again.
pub(super) struct Pending {
    pub(super) task: HostTask,
    pub(super) func: Arc<dyn Serve>,
    pub(super) progress: Progress,
    pub(super) args: *const u8,
    pub(super) results: *mut u8,
    pub(super) arena: Rc<Arena>,
}

struct Waiting {
    waiter: Waiter,
    /// What tells of it.
    watches: Vec<(Watch, Option<Slot>)>,
    /// Whom it waits for.
    whom: Whom,
    /// When it is due by a clock that does not run by itself.
    due: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whom {
    /// Nobody but guests can make it go on.
    Guests,
    /// Only the host can.
    Host,
    /// The store is woken for it.
    Outside,
}

impl State {
    fn new(world: Arc<World>, shared: &Shared, me: Weak<State>) -> State {
        let inbox = Arc::new(Inbox::new(shared.signal().clone()));
        let random = super::random::Random::new(world.config.seed);
        let stdio = super::cli::Stdio::new(&world.config);
        State {
            me,
            resources: RefCell::new(Table::new(world.config.limits.resources, &shared.host_memory)),
            count: Rc::default(),
            waiting: RefCell::default(),
            for_host: RefCell::default(),
            expected: Default::default(),
            due: RefCell::default(),
            next_token: Cell::new(0),
            inbox,
            reactor: OnceCell::new(),
            began: Instant::now(),
            secret: random.number().unwrap_or_default(),
            ends: Rc::default(),
            open: Rc::default(),
            vacancy: Rc::default(),
            watched: Rc::default(),
            skipped: Cell::new(0),
            random,
            stdio,
            world,
        }
    }

    pub(super) fn config(&self) -> &Config {
        &self.world.config
    }

    /// What the monotonic clock shows: nanoseconds since the store first used WASI.
    pub(super) fn now(&self) -> u64 {
        match self.world.config.clocks {
            Clocks::System => u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX),
            Clocks::Fixed { .. } => self.skipped.get(),
        }
    }

    /// Keeps a resource; its representation.
    fn add(&self, resource: Rc<dyn Any>, counted: Slot) -> Answer<u32> {
        self.resources.borrow_mut().add((resource, counted))
    }

    /// Makes a resource that the host owns.
    pub(super) fn own<R: HostResource>(
        &self,
        cx: &mut Cx<'_>,
        resource: R,
        counted: Slot,
    ) -> Answer<Own<R>> {
        let rep = self.add(Rc::new(resource), counted)?;
        let made = host::resource::new(cx, &self.world.resources.get::<R>(), rep);
        made.map(Own::new).map_err(|error| {
            self.remove(rep);
            failed(&error)
        })
    }

    /// Counts a resource, or what is kept for one, if there may be another.
    pub(super) fn counted(&self) -> Answer<Slot> {
        let limit = self.world.config.limits.resources;
        Slot::take(&self.count, limit, Some(&self.vacancy)).ok_or_else(|| {
            let what = format!("more than {limit} resources of WASI in one store");
            Trap::Limit { what: what.into() }.into()
        })
    }

    /// Counts an end of the host's, as long as it holds that.
    pub(super) fn end(&self) -> Slot {
        Slot::take(&self.ends, u32::MAX, None).expect("there are fewer handles")
    }

    /// A place for another file, directory or socket, if there may be one.
    pub(super) fn slot(&self) -> Option<Slot> {
        Slot::take(&self.open, self.world.config.limits.descriptors, Some(&self.vacancy))
    }

    /// The same, and one for its resource, if there may be both. Where one is missing, none is taken: to give it
    /// back would tell others who wait for both.
    pub(super) fn slot_of_resource(&self) -> Option<(Slot, Slot)> {
        let limits = &self.world.config.limits;
        if self.count.get() >= limits.resources {
            return None;
        }
        let slot = self.slot()?;
        Some((slot, self.counted().ok()?))
    }

    /// Lets go of a resource.
    pub(super) fn remove(&self, rep: u32) {
        let removed = self.resources.borrow_mut().remove(rep);
        drop(removed);
    }

    pub(super) fn resource<R: 'static>(&self, rep: u32) -> Answer<Rc<R>> {
        let found = self.resources.borrow().get(rep).map(|(resource, _)| resource.clone());
        found.and_then(|resource| resource.downcast().ok()).ok_or_else(|| {
            let message = "a resource that was not made by these functions of WASI";
            Trap::Host { message: message.into() }.into()
        })
    }

    /// Has a call wait for one of `sources`.
    pub(super) fn wait(&self, cx: &mut Cx<'_>, call: Pending, sources: Sources) -> Answer<()> {
        let token = self.token();
        let me = self.me.clone();
        let cancel = move |cx: &mut Cx<'_>, task: HostTask| {
            if let Some(state) = me.upgrade() {
                drop(state.take(token));
            }
            task.cancelled(cx).map_err(|error| failed(&error))
        };
        let hook = call.task.set_on_cancel(cx, Some(Rc::new(cancel)));
        hook.map_err(|error| failed(&error))?;
        self.watch(token, Waiter::Call(call), sources)
    }

    /// Has what moves the bytes of a stream wait, by a token.
    pub(super) fn wait_to_move(&self, pipe: &Rc<Pipe>, sources: Sources) -> Answer<u64> {
        let token = self.token();
        self.watch(token, Waiter::Pipe(pipe.clone()), sources).map(|()| token)
    }

    /// What has this token waits no longer.
    pub(super) fn forget(&self, token: u64) {
        drop(self.take(token));
    }

    fn token(&self) -> u64 {
        let token = self.next_token.get();
        self.next_token.set(token + 1);
        token
    }

    fn watch(&self, token: u64, waiter: Waiter, sources: Sources) -> Answer<()> {
        let target = || Target { inbox: self.inbox.clone(), token };
        let (mut watches, mut first, mut whom) = (Vec::new(), None::<u64>, Whom::Guests);
        let mut descriptors = HashSet::new();
        for source in sources {
            let by = match source.check(self) {
                Readiness::Ready => {
                    self.inbox.put(token);
                    Whom::Outside
                }
                Readiness::At(at) => {
                    first = Some(first.map_or(at, |first| first.min(at)));
                    Whom::Outside
                }
                Readiness::Descriptor(fd, direction) => {
                    // Several sources may be of one descriptor.
                    if descriptors.insert(((*fd).as_fd().as_raw_fd(), direction)) {
                        watches.extend(self.watch_descriptor(&fd, direction, target())?);
                    }
                    Whom::Outside
                }
                Readiness::Told(bell) => {
                    bell.tell(target());
                    Whom::Outside
                }
                Readiness::Vacancy => {
                    self.vacancy.borrow_mut().insert(token, target());
                    Whom::Guests
                }
                Readiness::Host => Whom::Host,
            };
            whom = whom.max(by);
        }
        let due = match (first, &self.world.config.clocks) {
            (Some(at), Clocks::System) => {
                watches.extend(self.watch_time(at, target())?.map(|watch| (watch, None)));
                None
            }
            (Some(at), Clocks::Fixed { .. }) => {
                self.due.borrow_mut().insert((at, token));
                self.inbox.look();
                Some(at)
            }
            (None, _) => None,
        };
        match whom {
            Whom::Guests => {}
            Whom::Host => drop(self.for_host.borrow_mut().insert(token)),
            Whom::Outside => self.expected(&waiter).update(|count| count + 1),
        }
        self.waiting.borrow_mut().insert(token, Waiting { waiter, watches, whom, due });
        Ok(())
    }

    fn expected(&self, waiter: &Waiter) -> &Cell<u32> {
        &self.expected[usize::from(matches!(waiter, Waiter::Pipe(_)))]
    }

    /// What waits no longer, if it is there still.
    fn take(&self, token: u64) -> Option<Waiting> {
        let waiting = self.waiting.borrow_mut().remove(&token)?;
        match waiting.whom {
            Whom::Guests => drop(self.vacancy.borrow_mut().remove(&token)),
            Whom::Host => drop(self.for_host.borrow_mut().remove(&token)),
            Whom::Outside => self.expected(&waiting.waiter).update(|count| count - 1),
        }
        if let Some(at) = waiting.due {
            self.due.borrow_mut().remove(&(at, token));
        }
        Some(waiting)
    }

    fn watch_descriptor(
        &self,
        fd: &Descriptor,
        direction: Direction,
        target: Target,
    ) -> Answer<Option<(Watch, Option<Slot>)>> {
        // Each may be waited for in both directions.
        let limit = self.world.config.limits.descriptors.saturating_mul(2);
        let slot = Slot::take(&self.watched, limit, None).ok_or_else(|| {
            let what = format!("more than {limit} descriptors that a store waits for");
            Trap::Limit { what: what.into() }
        })?;
        let watch = self
            .reactor()
            .and_then(|reactor| reactor.descriptor((**fd).as_fd(), direction, target))
            .map_err(nothing_to_wait_with)?;
        Ok(watch.map(|watch| (watch, Some(slot))))
    }

    fn watch_time(&self, at: u64, target: Target) -> Answer<Option<Watch>> {
        // What is beyond the clock's range never comes.
        let Some(at) = self.began.checked_add(Duration::from_nanos(at)) else { return Ok(None) };
        let reactor = self.reactor().map_err(nothing_to_wait_with)?;
        Ok(Some(reactor.timer(at, target)))
    }

    /// Sets a clock that does not run by itself to the time that is waited for first: what is due then.
    fn pass_time(&self) -> Option<u64> {
        let mut due = self.due.borrow_mut();
        let (at, token) = due.pop_first()?;
        self.skipped.set(self.skipped.get().max(at));
        if !due.is_empty() {
            self.inbox.look();
        }
        Some(token)
    }

    fn reactor(&self) -> std::io::Result<&Arc<Reactor>> {
        self.reactor.get_or_try_init(Reactor::get)
    }

    /// Serves calls that have waited, and goes on to move bytes, as far as they are there still.
    fn go_on(&self, cx: &mut Cx<'_>, tokens: Vec<u64>) -> Result<bool> {
        let (mut went_on, mut result) = (false, Ok(()));
        for token in tokens {
            let Some(Waiting { waiter, watches, .. }) = self.take(token) else { continue };
            drop(watches);
            let me = self.me.upgrade().expect("the store holds it");
            let call = match waiter {
                Waiter::Call(call) => call,
                Waiter::Pipe(pipe) => {
                    went_on |= pipe.go_on(cx, &me);
                    continue;
                }
            };
            let task = call.task;
            let served = match serve_again(&self.world, &me, &call, cx) {
                Ok(Wait::For(sources)) => self.watch(token, Waiter::Call(call), sources),
                Ok(Wait::Over(())) => {
                    went_on = true;
                    result = result.and(task.return_(cx, call.results));
                    continue;
                }
                Err(trap) => Err(trap),
            };
            if let Err(trap) = served {
                went_on = true;
                result = result.and(task.fail(cx, trap.reason().clone()));
            }
        }
        result.map(|()| went_on)
    }
}

fn nothing_to_wait_with(error: std::io::Error) -> Trap {
    Trap::Limit { what: format!("nothing to wait with: {error}").into() }
}

impl Extension for Rooted {
    fn expected(&self) -> u32 {
        self.0.expected[0].get()
    }

    fn will_wake(&self) -> bool {
        self.0.expected.iter().any(|count| count.get() > 0)
    }

    fn ends(&self) -> u32 {
        self.0.ends.get()
    }

    fn waits_for_host(&self) -> bool {
        !self.0.for_host.borrow().is_empty()
    }

    fn expects(&self, task: HostTask) -> bool {
        let waiting = self.0.waiting.borrow();
        waiting.values().any(|waiting| match &waiting.waiter {
            Waiter::Call(call) => call.task == task && waiting.whom == Whom::Outside,
            Waiter::Pipe(_) => false,
        })
    }

    fn woken(&self, cx: &mut Cx<'_>) -> Result<()> {
        let mut tokens = self.0.inbox.take();
        // Time does not pass while there is something else to do.
        if tokens.is_empty() && cx.state().is_idle() {
            tokens.extend(self.0.pass_time());
        } else if !self.0.due.borrow().is_empty() {
            self.0.inbox.look();
        }
        self.0.go_on(cx, tokens).map(drop)
    }

    fn look(&self, cx: &mut Cx<'_>) -> Result<bool> {
        let for_host: Vec<_> = self.0.for_host.borrow().iter().copied().collect();
        self.0.go_on(cx, for_host)
    }
}
