// Starts the engine, the worker that runs checkpoints. It is fetched for the first checkpoint.

const address = new URL(import.meta.url);
const ofThisBuild = (file) => new URL(file + address.search, address);

const { default: init } = await import(ofThisBuild("./engine.js"));
const wasm = await init({ module_or_path: ofThisBuild("./engine_bg.wasm") });
// Registers parts of the engine before the first job; crates/engine/build.rs explains why.
wasm.__wasm_call_ctors?.();
