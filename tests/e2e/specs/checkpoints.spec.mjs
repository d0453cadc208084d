// Checkpoint folders dropped with samples and items: the page runs the model, on WebGPU and on the CPU.

import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { DEMO, EXAMPLE, STEPS, comparable, demo, same, tar, tracesOf } from "../demo-run.mjs";
import { GPU, PAGE, FIXTURES, by, clean, downloaded, empty, exported, fileRows, finished, give, launch, made, open, picture, prefixed, safetensors } from "../harness.mjs";

const ADDRESS = { cpu: `${PAGE}#backend=cpu`, gpu: `${PAGE}#backend=gpu` };
// WebGPU on SwiftShader takes half a minute per checkpoint.
const PATIENCE = 280_000;

let session;
before(async () => (session = await launch()));
after(() => session.close());

/** Opens a folder through the hidden folder input. */
async function giveFolder(page, folder) {
  await by(page, "folder-input").setInputFiles(folder);
}

/** Opens the collapsed file table below a report. */
async function unfold(page) {
  await page.locator("details.fold:has([data-testid=file-table]):not([open]) > summary").click();
}

async function saved(page, name) {
  const download = await downloaded(page, page.getByRole("button", { name }));
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

/** The tensors of a safetensors file, as typed arrays. */
function tensors(bytes) {
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const kinds = { F32: Float32Array, I32: Int32Array, U32: Uint32Array, U8: Uint8Array, U16: Uint16Array, BF16: Uint16Array, I64: BigInt64Array };
  const found = {};
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name !== "__metadata__") {
      const [from, to] = data_offsets;
      const copy = Uint8Array.from(bytes.subarray(8 + length + from, 8 + length + to));
      found[name] = Object.assign(new kinds[dtype](copy.buffer), { shape });
    }
  }
  return found;
}

/** As `demo`, with seconds of work per checkpoint, so a test can act during the first. */
function laborious(steps) {
  const folder = demo(steps);
  const lines = readFileSync(join(folder, "samples.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const many = Array.from({ length: 20 }, (_, copy) => lines.map(({ id, ...rest }) => JSON.stringify({ id: `${id}-${copy}`, ...rest })));
  writeFileSync(join(folder, "samples.jsonl"), many.flat().join("\n"));
  rmSync(join(folder, "items.jsonl"));
  return folder;
}

/** The report of the same steps from the traces that transformers made. */
async function fromTraces(steps) {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const { traces, results } = tracesOf(steps);
  const files = traces.map((path) => made(basename(path), readFileSync(path)));
  await give(page, [...files, made("run.json", Buffer.from(JSON.stringify(results)))]);
  await finished(page);
  const report = JSON.parse(await exported(page));
  await opened.context.close();
  return { report, items: results.items };
}

for (const backend of GPU ? ["gpu", "cpu"] : ["cpu"]) {
  test(`checkpoint folders with samples and items give the report of their traces (${backend})`, async () => {
    const steps = backend === "gpu" ? STEPS.slice(-2) : STEPS;
    const expected = await fromTraces(steps);
    const opened = await open(session, { address: ADDRESS[backend] });
    const { page } = opened;
    await empty(page);
    const before = opened.requests.length;
    assert.ok(!opened.requests.some((url) => url.includes("engine")), "the engine is not fetched before it is needed");
    const folder = demo(steps);
    await giveFolder(page, folder);
    await finished(page, PATIENCE);
    rmSync(folder, { recursive: true });
    assert.ok(opened.requests.slice(before).some((url) => url.includes("engine_bg.wasm")));
    const table = await fileRows(page);
    const checkpoints = table.filter(({ kind }) => kind === "checkpoint");
    assert.deepEqual(checkpoints.map(({ step, state }) => [Number(step), state]).sort(([a], [b]) => a - b), steps.map((step) => [step, "used"]));
    for (const { messages } of checkpoints) {
      assert.match(messages.join(), backend === "gpu" ? /tokens in [\d.]+ s on the GPU/ : /tokens in [\d.]+ s on the CPU/);
    }
    // Samples, items and tokenizer are in use, without a warning.
    for (const { path, kind, state, messages } of table.filter((row) => !checkpoints.includes(row))) {
      assert.deepEqual([path, state, messages], [path, "used", []], kind);
    }
    assert.ok(table.some(({ path, kind }) => path.endsWith("samples.jsonl") && kind === "list of samples"));
    assert.equal((await by(page, "errors").textContent()).trim(), "");
    assert.match(await by(page, "processor").textContent(), backend === "gpu" ? /^GPU/ : /^CPU/);

    await unfold(page);
    await picture(page, `checkpoints-${backend}`);
    const results = await saved(page, "Save benchmark results");
    assert.equal(results.name, "run.json");
    const { steps: found, items } = JSON.parse(results.bytes);
    assert.deepEqual(found, steps);
    assert.equal(items.length, expected.items.length);
    for (const [place, item] of items.entries()) {
      const { id, domain, correct } = expected.items[place];
      const right = correct.map((right) => Boolean(right));
      assert.deepEqual({ id: item.id, domain: item.domain, correct: item.correct }, { id, domain, correct: right });
      // Multiple-choice items also have accuracies.
      for (const list of [item.acc, item.acc_norm].filter(Boolean)) {
        assert.equal(list.length, steps.length);
      }
    }
    same(comparable(JSON.parse(await exported(page))), comparable(expected.report));
    clean(session, opened);
    await opened.context.close();
  });

  test(`reference checkpoints of three shapes give their gates, losses and selections (${backend})`, async () => {
    for (const name of ["base-bf16", "gqa-f32", "wide-f16"]) {
      const opened = await open(session, { address: ADDRESS[backend] });
      const { page } = opened;
      await empty(page);
      await giveFolder(page, join(FIXTURES, "olmoe", name));
      // So few samples give no report, so the file table is not collapsed.
      await page.getByRole("button", { name: /^Save trace of/ }).waitFor({ timeout: PATIENCE });
      const trace = tensors((await saved(page, /^Save trace of/)).bytes);
      const expected = tensors(readFileSync(join(FIXTURES, "olmoe", name, "expected.safetensors")));
      const near = (found, wanted, most, what) => {
        assert.equal(found.length, wanted.length, `${name} ${what}`);
        wanted.forEach((value, at) => {
          const right = Number.isNaN(value) ? Number.isNaN(found[at]) : Math.abs(found[at] - value) <= most;
          assert.ok(right, `${name} ${what}[${at}]: ${found[at]} for ${value}`);
        });
      };
      near(trace.gates, expected.mean_gates, 2e-6, "gates");
      near(trace.loss, expected.nll, 2e-5, "loss");
      const [, layers, k] = trace.topk_ids.shape;
      for (let sample = 0; sample + 1 < trace.offsets.length; sample += 1) {
        const wanted = expected[`topk_ids.${sample}`];
        const [from, to] = [Number(trace.offsets[sample]), Number(trace.offsets[sample + 1])];
        for (let layer = 0; layer < layers; layer += 1) {
          for (let token = from; token < to; token += 1) {
            const ids = [...trace.topk_ids.subarray((token * layers + layer) * k, (token * layers + layer + 1) * k)];
            const at = (layer * (to - from) + token - from) * k;
            assert.deepEqual(ids, [...wanted.subarray(at, at + k)], `${name} s${sample} layer ${layer} token ${token - from}`);
          }
        }
      }
      clean(session, opened);
      await opened.context.close();
    }
  });
}

test("checkpoints in an archive are run in place, unless they are compressed", async () => {
  const steps = STEPS.slice(-2);
  const expected = await fromTraces(steps);
  const opened = await open(session, { address: ADDRESS.cpu });
  const { page } = opened;
  await empty(page);
  await give(page, [made("demo.tar", tar(steps))]);
  await finished(page, PATIENCE);
  const table = await fileRows(page);
  assert.deepEqual(
    table.map(({ path, kind, state }) => [path, kind, state]).slice(0, 3).sort(),
    [["demo.tar", "archive", "used"], ...steps.map((step) => [`demo.tar/run/step${step}`, "checkpoint", "used"])].sort(),
  );
  same(comparable(JSON.parse(await exported(page))), comparable(expected.report));
  clean(session, opened);
  await opened.context.close();

  const packed = await open(session);
  await empty(packed.page);
  await give(packed.page, [made("demo.tgz", gzipSync(tar(STEPS.slice(-1))))]);
  await packed.page.getByText(/demo\.tar\/run\/step\d+: a checkpoint inside an archive is read where it lies, and this one is compressed/).waitFor();
  clean(session, packed);
  await packed.context.close();
});

test("a damaged checkpoint is reported, and the others are run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  try {
    cpSync(DEMO, folder, { recursive: true });
    const shard = (step, number) => join(folder, `step${step}`, `model-0000${number}-of-00002.safetensors`);
    truncateSync(shard(STEPS[0], 1), 100_000);
    rmSync(shard(STEPS[1], 2));
    const opened = await open(session, { address: ADDRESS.cpu });
    const { page } = opened;
    await empty(page);
    await giveFolder(page, folder);
    await finished(page, PATIENCE);
    const table = await fileRows(page);
    const of = (step) => table.find(({ path }) => path.endsWith(`step${step}`));
    assert.equal(of(STEPS[0]).state, "cannot be read");
    assert.match(of(STEPS[0]).messages.join(), /model-00001-of-00002\.safetensors: cut off/);
    assert.equal(of(STEPS[1]).state, "cannot be read");
    assert.match(of(STEPS[1]).messages.join(), /no shard model-00002-of-00002\.safetensors/);
    assert.equal(of(STEPS[2]).state, "used");
    assert.equal(of(STEPS[3]).state, "used");
    clean(session, opened);
    await opened.context.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("checkpoints wait for samples, and a step can be entered manually", async () => {
  const opened = await open(session, { address: ADDRESS.cpu });
  const { page } = opened;
  await empty(page);
  for (const step of STEPS.slice(0, 2)) {
    await giveFolder(page, join(DEMO, `step${step}`));
  }
  await page.getByText("It waits for samples to be run on").first().waitFor();
  await give(page, [join(DEMO, "samples.jsonl")]);
  await finished(page, PATIENCE);
  await unfold(page);
  const field = page.getByRole("textbox", { name: `Training step of step${STEPS[0]}` });
  assert.equal(await field.inputValue(), String(STEPS[0]));
  await field.fill("77");
  await field.press("Enter");
  await field.blur();
  await page.waitForFunction(() => document.querySelector("[data-testid=report]")?.dataset.complete === "true");
  const { checkpoints } = JSON.parse(await exported(page));
  assert.deepEqual(checkpoints.map(({ step }) => step), [77, STEPS[1]]);
  clean(session, opened);
  await opened.context.close();
});

test("cancel ends the engine at once, and the other checkpoints can be run", async () => {
  const steps = STEPS.slice(0, 3);
  const folder = laborious(steps);
  const opened = await open(session, { address: ADDRESS.cpu });
  const { page } = opened;
  await empty(page);
  await giveFolder(page, folder);
  await page.getByText(/running checkpoint 1 of/).waitFor({ timeout: PATIENCE });
  await page.keyboard.press("Escape");
  await page.waitForTimeout(500);
  assert.equal(await by(page, "progress").count(), 0);
  assert.equal((await fileRows(page)).filter(({ state }) => state === "running").length, 0);
  await page.getByRole("button", { name: new RegExp(`^Remove .*/step${steps[0]}$`) }).click();
  await finished(page, PATIENCE);
  const { checkpoints } = JSON.parse(await exported(page));
  assert.deepEqual(checkpoints.map(({ step }) => step), steps.slice(1));
  rmSync(folder, { recursive: true });
  clean(session, opened);
  await opened.context.close();
});

test("text is tokenized by the checkpoint's tokenizer", async () => {
  const [step] = STEPS;
  const folder = demo([step]);
  const lines = readFileSync(join(folder, "samples.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  writeFileSync(join(folder, "samples.jsonl"), lines.map(({ input_ids, ...rest }) => JSON.stringify(rest)).join("\n"));
  const opened = await open(session, { address: ADDRESS.cpu });
  const { page } = opened;
  await empty(page);
  await giveFolder(page, folder);
  await finished(page, PATIENCE);
  await unfold(page);
  const found = tensors((await saved(page, /^Save trace of/)).bytes);
  const expected = tensors(readFileSync(join(EXAMPLE, `step-${String(step).padStart(5, "0")}.safetensors`)));
  assert.equal(found.gates.length, expected.gates.length);
  found.gates.forEach((gate, at) => assert.ok(Math.abs(gate - expected.gates[at]) < 2e-5, `${at}: ${gate} for ${expected.gates[at]}`));
  const tokenizer = (await fileRows(page)).find(({ path }) => path.endsWith("tokenizer.json"));
  assert.deepEqual([tokenizer.kind, tokenizer.state], ["tokenizer", "used"]);
  rmSync(folder, { recursive: true });
  clean(session, opened);
  await opened.context.close();
});

test("router inputs are enough to run only the gating layers", async () => {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  const from = join(FIXTURES, "olmoe/base-bf16");
  const shards = readdirSync(from).filter((name) => name.startsWith("model"));
  for (const name of ["config.json", ...shards]) {
    cpSync(join(from, name), join(folder, "step7", name));
  }
  const config = JSON.parse(readFileSync(join(from, "config.json"), "utf8"));
  const { hidden_size: width, num_hidden_layers: layers, num_experts: experts } = config;
  const weights = Object.assign({}, ...shards.filter((name) => name.endsWith(".safetensors")).map((name) => tensors(readFileSync(join(from, name)))));
  const widened = (half) => new Float32Array(new Uint32Array([half << 16]).buffer)[0];
  // Two samples, of three tokens and of two.
  const spans = [[0, 3], [3, 5]];
  const inputs = Array.from({ length: layers }, (_, layer) => Float32Array.from({ length: 5 * width }, (_, at) => Math.sin(at * 0.37 + layer)));
  const file = safetensors(
    [
      ...inputs.map((data, layer) => ({ name: `gate_inputs.${layer}`, dtype: "F32", shape: [5, width], data })),
      { name: "offsets", dtype: "I64", shape: [3], data: BigInt64Array.of(0n, 3n, 5n) },
    ],
    { step: "7", samples: JSON.stringify([{ id: "a", domain: "math" }, { id: "b", domain: "code" }]) },
  );
  writeFileSync(join(folder, "inputs-7.safetensors"), file);
  const opened = await open(session, { address: ADDRESS.cpu });
  const { page } = opened;
  await empty(page);
  await giveFolder(page, folder);
  await finished(page, PATIENCE);
  await unfold(page);
  const table = await fileRows(page);
  assert.deepEqual(table.map(({ kind, state }) => `${kind}: ${state}`).sort(), ["checkpoint: used", "inputs of routers: used"]);
  const { gates, topk_ids: ids } = tensors((await saved(page, /^Save trace of/)).bytes);
  assert.deepEqual(gates.shape, [2, layers, experts]);
  assert.deepEqual(ids.shape, [5, layers, config.num_experts_per_tok]);
  for (let layer = 0; layer < layers; layer += 1) {
    const router = weights[`model.layers.${layer}.mlp.gate.weight`];
    spans.forEach(([start, end], sample) => {
      const means = new Array(experts).fill(0);
      for (let token = start; token < end; token += 1) {
        const logits = Array.from({ length: experts }, (_, expert) => {
          let sum = 0;
          for (let axis = 0; axis < width; axis += 1) {
            sum += inputs[layer][token * width + axis] * widened(router[expert * width + axis]);
          }
          return sum;
        });
        const all = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
        logits.forEach((logit, expert) => (means[expert] += Math.exp(logit) / all / (end - start)));
      }
      means.forEach((mean, expert) => {
        const found = gates[(sample * layers + layer) * experts + expert];
        assert.ok(Math.abs(found - mean) < 1e-6, `sample ${sample}, layer ${layer}, expert ${expert}: ${found} for ${mean}`);
      });
    });
  }
  rmSync(folder, { recursive: true });
  clean(session, opened);
  await opened.context.close();
});

test("text without a tokenizer is reported", async () => {
  const [step] = STEPS;
  const folder = demo([step]);
  rmSync(join(folder, "tokenizer.json"));
  writeFileSync(join(folder, "samples.jsonl"), '{"id": "a", "domain": "add", "text": "add 1 2"}\n');
  rmSync(join(folder, "items.jsonl"));
  const opened = await open(session, { address: ADDRESS.cpu });
  const { page } = opened;
  await empty(page);
  await giveFolder(page, folder);
  await page.locator(".message", { hasText: "tokenizer.json" }).first().waitFor({ timeout: PATIENCE });
  rmSync(folder, { recursive: true });
  clean(session, opened);
  await opened.context.close();
});

test("a lost GPU is reported, and the run continues", { skip: !GPU }, async () => {
  const steps = STEPS.slice(-1);
  const folder = demo(steps);
  const opened = await open(session, { address: ADDRESS.gpu });
  const { page } = opened;
  await empty(page);
  await giveFolder(page, folder);
  await page.getByText(/layer [12] of/).waitFor({ timeout: PATIENCE });
  const cdp = await session.browser.newBrowserCDPSession();
  await cdp.send("Browser.crashGpuProcess").catch(() => {});
  await page.getByText(/the GPU was lost.*It is started again/).first().waitFor({ timeout: PATIENCE });
  // A new engine runs the same checkpoint again.
  await page.getByText(/running checkpoint 1 of 1/).waitFor({ timeout: PATIENCE });
  rmSync(folder, { recursive: true });
  await opened.context.close();
});

test("a GPU out of memory is reported, and the CPU takes over", { skip: !GPU }, async () => {
  const folder = demo(STEPS.slice(-1));
  // The fortieth larger buffer of every engine fails.
  const full = `
    const create = GPUDevice.prototype.createBuffer;
    let many = 0;
    GPUDevice.prototype.createBuffer = function (descriptor) {
      many += descriptor.size >= 4096;
      if (many === 40) {
        const error = new GPUOutOfMemoryError("full");
        setTimeout(() => this.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error })));
      }
      return create.call(this, descriptor);
    };\n`;
  const server = await prefixed("engine_loader.js", full);
  const opened = await open(session, { address: ADDRESS.gpu.replace(PAGE, server.address) });
  const { page } = opened;
  await empty(page);
  await giveFolder(page, folder);
  await page.getByText(/the GPU is out of memory.*The processor goes on/).first().waitFor({ timeout: PATIENCE });
  await finished(page, PATIENCE);
  assert.match(await by(page, "processor").textContent(), /^CPU/);
  rmSync(folder, { recursive: true });
  await opened.context.close();
  await server.close();
});

test("a shard that changes on disk is named, and the others are run", async () => {
  const folder = laborious(STEPS);
  const opened = await open(session, { address: ADDRESS.cpu });
  const { page } = opened;
  await empty(page);
  await giveFolder(page, folder);
  await page.getByText(/running checkpoint 1 of/).waitFor({ timeout: PATIENCE });
  const last = STEPS.at(-1);
  appendFileSync(join(folder, `step${last}`, "model-00001-of-00002.safetensors"), "x");
  await finished(page, PATIENCE);
  const changed = (await fileRows(page)).find(({ path }) => path.endsWith(`step${last}`));
  assert.equal(changed.state, "cannot be read");
  assert.match(changed.messages.join(), /model-00001-of-00002\.safetensors.*(changed or moved|cut off|bytes)/);
  rmSync(folder, { recursive: true });
  clean(session, opened);
  await opened.context.close();
});
