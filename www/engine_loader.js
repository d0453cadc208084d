// Starts the engine, the worker that runs checkpoints. Fetched when the first checkpoint is to be run.

const address = new URL(import.meta.url);
const ofThisBuild = (file) => new URL(file + address.search, address);

const { default: init } = await import(ofThisBuild("./engine.js"));
const wasm = await init({ module_or_path: ofThisBuild("./engine_bg.wasm") });
// Registers parts of the engine before the first job; crates/engine/build.rs says why this is done here.
wasm.__wasm_call_ctors?.();
