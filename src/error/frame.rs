//! Who was running when a trap happened.

use std::fmt;
use std::sync::Arc;

/// What an entry in the chain of calls behind a trap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A call of a component's function.
    Call,
    /// A call of a host function.
    Host,
    /// A canonical built-in, called by a guest.
    Builtin,
    /// A core function.
    Core,
}

/// One entry in the chain of calls behind a trap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: FrameKind,
    /// The full name of the function, `ns:pkg/iface#name`; for a core function its name in the name section;
    /// for a built-in its name with the arguments. Empty where nothing is known.
    pub name: Box<str>,
    /// The label of the component instance that it ran in.
    pub instance: Option<Arc<str>>,
    /// For a core function: its index in its module, where the engine says it.
    pub func_index: Option<u32>,
    /// For a core function: the offset in the module's binary, where the engine says it.
    pub offset: Option<u64>,
}

impl Frame {
    /// A frame of which nothing but the name is known.
    pub fn new(kind: FrameKind, name: impl Into<Box<str>>) -> Frame {
        Frame { kind, name: name.into(), instance: None, func_index: None, offset: None }
    }

    /// The same frame in the instance of that label.
    #[must_use]
    pub fn of(self, instance: Arc<str>) -> Frame {
        Frame { instance: Some(instance), ..self }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame { kind, name, instance, func_index, offset } = self;
        let mut notes = Vec::new();
        match (kind, func_index) {
            (FrameKind::Call | FrameKind::Builtin, _) => {}
            (FrameKind::Host, _) => f.write_str("host function ")?,
            (FrameKind::Core, Some(index)) => notes.push(format!("core function {index}")),
            (FrameKind::Core, None) => notes.push("core function".into()),
        }
        if let Some(instance) = instance {
            match notes.last_mut() {
                Some(note) => *note += &format!(" of {instance}"),
                None => notes.push(instance.to_string()),
            }
        }
        notes.extend(offset.map(|offset| format!("offset {offset:#x}")));
        match (name.is_empty(), notes.join(", ")) {
            (true, notes) => f.write_str(&notes),
            (false, notes) if notes.is_empty() => f.write_str(name),
            (false, notes) => write!(f, "{name} ({notes})"),
        }
    }
}
