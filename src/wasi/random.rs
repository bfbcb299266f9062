//! `wasi:random`.

pub(super) mod v3;

use super::Define;
use super::func::{Answer, Call, Interface};
use crate::copy::typed::Bytes;
use crate::error::{Result, Trap};
use std::cell::Cell;

pub(super) const INTERFACES: &[(&str, Define)] = &[
    ("random", |random| define_random(random, "len")),
    ("insecure", |insecure| define_insecure(insecure, "len")),
    ("insecure-seed", |seed| seed.func("insecure-seed", &[], insecure_seed)),
];

/// How many bytes are asked for has another name in each version.
fn define_random(random: &mut Interface<'_>, len: &str) -> Result<()> {
    random.func("get-random-bytes", &[len], random_bytes)?;
    random.func("get-random-u64", &[], random_u64)
}

fn define_insecure(insecure: &mut Interface<'_>, len: &str) -> Result<()> {
    insecure.func("get-insecure-random-bytes", &[len], random_bytes)?;
    insecure.func("get-insecure-random-u64", &[], random_u64)
}

/// A store's source of random numbers: the system's, or numbers that repeat.
pub(super) struct Random(Option<Cell<u64>>);

impl Random {
    pub(super) fn new(seed: Option<u64>) -> Self {
        Random(seed.map(Cell::new))
    }

    pub(super) fn fill(&self, bytes: &mut [u8]) -> Answer<()> {
        match &self.0 {
            Some(seed) => {
                for chunk in bytes.chunks_mut(8) {
                    chunk.copy_from_slice(&next(seed).to_le_bytes()[..chunk.len()]);
                }
                Ok(())
            }
            None => getrandom::fill(bytes).map_err(|error| {
                Trap::Host { message: format!("no random numbers: {error}").into() }.into()
            }),
        }
    }

    pub(super) fn number(&self) -> Answer<u64> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

/// Numbers that are well spread and mean nothing (splitmix64).
fn next(seed: &Cell<u64>) -> u64 {
    seed.set(seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
    let mut z = seed.get();
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// All that was asked for, or none: a guest would take the rest for random.
fn random_bytes(call: &mut Call<'_, '_>, len: u64) -> Answer<Bytes> {
    let limit = call.state.config().limits.random;
    if len > limit.into() {
        let what = format!("{len} random bytes at once, of at most {limit}");
        return Err(Trap::Limit { what: what.into() }.into());
    }
    let fill = |bytes: &mut [u8]| call.state.random.fill(bytes).map(|()| bytes.len());
    Bytes::fill(call.arena, len as usize, fill)?
}

fn random_u64(call: &mut Call<'_, '_>) -> Answer<u64> {
    call.state.random.number()
}

fn insecure_seed(call: &mut Call<'_, '_>) -> Answer<(u64, u64)> {
    Ok((call.state.random.number()?, call.state.random.number()?))
}
