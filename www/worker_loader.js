// Starts a worker: the analyst or a calculator, depending on its name.
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
  const { default: init } = await import(ofThisBuild("./worker.js"));
  await init({ module_or_path: ofThisBuild("./worker_bg.wasm") });
}
