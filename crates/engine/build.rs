//! Says how the engine's wasm is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|target| target == "wasm32") {
        // burn's shader compiler registers its parts in constructors. Unless they are exported, the linker has every
        // call from JavaScript run all of them again, which costs more than the computing. The loader calls them once.
        println!("cargo::rustc-link-arg-bins=--export=__wasm_call_ctors");
    }
}
