// Times reading in WebAssembly in Chromium: `node reading.mjs WASM FOLDER`, with CHROME set. Prints two tables: ids from
// memory, the records being those of the native benchmark, and the binary files in FOLDER, as they are read where they lie.
// `cargo xtask bench trace` calls it.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [, , wasm, folder] = process.argv;
const browser = await chromium.launch({ executablePath: process.env.CHROME, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  const files = readdirSync(folder).sort();
  await page.setContent("<input type=file multiple>");
  await page.locator("input").setInputFiles(files.map((name) => join(folder, name)));
  const script = `${instance}; (${work})();`;
  const { ids, times } = await page.evaluate(measure, [readFileSync(wasm).toString("base64"), script]);
  console.log(`Chromium ${browser.version()}, one thread\n\n${ids}`);
  console.log("\nBinary files in Chromium, in a worker, from a `File` on the disk that was read before\n");
  console.log("| binary file | MB | reading its bytes, MB/s | reading and parsing, MB/s | of reading |\n|---|---|---|---|---|");
  for (const { name, size, reading, parsing } of times) {
    const rate = (milliseconds) => (size / milliseconds / 1000).toFixed(0);
    console.log(`| ${name} | ${(size / 1e6).toFixed(0)} | ${rate(reading)} | ${rate(parsing)} | ${((100 * reading) / parsing).toFixed(0)} % |`);
  }
} finally {
  await browser.close();
}

/** The module, with a file that it may read. */
async function instance(bytes, held) {
  const module = await WebAssembly.compile(bytes);
  const reader = new FileReaderSync();
  const bench = {
    now: () => performance.now(),
    read: (offset, length, to) => {
      const part = reader.readAsArrayBuffer(held.file.slice(offset, offset + length));
      new Uint8Array(held.exports.memory.buffer, to, length).set(new Uint8Array(part));
    },
  };
  // What the crate asks of a browser elsewhere (files, addresses) is not asked here.
  const imports = { bench };
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] ??= () => {
      throw new Error(`${from}.${name} was called`);
    };
  }
  ({ exports: held.exports } = await WebAssembly.instantiate(module, imports));
}

/** What the worker does. */
function work() {
  onmessage = async ({ data: { bytes, files } }) => {
    const held = {};
    await instance(bytes, held);
    const said = (length) => new TextDecoder().decode(new Uint8Array(held.exports.memory.buffer, held.exports.table(), length));
    const ids = said(held.exports.measure());
    const times = files.map((file) => {
      held.file = file;
      const [reading, parsing] = JSON.parse(said(held.exports.measure_file(file.size)));
      return { name: file.name, size: file.size, reading, parsing };
    });
    postMessage({ ids, times });
  };
}

/** Starts the worker and waits for it. */
function measure([wasm, script]) {
  const bytes = Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0));
  const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ bytes, files: [...document.querySelector("input").files] });
  });
}
