//! Until when the directives of a script can reach its instances.

use std::collections::HashMap;
use wast::token::Id;
use wast::{WastDirective, WastExecute};

/// What the directives of a script refer to.
#[derive(Default)]
pub struct Reach {
    /// The last directive that refers to an instance of a name.
    last: HashMap<String, usize>,
    /// Whether instances are registered, for others to import.
    pub registers: bool,
}

impl Reach {
    pub fn of(directives: &[WastDirective<'_>]) -> Self {
        let mut reach = Reach::default();
        for (index, directive) in directives.iter().enumerate() {
            reach.registers |= matches!(directive, WastDirective::Register { .. });
            if let Some(name) = instance_of(directive) {
                reach.last.insert(name.name().into(), index);
            }
        }
        reach
    }

    /// Whether no directive after the one at `index` refers to the instance `name`.
    pub fn is_over(&self, name: &str, index: usize) -> bool {
        self.last.get(name).is_none_or(|last| *last <= index)
    }
}

/// The instance that a directive refers to by a name.
fn instance_of<'a>(directive: &WastDirective<'a>) -> Option<Id<'a>> {
    use WastDirective as D;
    match directive {
        D::Register { module, .. } => *module,
        D::Invoke(invoke) | D::AssertExhaustion { call: invoke, .. } => invoke.module,
        D::AssertReturn { exec, .. } | D::AssertTrap { exec, .. } => match exec {
            WastExecute::Invoke(invoke) => invoke.module,
            WastExecute::Get { module, .. } => *module,
            WastExecute::Wat(_) => None,
        },
        _ => None,
    }
}
