//! `wasi:clocks`.

pub(super) mod v3;

use super::Define;
use super::config::Clocks;
use super::func::{Answer, Call};
use super::io::Pollable;
use super::source::At;
use crate::copy::typed::{Own, record};
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    // A date before 1970 cannot be said.
    let (seconds, nanoseconds) = since_1970(call);
    Ok(match u64::try_from(seconds) {
        Ok(seconds) => Datetime { seconds, nanoseconds },
        Err(_) => Datetime { seconds: 0, nanoseconds: 0 },
    })
}

/// The date: seconds since 1970 began, and nanoseconds that have passed since.
fn since_1970(call: &Call<'_, '_>) -> (i64, u32) {
    match call.state.config().clocks {
        Clocks::System => match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => (i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_nanos()),
            Err(error) => before_1970(error.duration()),
        },
        Clocks::Fixed { wall } => {
            let Datetime { seconds, nanoseconds } = datetime(wall.saturating_add(call.state.now()));
            (seconds as i64, nanoseconds)
        }
    }
}

/// Nanoseconds go forwards, however early it is.
fn before_1970(earlier: Duration) -> (i64, u32) {
    let seconds = i64::try_from(earlier.as_secs()).map_or(i64::MIN, |seconds| -seconds);
    match earlier.subsec_nanos() {
        0 => (seconds, 0),
        nanoseconds => (seconds.saturating_sub(1), 1_000_000_000 - nanoseconds),
    }
}

fn datetime(nanoseconds: u64) -> Datetime {
    const SECOND: u64 = 1_000_000_000;
    Datetime { seconds: nanoseconds / SECOND, nanoseconds: (nanoseconds % SECOND) as u32 }
}

#[test]
fn a_date_before_1970_has_nanoseconds_that_go_forwards() {
    assert_eq!(before_1970(Duration::from_nanos(1)), (-1, 999_999_999));
    assert_eq!(before_1970(Duration::from_secs(2)), (-2, 0));
    assert_eq!(before_1970(Duration::from_millis(2500)), (-3, 500_000_000));
}
