// Starts the engine, the worker that runs checkpoints. It is fetched for the first checkpoint.

const address = new URL(import.meta.url);
const ofThisBuild = (file) => new URL(file + address.search, address);

const wasm = await start().catch((error) => {
  // Outside the module: only then the worker's owner gets an error event with this text.
  setTimeout(() => {
    throw error instanceof TypeError ? new Error("its script could not be loaded") : error;
  });
  return new Promise(() => {});
});
// Registers parts of the engine before the first job; crates/engine/build.rs explains why.
wasm.__wasm_call_ctors?.();

async function start() {
  const { default: init } = await import(ofThisBuild("./engine.js"));
  return init({ module_or_path: ofThisBuild("./engine_bg.wasm") });
}
