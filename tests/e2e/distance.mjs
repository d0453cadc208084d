// Times the WebAssembly build of the distances in Chromium: `node distance.mjs WASM [ROUNDS]`, with CHROME set. Prints a table.
// `cargo xtask bench distance` calls it. The sequences are those of the native benchmark.

import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [path, rounds = "5"] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROME, args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  const lines = await page.evaluate(measure, { wasm: readFileSync(path).toString("base64"), rounds: Number(rounds) });
  console.log(`Chromium ${browser.version()}, one thread, wall-clock seconds\n`);
  console.log("| | mean length | pairs | pairs/s | cell updates/s |\n|---|---|---|---|---|");
  for (const { name, length, pairs, rate } of lines) {
    console.log(`| ${name} | ${length.toFixed(0)} | ${pairs} | ${rate.toFixed(0)} | ${((rate * length * length) / 1e9).toFixed(1)} G |`);
  }
} finally {
  await browser.close();
}

async function measure({ wasm, rounds }) {
  const bytes = Uint8Array.from(atob(wasm), (character) => character.charCodeAt(0));
  const { instance } = await WebAssembly.instantiate(bytes, {});
  const { prepare, run_all_pairs, run_pairs } = instance.exports;
  const workloads = [
    { number: 0, name: "P", all: 1024, many: 5000, sampled: 50_000 },
    { number: 1, name: "T", all: 2048, many: 5000, sampled: 200_000 },
    { number: 2, name: "C", all: 2048, many: 5000, sampled: 500_000 },
  ];
  const lines = [];
  for (const { number, name, all, many, sampled } of workloads) {
    const tasks = [
      ["all_pairs", all, 0, (all * (all - 1)) / 2, run_all_pairs],
      ["sampled", many, sampled, sampled, run_pairs],
    ];
    for (const [task, count, list, pairs, run] of tasks) {
      const length = prepare(number, count, list);
      const sums = new Set();
      for (const [vectors, engine] of [[1, "simd128"], [0, "scalar"]]) {
        const times = [];
        for (let round = 0; round <= rounds; round += 1) {
          const start = performance.now();
          sums.add(run(vectors));
          // The first round may run before V8 has optimised the code.
          if (round > 0) {
            times.push((performance.now() - start) / 1000);
          }
        }
        times.sort((a, b) => a - b);
        lines.push({ name: `${name} ${task}, ${engine}`, length, pairs, rate: pairs / times[times.length >> 1] });
      }
      if (sums.size !== 1) {
        throw new Error(`the engines disagree: ${[...sums]}`);
      }
    }
  }
  return lines;
}
