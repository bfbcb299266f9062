//! The host's side of a store: what it calls, serves, and holds.
//!
//! The host is an instance like others, and what it has are tasks, subtasks, ends and handles like those of
//! others: they are in `runtime`, with the types that stand for them here. This room is what the host may do with
//! them. A mistake of the host's is an [`Error`](crate::error::Error) that harms nothing, where a guest's would be a trap.
//!
//! | what | file |
//! |---|---|
//! | calling, and running what is ready | `call` |
//! | its sides of calls | `task`, `subtask` |
//! | its ends of streams and futures | `stream`, `waitable_set` |
//! | its resources and error contexts | `resource`, `error_context` |

mod call;
mod error_context;
pub mod resource;
pub mod stream;
mod subtask;
mod task;
mod waitable_set;

pub use call::{call, run, run_out, start, tick};
pub use error_context::{error_context_debug_message, error_context_drop, error_context_new};
pub use waitable_set::{
    HostEvent, waitable_join, waitable_set_drop, waitable_set_new, waitable_set_poll,
    waitable_set_wait,
};

use crate::error::{Result, Trap, Trapped};
use crate::runtime::{Cx, InstanceId, bury};

/// What is to be done when the host gets back control from guests: tells the callers of calls that
/// are over, and after a trap frees what it ended.
#[inline(always)]
fn settle(cx: &mut Cx<'_>, result: Result<(), Trapped>) -> Result<()> {
    let is_settled = {
        let state = cx.state();
        state.casualties.is_empty()
            && state.completions.is_empty()
            && state.host_copies.is_empty()
            && state.discarded.is_empty()
            && state.given_up.is_empty()
    };
    match result {
        Ok(()) if is_settled => Ok(()),
        result => settle_all(cx, result),
    }
}

/// The same where there is something to be done, or something went wrong.
fn settle_all(cx: &mut Cx<'_>, result: Result<(), Trapped>) -> Result<()> {
    let nesting = cx.state().nesting;
    if result.is_err() && nesting == 0 {
        cx.shared.forget_interruption();
    }
    if nesting > 0 {
        return Ok(result?);
    }
    bury(cx);
    let discarded = std::mem::take(&mut cx.state().discarded);
    drop(discarded);
    // What is told may start other calls, which end here as well; they do not nest.
    if !std::mem::replace(&mut cx.state().telling, true) {
        loop {
            let next = cx.state().completions.pop_front();
            match next {
                Some((subtask, completion)) => completion(cx, subtask),
                None if stream::complete_one(cx) => {}
                None if resource::drop_given_up(cx) => bury(cx),
                None => break,
            }
        }
        cx.state().telling = false;
    }
    Ok(result?)
}

/// Ends `inst` and all inside it now, as a trap would: [`Trap::Terminated`].
pub fn terminate(cx: &mut Cx<'_>, inst: InstanceId) -> Result<()> {
    {
        let mut state = cx.state();
        let trap = Trapped::from(Trap::Terminated { instance: state.label(inst) });
        let all = 0..state.instances.len() as u32;
        let inside: Vec<_> = all
            .map(InstanceId)
            .filter(|id| state.is_inside(*id, inst) && !state[*id].poisoned)
            .collect();
        inside.into_iter().for_each(|id| state.end_instance(id, &trap));
    }
    settle(cx, Ok(()))
}
