// Starts a worker: the analyst or a calculator, by its name. Replaces trunk's own loader, which knows no build identifier.

const address = new URL(import.meta.url);
const ofThisBuild = (file) => new URL(file + address.search, address);

const { default: init } = await import(ofThisBuild("./worker.js"));
await init({ module_or_path: ofThisBuild("./worker_bg.wasm") });
