//! `wasi:clocks`.

use super::Define;
use super::config::Clocks;
use super::func::{Answer, Call};
use super::io::Pollable;
use super::source::At;
use crate::copy::typed::{Own, record};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const INTERFACES: &[(&str, Define)] = &[
    ("monotonic-clock", |clock| {
        clock.func("now", &[], now)?;
        clock.func("resolution", &[], |_: &mut Call<'_, '_>| Ok(RESOLUTION))?;
        clock.func("subscribe-instant", &["when"], subscribe_instant)?;
        clock.func("subscribe-duration", &["when"], subscribe_duration)
    }),
    ("wall-clock", |clock| {
        clock.func("now", &[], wall_now)?;
        clock.func("resolution", &[], |_: &mut Call<'_, '_>| Ok(datetime(RESOLUTION)))
    }),
    ("timezone", |timezone| {
        timezone.func("display", &["when"], |_: &mut Call<'_, '_>, _: Datetime| {
            let name = "UTC".to_owned();
            Ok(TimezoneDisplay { utc_offset: 0, name, in_daylight_saving_time: false })
        })?;
        timezone.func("utc-offset", &["when"], |_: &mut Call<'_, '_>, _: Datetime| Ok(0i32))
    }),
];

/// Nanoseconds between two times that differ.
const RESOLUTION: u64 = 1;

record! { load store => Datetime { seconds: u64, nanoseconds: u32 } }

record! {
    store => TimezoneDisplay { utc_offset: i32, name: String, in_daylight_saving_time: bool }
}

fn now(call: &mut Call<'_, '_>) -> Answer<u64> {
    Ok(call.state.now())
}

fn subscribe_instant(call: &mut Call<'_, '_>, when: u64) -> Answer<Own<Pollable>> {
    call.own(Pollable(Rc::new(At(when))))
}

fn subscribe_duration(call: &mut Call<'_, '_>, when: u64) -> Answer<Own<Pollable>> {
    let when = call.state.now().saturating_add(when);
    subscribe_instant(call, when)
}

fn wall_now(call: &mut Call<'_, '_>) -> Answer<Datetime> {
    Ok(datetime(match call.state.config().clocks {
        // A date before 1970 cannot be said.
        Clocks::System => {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            return Ok(Datetime { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() });
        }
        Clocks::Fixed { wall } => wall.saturating_add(call.state.now()),
    }))
}

fn datetime(nanoseconds: u64) -> Datetime {
    const SECOND: u64 = 1_000_000_000;
    Datetime { seconds: nanoseconds / SECOND, nanoseconds: (nanoseconds % SECOND) as u32 }
}
