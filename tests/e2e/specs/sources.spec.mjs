// Traces as other programs leave them, dropped as they are: expert ids of servers and tracers, layers in Parquet, and
// archives of a run.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FIXTURES, by, clean, empty, exported, finished, give, launch, open } from "../harness.mjs";

const TRACES = join(FIXTURES, "traces");
const STEPS = [100, 200, 300];

let session;
before(async () => (session = await launch()));
after(() => session.close());

const rows = (page) =>
  page.locator("[data-testid=file-table] tbody tr").evaluateAll((rows) =>
    rows.map((row) => ({ path: row.querySelector("th").textContent, kind: row.cells[1].textContent, state: row.querySelector(".state").textContent })),
  );

/** A run whose checkpoints all have these files, each in a folder of its step. */
function run(files) {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  for (const step of STEPS) {
    for (const file of files) {
      // The scripts of OLMoE write the step into the file's name.
      cpSync(join(TRACES, file), join(folder, `step-${step}`, file.split("/").pop().replace("_1000.", `_${step}.`)));
    }
  }
  return folder;
}

const FLAME = readdirSync(join(TRACES, "flame-moe")).map((name) => `flame-moe/${name}`);
const IDS = {
  "vLLM, nested lists": ["vllm-lists.jsonl"],
  "vLLM, arrays of numpy": ["vllm-npy.jsonl"],
  "vLLM, objects": ["vllm-encoded.jsonl"],
  "vLLM without a server": ["vllm-offline.jsonl"],
  "SGLang": ["sglang-generate.jsonl"],
  "SGLang, as OpenAI answers": ["sglang-openai.jsonl"],
  "scripts of OLMoE": ["olmoe-c4_results_1000.jsonl"],
  "FLAME-MoE": FLAME,
};

for (const [name, files] of Object.entries(IDS)) {
  test(`expert ids of ${name} are a run of selection frequencies`, async () => {
    const folder = run(files);
    const opened = await open(session);
    const { page } = opened;
    await empty(page);
    await by(page, "folder-input").setInputFiles(folder);
    await finished(page);
    rmSync(folder, { recursive: true });
    const table = await rows(page);
    assert.equal(table.length, STEPS.length * files.length);
    assert.deepEqual(table.filter(({ state }) => state !== "used"), []);
    const report = JSON.parse(await exported(page));
    assert.equal(report.run.gate_kind, "selection-frequency");
    assert.deepEqual(report.checkpoints.map(({ step }) => step), STEPS);
    assert.match(await by(page, "report").textContent(), /selection frequenc/);
    clean(session, opened);
    await opened.context.close();
  });
}

test("logits that Megatron recorded beside its ids are found", async () => {
  const folder = run(["megatron/router_trace_rank0.jsonl", "megatron/logits_rank0.bin"]);
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await by(page, "folder-input").setInputFiles(folder);
  await finished(page);
  rmSync(folder, { recursive: true });
  assert.deepEqual((await rows(page)).filter(({ state }) => state !== "used"), []);
  assert.equal(JSON.parse(await exported(page)).run.gate_kind, "softmax-mean");
  clean(session, opened);
  await opened.context.close();
});

for (const archive of ["stored.zip", "deflated.zip", "gnu.tar", "pax.tar", "gnu.tar.gz", "gnu.tar.zst"]) {
  test(`a run in ${archive} is read as its files`, async () => {
    const opened = await open(session);
    const { page } = opened;
    await empty(page);
    await give(page, [join(FIXTURES, "archives", archive)]);
    await finished(page);
    assert.deepEqual(JSON.parse(await exported(page)).checkpoints.map(({ step }) => step), [1, 2, 3]);
    const traces = (await rows(page)).filter(({ path }) => path.endsWith(".safetensors"));
    assert.deepEqual(traces.map(({ state }) => state), ["used", "used", "used"]);
    clean(session, opened);
    await opened.context.close();
  });
}
