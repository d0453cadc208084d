// Times the reading of ids in WebAssembly in Chromium: `node reading.mjs WASM`, with CHROME set. Prints a table.
// `cargo xtask bench trace` calls it. The records are those of the native benchmark.

import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const browser = await chromium.launch({ executablePath: process.env.CHROME, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  const table = await page.evaluate(measure, readFileSync(process.argv[2]).toString("base64"));
  console.log(`Chromium ${browser.version()}, one thread\n\n${table}`);
} finally {
  await browser.close();
}

async function measure(wasm) {
  const bytes = Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0));
  const module = await WebAssembly.compile(bytes);
  // What the crate asks of a browser elsewhere (files, addresses) is not asked here.
  const imports = { bench: { now: () => performance.now() } };
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] ??= () => {
      throw new Error(`${from}.${name} was called`);
    };
  }
  const { exports } = await WebAssembly.instantiate(module, imports);
  const length = exports.measure();
  return new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.table(), length));
}
