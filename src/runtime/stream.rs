//! Streams ("Stream State").
use super::waitable::{Event, WaitableId};
use super::{InstanceId, State};
use crate::error::Trapped;
use crate::types::Type;

/// How a copy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum CopyResult {
    /// Elements were copied.
    Completed = 0,
    /// The other end is gone.
    Dropped = 1,
    /// The copy was cancelled.
    Cancelled = 2,
}

/// An end of a stream or future.
pub(crate) struct CopyEnd {}

impl State {
    pub(crate) fn copy_event(&mut self, _: WaitableId, _: CopyResult, _: bool) -> Event {
        todo!()
    }
    pub(crate) fn drop_end(&mut self, _: WaitableId) {}
    pub(crate) fn move_stream(
        &mut self,
        _: InstanceId,
        _: InstanceId,
        _: Option<&Type>,
        _: u32,
    ) -> Result<u32, Trapped> {
        todo!()
    }
    pub(crate) fn move_future(
        &mut self,
        _: InstanceId,
        _: InstanceId,
        _: Option<&Type>,
        _: u32,
    ) -> Result<u32, Trapped> {
        todo!()
    }
}
