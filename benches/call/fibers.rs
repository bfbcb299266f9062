//! Native stacks, against those of corosensei.

use super::bench;
use cmabi::engine::fiber::{Fiber, Fibers, Ran, Values};
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult};
use std::rc::Rc;

pub(super) fn bench_all() {
    const STACK: usize = 64 << 10;
    let fibers = Fibers::new(STACK);
    let mut stack = Some(DefaultStack::new(STACK).unwrap());
    bench(
        "fiber: start, return; peer: corosensei",
        1,
        || match fibers.start(|| Ok(Values::new())) {
            Ran::Returned(result) => assert!(result.unwrap().is_empty()),
            Ran::Suspended(_) => unreachable!("it does not block"),
        },
        || {
            let stack_of_it = stack.take().unwrap();
            let mut coroutine = Coroutine::<(), (), (), _>::with_stack(stack_of_it, |_, ()| ());
            assert!(matches!(coroutine.resume(()), CoroutineResult::Return(())));
            stack = Some(coroutine.into_stack());
        },
    );

    let inner = Rc::clone(&fibers);
    let blocked = |ran| match ran {
        Ran::Suspended(fiber) => Some::<Fiber>(fiber),
        Ran::Returned(result) => panic!("{result:?}"),
    };
    let mut fiber = blocked(fibers.start(move || {
        loop {
            inner.block()?;
        }
    }));
    let mut coroutine = Coroutine::<(), (), (), _>::new(|yielder, ()| {
        loop {
            yielder.suspend(());
        }
    });
    coroutine.resume(());
    bench(
        "fiber: resume, block; peer: corosensei",
        1,
        || fiber = blocked(fiber.take().unwrap().resume(&[])),
        || assert!(matches!(coroutine.resume(()), CoroutineResult::Yield(()))),
    );
}
