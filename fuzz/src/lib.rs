//! What the fuzz targets run. Each target is a function of some bytes: it does what they say, and
//! panics where the library breaks a promise, or takes more memory than the limits that were set
//! allow. The sanitizers and `debug_assert` see the rest.

#[macro_use]
mod c;
mod cost;
mod input;

pub mod builtins;
pub mod component;
pub mod values;
pub mod wasi;

/// Inputs that nobody has chosen: what a corpus begins with, and what a test without a fuzzer uses.
pub fn random_inputs(count: usize) -> impl Iterator<Item = Vec<u8>> {
    // SplitMix64
    let mut state = 0u64;
    let mut random = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    (0..count).map(move |_| (0..random() % 1000).map(|_| random() as u8).collect())
}
