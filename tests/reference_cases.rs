//! Each test of the reference (`run_tests.py`) has a case of its name in the C suite, alone or as
//! `name: what of it`.

use std::fs;
use std::path::Path;

const TESTS: [&str; 34] = [
    "test",
    "test_pairs",
    "test_nan32",
    "test_nan64",
    "test_string",
    "test_heap",
    "test_flatten",
    "test_roundtrips",
    "test_cross_component_realloc",
    "test_handles",
    "test_async_to_async",
    "test_async_callback",
    "test_callback_interleaving",
    "test_sync_ignores_backpressure",
    "test_async_to_sync",
    "test_async_backpressure",
    "test_sync_using_wait",
    "test_eager_stream_completion",
    "test_async_stream_ops",
    "test_transfer_readable_end",
    "test_forward",
    "test_receive_own_stream",
    "test_host_partial_reads_writes",
    "test_wasm_to_wasm_stream",
    "test_wasm_to_wasm_stream_empty",
    "test_cancel_copy",
    "test_futures",
    "test_future_drop_readable_with_pending_write",
    "test_stream_drop_both_ends_while_idle",
    "test_cancel_subtask",
    "test_self_copy",
    "test_async_flat_params",
    "test_threads",
    "test_sync_threads",
];

/// Only called by `test_string`.
const HELPER: &str = "test_string_internal";

#[test]
fn each_test_of_the_reference_has_its_case() {
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("c-tests");
    let files = fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path());
    let sources: String = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "cpp"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let has_case = |test: &&&str| {
        sources.contains(&format!("TEST_CASE(\"{test}\")"))
            || sources.contains(&format!("TEST_CASE(\"{test}: "))
    };
    let missing: Vec<_> = TESTS.iter().filter(|test| !has_case(test)).collect();
    assert!(missing.is_empty(), "no doctest case for {missing:?}");
}

#[test]
fn the_tests_are_those_of_the_reference() {
    let Some(spec) = std::env::var_os("CMABI_SPEC") else {
        eprintln!("CMABI_SPEC is not set: the names are not compared with the specification");
        return;
    };
    let file = Path::new(&spec).join("design/mvp/canonical-abi/run_tests.py");
    let source = fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let names = source.lines().filter_map(|line| line.strip_prefix("def ")?.split('(').next());
    let names: Vec<&str> =
        names.filter(|name| name.starts_with("test") && *name != HELPER).collect();
    assert_eq!(names, TESTS);
}
