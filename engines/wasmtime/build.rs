//! Where libcmabi is, which the shared library is linked with.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CMABI_LIB_DIR");
    // CMake says where it has built it; otherwise it is where cargo has.
    let lib_dir = env::var_os("CMABI_LIB_DIR").map_or_else(
        || {
            let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());
            root.join("../../target").join(env::var("PROFILE").unwrap())
        },
        PathBuf::from,
    );
    println!("cargo:rustc-link-search=native={}", lib_dir.display());
    println!("cargo:rustc-link-lib=dylib=cmabi");
    if env::var("CARGO_CFG_TARGET_OS").unwrap_or_default() == "linux" {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcmabi_wasmtime.so.0");
        // libcmabi is beside it.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-rpath,$ORIGIN");
        // Its threads and its handlers of signals stay.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
