// Bad files among good ones: each bad file has a reason, and the good ones give a report.

import assert from "node:assert/strict";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";

import { by, clean, drop, empty, exported, fileRows, finished, give, launch, made, open, picture, runA, trace } from "../harness.mjs";

const SMALL = { samples: 12, layers: 3, experts: 8 };
const good = (step) => made(`good-${step}.safetensors`, trace({ step, ...SMALL }));

const BAD = {
  "empty.safetensors": Buffer.alloc(0),
  "truncated.safetensors": trace({ step: 3000, ...SMALL }).subarray(0, 900),
  "oversized-header.safetensors": Buffer.concat([Buffer.from("ffffffffffff0000", "hex"), Buffer.from("{}")]),
  "integers.safetensors": trace({
    step: 3000,
    ...SMALL,
    changed: { tensors: ([gates, ...rest]) => [{ ...gates, dtype: "I32" }, ...rest] },
  }),
  "holiday.jpg": Buffer.from("ffd8ffe000104a46494600", "hex"),
  "notes.txt": Buffer.from("Remember the milk.\n"),
  "<img src=x onerror=alert(1)>.safetensors": Buffer.from("<script>alert(1)</script>"),
};

function spoil(change) {
  return ([gates, ...rest]) => {
    change(gates.data);
    return [gates, ...rest];
  };
}

let session;
before(async () => (session = await launch()));
after(() => session.close());

test("every bad file has a reason, and all good files are used", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const bad = Object.entries(BAD).map(([name, content]) => made(name, content));
  await give(page, [good(1000), ...bad, good(2000)]);
  await finished(page);
  const table = await fileRows(page);
  assert.equal(table.length, bad.length + 2);
  for (const { path, state, messages } of table) {
    if (path.startsWith("good-")) {
      assert.equal(state, "used", path);
      continue;
    }
    assert.notEqual(state, "used", path);
    assert.ok(messages.join(" ").length > 20, `${path}: ${messages}`);
    console.log(`${path}: ${state}: ${messages.join(" ")}`);
  }
  assert.equal(await page.locator("script:not([src]), img[src=x]").count(), 0);
  await picture(page, "bad-files");
  clean(session, opened);
  await opened.context.close();
});

test("samples whose gates cannot be used leave the run and are named", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const spoiled = (step, change) => made(`step-${step}.safetensors`, trace({ step, ...SMALL, changed: { tensors: spoil(change) } }));
  const width = SMALL.layers * SMALL.experts;
  await give(page, [
    good(1000),
    good(2000),
    spoiled(3000, (gates) => (gates[2 * width + 5] = NaN)),
    spoiled(4000, (gates) => (gates[7 * width + 5] += 3)),
  ]);
  await finished(page);
  const { checkpoints, run, domains } = JSON.parse(await exported(page));
  assert.deepEqual(checkpoints.map(({ step }) => step), [1000, 2000, 3000, 4000]);
  const samples = domains.reduce((sum, { samples }) => sum + samples, 0);
  assert.equal(samples, SMALL.samples - 2, JSON.stringify(run));
  const table = await fileRows(page);
  assert.deepEqual(table.map(({ state }) => state), ["used", "used", "used", "used"]);
  for (const [row, fault] of [[2, /NaN/], [3, /sum/]]) {
    assert.match(table[row].messages.join(" "), fault);
    assert.match(table[row].messages.join(" "), /left out at all checkpoints/);
  }
  clean(session, opened);
  await opened.context.close();
});

test("checkpoints of another run and duplicate steps are rejected", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [
    good(1000),
    good(2000),
    good(3000),
    made("other-shape.safetensors", trace({ step: 4000, ...SMALL, experts: 16 })),
    made("same-step.safetensors", trace({ step: 2000, ...SMALL, seed: 99 })),
    made("fewer-samples.safetensors", trace({ step: 5000, ...SMALL, samples: 10 })),
  ]);
  await finished(page);
  const table = await fileRows(page);
  for (const name of ["other-shape.safetensors", "same-step.safetensors"]) {
    const row = table.find(({ path }) => path === name);
    assert.notEqual(row.state, "used", name);
    assert.ok(row.messages.length > 0, name);
  }
  for (const { path, state } of table.filter(({ path }) => path.startsWith("good-"))) {
    assert.equal(state, "used", path);
  }
  clean(session, opened);
  await opened.context.close();
});

test("dropped files are read like chosen files", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await drop(page, runA().map((path) => ({ name: basename(path), content: readFileSync(path) })));
  await finished(page);
  const table = await fileRows(page);
  assert.deepEqual(table.filter(({ state }) => state !== "used"), []);
  clean(session, opened);
  await opened.context.close();
});

test("the page stays usable after unsupported files only", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [made("holiday.jpg", BAD["holiday.jpg"])]);
  await page.waitForFunction(() => /holiday\.jpg/.test(document.body.innerText));
  await give(page, [good(1000), good(2000)]);
  await finished(page);
  clean(session, opened);
  await opened.context.close();
});

test("a folder is read recursively, and unrelated files are skipped", async () => {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  try {
    mkdirSync(join(folder, "run/sub"), { recursive: true });
    writeFileSync(join(folder, "run/step-1000.safetensors"), trace({ step: 1000, ...SMALL }));
    writeFileSync(join(folder, "run/sub/step-2000.safetensors"), trace({ step: 2000, ...SMALL }));
    writeFileSync(join(folder, "run/holiday.jpg"), BAD["holiday.jpg"]);
    writeFileSync(join(folder, "run/notes.txt"), BAD["notes.txt"]);
    const opened = await open(session);
    const { page } = opened;
    await empty(page);
    await by(page, "folder-input").setInputFiles(join(folder, "run"));
    await finished(page);
    const table = await fileRows(page);
    const used = table.filter(({ state }) => state === "used").map(({ path }) => path);
    assert.deepEqual(used.sort(), ["run/step-1000.safetensors", "run/sub/step-2000.safetensors"]);
    assert.equal((await by(page, "errors").textContent()).trim(), "");
    clean(session, opened);
    await opened.context.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("files of 3 GB are read in slices, or rejected by their first bytes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  const GIBI = 3 * 2 ** 30;
  try {
    // Sparse files. The gates of the first follow 3 GiB of an unused tensor.
    const large = join(folder, "large.safetensors");
    const small = trace({ step: 1000, ...SMALL });
    const length = Number(small.readBigUInt64LE(0));
    const header = JSON.parse(small.subarray(8, 8 + length).toString());
    for (const tensor of Object.values(header)) {
      if (tensor.data_offsets) {
        tensor.data_offsets = tensor.data_offsets.map((offset) => offset + GIBI);
      }
    }
    header["optimizer.state"] = { dtype: "U8", shape: [GIBI], data_offsets: [0, GIBI] };
    const text = Buffer.from(JSON.stringify(header));
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(text.length));
    const file = openSync(large, "w");
    writeSync(file, Buffer.concat([start, text]), 0, text.length + 8, 0);
    const data = small.subarray(8 + length);
    writeSync(file, data, 0, data.length, 8 + text.length + GIBI);
    closeSync(file);
    const disk = join(folder, "disk.img");
    writeFileSync(disk, "");
    truncateSync(disk, GIBI);

    const opened = await open(session);
    const { page } = opened;
    await empty(page);
    const second = join(folder, "second.safetensors");
    writeFileSync(second, trace({ step: 2000, ...SMALL }));
    await give(page, [large, second, disk]);
    await finished(page);
    const table = await fileRows(page);
    const state = (name) => table.find(({ path }) => path === name);
    assert.equal(state("large.safetensors").state, "used", JSON.stringify(table));
    assert.equal(state("second.safetensors").state, "used");
    assert.notEqual(state("disk.img").state, "used");
    assert.ok(state("disk.img").messages.join(" ").length > 20, JSON.stringify(table));
    console.log(`disk.img: ${state("disk.img").messages.join(" ")}`);
    clean(session, opened);
    await opened.context.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
