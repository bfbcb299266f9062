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
            // What is rarely executed lies by itself, so that the rest of the code is on fewer pages.
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,keep-text-section-prefix");
            if takes_packed_relocations() {
                println!("cargo:rustc-cdylib-link-arg=-Wl,-z,pack-relative-relocs");
            }
        }
        "macos" | "ios" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libcmabi.0.dylib");
        }
        _ => {}
    }
}

/// Whether the dynamic linker takes relocations in a form that is forty times as small: glibc's does since 2.36. It
/// is known of this machine only.
fn takes_packed_relocations() -> bool {
    std::env::var("HOST").ok() == std::env::var("TARGET").ok() && is_glibc_since(2, 36)
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn is_glibc_since(major: u32, minor: u32) -> bool {
    unsafe extern "C" {
        safe fn gnu_get_libc_version() -> *const std::ffi::c_char;
    }
    // SAFETY: the version is a string that stays.
    let version = unsafe { std::ffi::CStr::from_ptr(gnu_get_libc_version()) };
    let mut numbers = version.to_str().unwrap_or("").split('.').map_while(|it| it.parse().ok());
    (numbers.next(), numbers.next()) >= (Some(major), Some(minor))
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn is_glibc_since(_: u32, _: u32) -> bool {
    false
}
