//! What the dynamic linker is told of the shared library, its name and that it stays, and for what it is built.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // For what is compiled by tests and benchmarks.
    println!("cargo:rustc-env=CMABI_TARGET={}", std::env::var("TARGET").unwrap_or_default());
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match target.as_str() {
        "linux" | "freebsd" | "netbsd" | "openbsd" | "android" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libcmabi.so.0");
            // Its threads end some time after they have nothing to do any more.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        "macos" | "ios" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libcmabi.0.dylib");
        }
        _ => {}
    }
}
