// Traces of other programs: expert ids of servers and tracers, layers in Parquet, archives of a run. Traces at URLs:
// lists of files, and errors of servers.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FIXTURES, PAGE, by, clean, empty, exported, fileRows, finished, fromAddresses, give, launch, open, server, trace } from "../harness.mjs";

const TRACES = join(FIXTURES, "traces");
const STEPS = [100, 200, 300];

let session;
before(async () => (session = await launch()));
after(() => session.close());

/** A run with these files in one folder per step. */
function run(files) {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  for (const step of STEPS) {
    for (const file of files) {
      // OLMoE's scripts write the step into the file name.
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
    const table = await fileRows(page);
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

test("the number of experts of FLAME-MoE's layers is assumed until it is set", async () => {
  const folder = run(FLAME);
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await by(page, "folder-input").setInputFiles(folder);
  await finished(page);
  const assumed = () => page.locator("[data-testid=file-table] .message", { hasText: "8 are assumed" });
  assert.equal(await assumed().count(), STEPS.length);
  await page.locator("details.fold:has([data-testid=file-table]) > summary").click();
  await page.getByRole("button", { name: /^Set number of experts of/ }).first().click();
  const dialog = by(page, "shape-dialog");
  await dialog.getByLabel("Experts").fill("12");
  await dialog.getByLabel("Experts").press("Enter");
  await dialog.waitFor({ state: "hidden" });
  await page.waitForFunction(() => /layers × 12 experts/.test(document.querySelector("header").textContent));
  await finished(page);
  assert.equal(await assumed().count(), 0);
  assert.deepEqual((await fileRows(page)).filter(({ state }) => state !== "used"), []);
  // The files were read again.
  rmSync(folder, { recursive: true });
  clean(session, opened);
  await opened.context.close();
});

test("logits that Megatron recorded beside its ids are found", async () => {
  const folder = run(["megatron/router_trace_rank0.jsonl", "megatron/logits_rank0.bin"]);
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await by(page, "folder-input").setInputFiles(folder);
  await finished(page);
  rmSync(folder, { recursive: true });
  assert.deepEqual((await fileRows(page)).filter(({ state }) => state !== "used"), []);
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
    const traces = (await fileRows(page)).filter(({ path }) => path.endsWith(".safetensors"));
    assert.deepEqual(traces.map(({ state }) => state), ["used", "used", "used"]);
    clean(session, opened);
    await opened.context.close();
  });
}

/** The files of a run by their paths on a server. */
const RUN = new Map(STEPS.map((step) => [`/run/step-${step}.safetensors`, trace({ step, samples: 30, layers: 2, experts: 8 })]));
const NAMES = [...RUN.keys()].map((path) => path.split("/").pop());

/** Steps of the report and rows of the file table. */
async function read(page) {
  await finished(page);
  return { steps: JSON.parse(await exported(page)).checkpoints.map(({ step }) => step), table: await fileRows(page) };
}

const messages = (page) => page.locator("[data-testid=file-table] .message").allTextContents();

/** The browser's own console messages for an error status and for a blocked response. */
const REFUSED = [/Failed to load resource: the server responded with a status of/];
const HIDDEN = [/Failed to load resource: net::ERR_/, /blocked by CORS policy/];

/** Asserts that there were no errors and no requests to other servers than the given one. */
function cleanBut(opened, address, allow = []) {
  clean(session, { ...opened, requests: opened.requests.filter((url) => !url.startsWith(`${address}/`)) }, { allow });
}

test("a server without ranges sends small files whole", async () => {
  const { address, sent, close } = await server((path) => RUN.get(path), { ranges: false });
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await fromAddresses(page, [...RUN.keys()].map((path) => address + path));
  assert.deepEqual((await read(page)).steps, STEPS);
  assert.deepEqual(sent.map(({ path }) => path).sort(), [...RUN.keys()].sort(), "each is requested once");
  cleanBut(opened, address);
  await opened.context.close();
  await close();
});

const REFUSALS = [
  ["429 with a wait", { status: 429, headers: { "Retry-After": "30" } }, /too many requests; the server asks to wait 30 seconds \(status 429\).*drop it here/],
  ["429 without one", { status: 429 }, /too many requests \(status 429\)\. Try again in some minutes/],
  ["403", { status: 403 }, /access denied \(status 403\)\. .*without a login.*drop it here/],
  ["404", undefined, /there is no such file \(status 404\)\. Check the address\./],
  ["503 with a wait", { status: 503, headers: { "Retry-After": "120" } }, /asks to wait 120 seconds \(status 503\)/],
  ["500", { status: 500 }, /failed to respond \(status 500\)/],
  [
    "a large file only whole", { status: 200, headers: { "Content-Length": String(65 << 20) } },
    /only whole \(status 200 to a request with `Range`\), and it has 65 MiB, more than the 64 MiB.*Download it and drop it here/,
  ],
];

for (const [name, answer, words] of REFUSALS) {
  test(`an error status is explained, and the other files are read: ${name}`, async () => {
    const { address, close } = await server((path) => (path === "/bad.safetensors" ? answer : RUN.get(path)));
    const opened = await open(session);
    const { page } = opened;
    await empty(page);
    await fromAddresses(page, [`${address}/bad.safetensors`, ...[...RUN.keys()].map((path) => address + path)]);
    const { steps, table } = await read(page);
    assert.deepEqual(steps, STEPS);
    assert.deepEqual(table.map(({ state }) => state).sort(), ["cannot be read", "used", "used", "used"]);
    const said = (await messages(page)).filter((message) => words.test(message));
    assert.equal(said.length, 1, (await messages(page)).join("\n"));
    assert.ok(said[0].startsWith(`${address}/bad.safetensors: `), said[0]);
    cleanBut(opened, address, REFUSED);
    await opened.context.close();
    await close();
  });
}

test("the message on a server without CORS, or without a connection, names both causes", async () => {
  const hidden = await server((path) => RUN.get(path), { readable: false });
  const gone = await server(() => undefined);
  await gone.close();
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await fromAddresses(page, [hidden, gone].map(({ address }) => `${address}/run/${NAMES[0]}`));
  for (const { address } of [hidden, gone]) {
    await page.getByText(new RegExp(`${address}.*cannot be reached.*\\(CORS\\).*drop it here.*Access-Control-Allow-Origin`)).waitFor();
  }
  assert.deepEqual(opened.wrong.filter((line) => !HIDDEN.some((known) => known.test(line))), []);
  await opened.context.close();
  await hidden.close();
});

test("an index.json is fetched after confirmation, and no files on other servers that it lists", async () => {
  const other = await server((path) => RUN.get(path));
  const index = Buffer.from(JSON.stringify({ files: [...NAMES, `${other.address}/run/${NAMES[0]}`, "ftp://127.0.0.1/x"] }));
  const { address, sent, close } = await server((path) => (path === "/run/index.json" ? index : RUN.get(path)));
  const opened = await open(session, { address: `${PAGE}#src=${encodeURIComponent(`${address}/run/index.json`)}` });
  const { page } = opened;
  const dialog = by(page, "source-dialog");
  await dialog.getByText(`${address}/run/index.json`).waitFor();
  assert.deepEqual(sent, [], "nothing is requested before the user confirms");
  await dialog.getByRole("button", { name: "Load", exact: true }).click();
  const { steps, table } = await read(page);
  assert.deepEqual(steps, STEPS);
  assert.deepEqual(table.map(({ path }) => path), [`${address}/run/index.json`, ...NAMES.map((name) => `run/${name}`)]);
  assert.equal(table[0].kind, "list of files");
  const said = (await messages(page)).join("\n");
  assert.match(said, /it is at another server than the list/);
  assert.match(said, /only http and https addresses are/);
  assert.deepEqual(other.sent, []);

  // Removing the list removes its files.
  await page.locator("details.fold:has([data-testid=file-table]):not([open]) > summary").click();
  await page.getByRole("button", { name: `Remove ${address}/run/index.json` }).click();
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=file-table] tbody tr").length === 0);
  cleanBut(opened, address);
  await opened.context.close();
  await close();
  await other.close();
});

test("a link to a source without https is not followed", async () => {
  const opened = await open(session, { address: `${PAGE}#src=${encodeURIComponent("http://example.org/index.json")}` });
  await opened.page.getByText(/neither an https URL nor on this machine/).waitFor();
  assert.equal(await by(opened.page, "source-dialog").isVisible(), false);
  clean(session, opened);
  await opened.context.close();
});

test("an invalid index.json is reported with the expected content", async () => {
  const { address, close } = await server((path) => (path === "/index.json" ? Buffer.from('{"traces": []}') : undefined));
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await fromAddresses(page, [`${address}/index.json`]);
  await page.getByText(/index\.json: content: an object without `files`; expected a list of file names/).waitFor();
  cleanBut(opened, address);
  await opened.context.close();
  await close();
});

for (const [name, list] of [
  ["its index.json", ["index.json", JSON.stringify(NAMES)]],
  ["its server's directory listing", ["", `<ul>${["../", "README.md", ...NAMES].map((name) => `<li><a href="${name}">${name}</a>`).join("")}</ul>`]],
]) {
  test(`a folder of traces is read by ${name}`, async () => {
    const { address, close } = await server((path) => (path === `/run/${list[0]}` ? Buffer.from(list[1]) : RUN.get(path)));
    const opened = await open(session);
    const { page } = opened;
    await empty(page);
    await fromAddresses(page, [`${address}/run/`]);
    const { steps, table } = await read(page);
    assert.deepEqual(steps, STEPS);
    assert.deepEqual(table.map(({ state }) => state), ["used", "used", "used", "used"]);
    cleanBut(opened, address, REFUSED);
    await opened.context.close();
    await close();
  });
}

test("a folder that needs a login is reported", async () => {
  const { address, close } = await server(() => ({ status: 403 }));
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await fromAddresses(page, [`${address}/run/`]);
  await page.getByText(/run\/config\.json: access denied \(status 403\)/).waitFor();
  cleanBut(opened, address, REFUSED);
  await opened.context.close();
  await close();
});
