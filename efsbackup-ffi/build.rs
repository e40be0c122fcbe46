//! Names the shared library for its ABI, so that programs linked with one ABI never load
//! another.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libefsbackup.so.0");
    println!("cargo:rerun-if-changed=build.rs");
}
