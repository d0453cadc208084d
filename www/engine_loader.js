// Starts the engine, the worker that runs checkpoints. It is fetched for the first checkpoint.
//
// Without `await` outside of functions: Firefox may keep back messages to a worker whose script still waits.

const address = new URL(import.meta.url);
const ofThisBuild = (file) => new URL(file + address.search, address);

start().catch((error) => {
  // Outside of the promise: only then the worker's owner gets an error event with this text.
  setTimeout(() => {
    throw error instanceof TypeError ? new Error("its script could not be loaded") : error;
  });
});

async function start() {
  const { default: init } = await import(ofThisBuild("./engine.js"));
  const wasm = await init({ module_or_path: ofThisBuild("./engine_bg.wasm") });
  // Registers parts of the engine before the first job; crates/engine/build.rs explains why.
  wasm.__wasm_call_ctors?.();
}
