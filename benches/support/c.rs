//! C, compiled for a benchmark and loaded into it.

use std::ffi::{CStr, CString, c_void};
use std::path::{Path, PathBuf};

/// What a source file in C has become. It stays loaded.
pub(crate) struct Library(*mut c_void);

impl Library {
    /// Compiles `source`, with the headers of this library.
    pub(crate) fn new(source: &Path) -> Library {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = env!("CMABI_TARGET");
        let mut build = cc::Build::new();
        build.cargo_metadata(false).target(target).host(target).opt_level(2);
        let name = format!("{}.so", source.file_stem().unwrap().to_str().unwrap());
        let library = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut command = build.include(root.join("include")).get_compiler().to_command();
        let status =
            command.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(root.join(source)).status();
        assert!(status.unwrap().success(), "{}", source.display());
        let path = CString::new(library.to_str().unwrap()).unwrap();
        // SAFETY: the library runs nothing when it is loaded.
        let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
        assert!(!handle.is_null(), "{}", library.display());
        Library(handle)
    }

    /// A function of the library.
    ///
    /// # Safety
    /// `F` is the type of a pointer to the function of that name.
    pub(crate) unsafe fn function<F: Copy>(&self, name: &CStr) -> F {
        // SAFETY: the handle is a library's.
        let function = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        assert!(!function.is_null(), "{name:?}");
        assert_eq!(size_of::<F>(), size_of_val(&function));
        // SAFETY: the caller's promise.
        unsafe { std::mem::transmute_copy(&function) }
    }
}
