// Starts a worker: the analyst or a calculator, depending on its name.

const address = new URL(import.meta.url);
const ofThisBuild = (file) => new URL(file + address.search, address);

const { default: init } = await import(ofThisBuild("./worker.js"));
await init({ module_or_path: ofThisBuild("./worker_bg.wasm") });
