//! Linker arguments of the engine's WebAssembly binary.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|target| target == "wasm32") {
        // burn's shader compiler registers its parts in constructors. Unless they are exported, the
        // linker makes every call from JavaScript run all of them again, which takes longer than
        // the computation. The loader calls them once.
        println!("cargo::rustc-link-arg-bins=--export=__wasm_call_ctors");
    }
}
