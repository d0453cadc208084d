// The checkpoints of the demo run, with the traces that transformers made of them, and how reports of both are compared.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder of the demo run. */
export const DEMO = new URL("../fixtures/demo-run/", import.meta.url).pathname;
/** The folder of the example run. */
export const EXAMPLE = new URL("../../www/example/", import.meta.url).pathname;

/** The steps of its checkpoints. */
export const STEPS = readdirSync(DEMO).filter((name) => name.startsWith("step")).map((name) => Number(name.slice(4))).sort((a, b) => a - b);

/** A folder with some checkpoints of the demo run. */
export function demo(steps) {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  for (const name of ["samples.jsonl", "items.jsonl", "tokenizer.json", ...steps.map((step) => `step${step}`)]) {
    cpSync(join(DEMO, name), join(folder, name), { recursive: true });
  }
  return folder;
}

/** A tar archive with some checkpoints of the demo run. */
export function tar(steps) {
  const folder = demo(steps);
  const names = readdirSync(folder, { recursive: true }).filter((name) => statSync(join(folder, name)).isFile());
  const parts = names.sort().flatMap((name) => {
    const bytes = readFileSync(join(folder, name));
    const header = Buffer.alloc(512);
    header.write(`run/${name}`, 0);
    header.write(`${bytes.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        0", 148);
    header.write("ustar\x0000", 257);
    const sum = header.reduce((sum, byte) => sum + byte, 0);
    header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  rmSync(folder, { recursive: true });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** The paths of the traces of some checkpoints, and the benchmark results at their steps. */
export function tracesOf(steps) {
  const run = JSON.parse(readFileSync(join(EXAMPLE, "run.json"), "utf8"));
  const places = steps.map((step) => run.steps.indexOf(step));
  const items = run.items.map(({ id, domain, correct }) => ({ id, domain, correct: places.map((place) => correct[place]) }));
  const traces = steps.map((step) => join(EXAMPLE, `step-${String(step).padStart(5, "0")}.safetensors`));
  return { traces, results: { steps, items } };
}

/** Asserts that all numbers of two reports are equal within f32 precision. */
export function same(found, expected, where = "report") {
  if (typeof expected === "number") {
    assert.equal(typeof found, "number", where);
    const far = Math.abs(found - expected);
    assert.ok(far <= 2e-5 * Math.max(1, Math.abs(expected)), `${where}: ${found} for ${expected}`);
  } else if (Array.isArray(expected)) {
    assert.equal(found.length, expected.length, where);
    expected.forEach((value, place) => same(found[place], value, `${where}[${place}]`));
  } else if (expected && typeof expected === "object") {
    assert.deepEqual(Object.keys(found ?? {}), Object.keys(expected), where);
    Object.keys(expected).forEach((name) => same(found[name], expected[name], `${where}.${name}`));
  } else {
    assert.equal(found, expected, where);
  }
}

/** The report without fields that depend on the source of the figures. */
export function comparable(report) {
  const { title, run, notes, ...figures } = report;
  // Folder names such as step500 give no training tokens.
  return { ...figures, checkpoints: figures.checkpoints.map((checkpoint) => ({ ...checkpoint, tokens: null })) };
}
