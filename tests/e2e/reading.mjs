// Times reading in WebAssembly in Chromium: `node reading.mjs WASM FOLDER`, with CHROME set; the wasm-bindgen output is next
// to WASM. Prints two tables: ids from memory, with the records of the native benchmark, and the binary files in FOLDER,
// read in place. `cargo xtask bench trace` calls it.

import { readFileSync, readdirSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [, , wasm, folder] = process.argv;
const SCRIPT = "text/javascript";
const served = {
  "/": ["text/html", "<input type=file multiple>"],
  "/work.js": [SCRIPT, `(${work})();`],
  "/reading.js": [SCRIPT, readFileSync(wasm.replace(/_bg\.wasm$/, ".js"))],
  "/reading.wasm": ["application/wasm", readFileSync(wasm)],
};
const serving = http.createServer(({ url }, answer) => {
  const [type, bytes] = served[url] ?? ["text/plain", ""];
  answer.writeHead(served[url] ? 200 : 404, { "Content-Type": type }).end(bytes);
});
await new Promise((resolve) => serving.listen(0, "127.0.0.1", resolve));
const browser = await chromium.launch({ executablePath: process.env.CHROME, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  const files = readdirSync(folder).sort();
  await page.goto(`http://127.0.0.1:${serving.address().port}/`);
  await page.locator("input").setInputFiles(files.map((name) => join(folder, name)));
  const { ids, times } = await page.evaluate(measure);
  console.log(`Chromium ${browser.version()}, one thread\n\n${ids}`);
  console.log("\nBinary files in Chromium, in a worker, from a `File` on disk that is in the system's cache, MB/s. Bytes are read in pieces");
  console.log("of 4 MiB, each requested after the previous one arrived, or as one stream, the fastest way that the browser offers.\n");
  console.log("| binary file | MB | bytes in pieces | bytes as a stream | reading and parsing | share of pieces | share of stream |\n|---|---|---|---|---|---|---|");
  for (const { name, size, pieces, stream, parsed } of times) {
    const rate = (milliseconds) => (size / milliseconds / 1000).toFixed(0);
    const share = (milliseconds) => `${((100 * milliseconds) / parsed).toFixed(0)} %`;
    console.log(`| ${name} | ${(size / 1e6).toFixed(0)} | ${rate(pieces)} | ${rate(stream)} | ${rate(parsed)} | ${share(pieces)} | ${share(stream)} |`);
  }
} finally {
  await browser.close();
  serving.closeAllConnections();
  serving.close();
}

/** The worker's script. */
function work() {
  const PIECE = 4 << 20;
  /** The best of three times, in milliseconds. */
  async function best(what) {
    let best = Infinity;
    for (let time = 0; time < 3; time += 1) {
      const start = performance.now();
      await what();
      best = Math.min(best, performance.now() - start);
    }
    return best;
  }
  async function inPieces(file) {
    for (let at = 0; at < file.size; at += PIECE) {
      await file.slice(at, at + PIECE).arrayBuffer();
    }
  }
  async function asStream(file) {
    const reader = file.stream().getReader();
    while (!(await reader.read()).done);
  }
  onmessage = async ({ data: files }) => {
    const { default: init, measure_ids, parse } = await import("./reading.js");
    await init({ module_or_path: "./reading.wasm" });
    const ids = measure_ids(() => performance.now());
    const times = [];
    for (const file of files) {
      const pieces = await best(() => inPieces(file));
      const stream = await best(() => asStream(file));
      const parsed = await best(() => parse(file));
      times.push({ name: file.name, size: file.size, pieces, stream, parsed });
    }
    postMessage({ ids, times });
  };
  onunhandledrejection = ({ reason }) => {
    throw reason;
  };
}

/** Starts the worker and waits for it. */
function measure() {
  const worker = new Worker("./work.js", { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage([...document.querySelector("input").files]);
  });
}
