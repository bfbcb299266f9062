//! What the host does with the calls that it has made.

use super::settle;
use crate::canon::request_cancellation;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{
    Caller, Completion, Cx, HostCaller, HostSubtask, InstanceId, State, Subtask, SubtaskState,
    WaitableKind,
};

impl HostSubtask {
    /// How far the call is. An error if a trap ended it.
    pub fn state(self, cx: &Cx<'_>) -> Result<SubtaskState> {
        let mut state = cx.state();
        let subtask = state.host_subtask(self)?;
        match &subtask.caller {
            Caller::Host(HostCaller { trap: Some(trap), .. }) => Err(trap.clone().into()),
            _ => Ok(subtask.state),
        }
    }

    /// Asks for the call's cancellation. The callee may resolve at once, later, or go on.
    pub fn cancel(self, cx: &mut Cx<'_>) -> Result<SubtaskState> {
        cx.put_on_record()?;
        let callee = {
            let mut state = cx.state();
            let subtask = state.host_subtask(self)?;
            if subtask.cancellation_requested {
                let message = "the subtask's cancellation was requested before";
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
            let callee = subtask.callee.filter(|_| !subtask.resolved());
            subtask.cancellation_requested = callee.is_some();
            callee
        };
        let result = match callee {
            Some(task) => request_cancellation(cx, task, InstanceId::HOST),
            None => Ok(()),
        };
        // Whoever is told of the end may drop the subtask.
        let state = self.state(cx);
        settle(cx, result).and(state)
    }

    /// Sets whom to tell when the call is over: at once, if it is.
    pub fn set_completion(self, cx: &mut Cx<'_>, completion: Completion) -> Result<()> {
        let is_over = cx.state().host_call_is_over(self)?;
        {
            let mut state = cx.state();
            if is_over {
                state.completions.push_back((self, completion));
            } else if let Caller::Host(host) = &mut state.host_subtask(self)?.caller {
                host.completion = Some(completion);
            }
        }
        settle(cx, Ok(()))
    }

    /// Lets go of a call. One that has started goes on without its caller, and its result is
    /// dropped; one that has not started never does. Nobody is told of its end any more.
    pub fn drop(self, cx: &mut Cx<'_>) -> Result<()> {
        let untold = cx.state().drop_host_subtask(self)?;
        drop(untold);
        Ok(())
    }
}

impl State {
    fn host_subtask(&mut self, id: HostSubtask) -> Result<&mut Subtask> {
        match self.waitables.get_mut(id.0).map(|waitable| &mut waitable.kind) {
            Some(WaitableKind::Subtask(subtask)) if matches!(subtask.caller, Caller::Host(_)) => {
                Ok(subtask)
            }
            _ => Err(Error::new(ErrorKind::InvalidArgument, "the subtask was dropped")),
        }
    }

    /// Whether a call of the host's is over, be it by a trap.
    fn host_call_is_over(&mut self, id: HostSubtask) -> Result<bool> {
        let subtask = self.host_subtask(id)?;
        let failed = matches!(&subtask.caller, Caller::Host(host) if host.trap.is_some());
        Ok(failed || subtask.resolved())
    }

    /// Lets go of a call; gives back whom it would have told of its end.
    fn drop_host_subtask(&mut self, id: HostSubtask) -> Result<Option<Completion>> {
        let subtask = self.host_subtask(id)?;
        let (callee, state) = (subtask.callee, subtask.state);
        subtask.detached = true;
        let mut untold = match &mut subtask.caller {
            Caller::Host(host) => host.completion.take(),
            Caller::Guest(_) => None,
        };
        match callee {
            Some(task) if state == SubtaskState::Starting => {
                self.forget_waiting_task(task);
                self.drop_waitable(id.0);
            }
            Some(_) => {}
            None => {
                self.drop_waitable(id.0);
                let told = self.completions.iter().position(|(told, _)| *told == id);
                let told = told.and_then(|at| self.completions.remove(at));
                untold = untold.or(told.map(|(_, completion)| completion));
            }
        }
        Ok(untold)
    }

    /// Frees the subtask of a call whose end nobody else is told, if it is over.
    pub(super) fn take_host_call(&mut self, id: HostSubtask) -> Option<Result<SubtaskState>> {
        let subtask = self.subtask(id.0);
        let end = match &subtask.caller {
            Caller::Host(HostCaller { trap: Some(trap), .. }) => Err(trap.clone().into()),
            _ if subtask.resolved() => Ok(subtask.state),
            _ => return None,
        };
        self.drop_waitable(id.0);
        Some(end)
    }
}
