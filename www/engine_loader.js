// Starts the engine, the worker that runs checkpoints. Fetched only when there is a checkpoint to run.

const address = new URL(import.meta.url);
const ofThisBuild = (file) => new URL(file + address.search, address);

const { default: init } = await import(ofThisBuild("./engine.js"));
const wasm = await init({ module_or_path: ofThisBuild("./engine_bg.wasm") });
// What must be registered before the first job (crates/engine/build.rs says why here).
wasm.__wasm_call_ctors?.();
