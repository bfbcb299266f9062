//! `wasi:clocks` 0.3.

use super::{RESOLUTION, now, since_1970};
use crate::copy::typed::record;
use crate::wasi::Define;
use crate::wasi::func::{Answer, Call, Wait};
use crate::wasi::source::At;
use std::rc::Rc;

pub(in crate::wasi) const INTERFACES: &[(&str, Define)] = &[
    ("monotonic-clock", |clock| {
        clock.func("now", &[], now)?;
        clock.func("get-resolution", &[], |_: &mut Call<'_, '_>| Ok(RESOLUTION))?;
        clock.async_func("wait-until", &["when"], wait_until)?;
        clock.async_func("wait-for", &["how-long"], wait_for)
    }),
    ("system-clock", |clock| {
        clock.func("now", &[], |call: &mut Call<'_, '_>| {
            let (seconds, nanoseconds) = since_1970(call);
            Ok(Instant { seconds, nanoseconds })
        })?;
        clock.func("get-resolution", &[], |_: &mut Call<'_, '_>| Ok(RESOLUTION))
    }),
    ("timezone", |timezone| {
        timezone.func("iana-id", &[], |_: &mut Call<'_, '_>| Ok(Some("Etc/UTC".to_owned())))?;
        timezone
            .func("utc-offset", &["when"], |_: &mut Call<'_, '_>, _: Instant| Ok(Some(0i64)))?;
        timezone.func("to-debug-string", &[], |_: &mut Call<'_, '_>| Ok("UTC".to_owned()))
    }),
];

record! { load store => Instant { seconds: i64, nanoseconds: u32 } }

fn wait_until(call: &mut Call<'_, '_>, when: u64) -> Answer<Wait<()>> {
    Ok(if call.state.now() >= when { Wait::Over(()) } else { Wait::For(vec![Rc::new(At(when))]) })
}

fn wait_for(call: &mut Call<'_, '_>, how_long: u64) -> Answer<Wait<()>> {
    match call.progress.step.replace(1) {
        0 if how_long == 0 => Ok(Wait::Over(())),
        0 => Ok(Wait::For(vec![Rc::new(At(call.state.now().saturating_add(how_long)))])),
        // It is called again when that time has come.
        _ => Ok(Wait::Over(())),
    }
}
