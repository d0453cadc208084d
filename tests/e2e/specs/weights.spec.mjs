// Checkpoints without samples: only their routers are read and shown, from disk and from URLs.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FIXTURES, accessible, by, clean, downloaded, drawn, empty, fromAddresses, give, launch, made, open, picture, safetensors, server } from "../harness.mjs";

const DEMO = join(FIXTURES, "demo-run");
const STEPS = readdirSync(DEMO).filter((name) => name.startsWith("step")).map((name) => Number(name.slice(4))).sort((a, b) => a - b);
const EXPECTED = JSON.parse(readFileSync(join(FIXTURES, "router-geometry/demo-run.json"), "utf8"));
// A folder's optional files are requested too; the browser logs each that is missing.
const ABSENT = [/Failed to load resource: the server responded with a status of 404/];

let session;
before(async () => (session = await launch()));
after(() => session.close());

const routers = (page) => by(page, "routers");

/** The cells of the visible table. */
const cells = (page) =>
  routers(page).locator("table").first().locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));

const messages = (page) => page.locator("[data-testid=file-table] .message").allTextContents();

const number = (text) => Number(text.replaceAll(",", "").replace("−", "-"));

/** Asserts that the table has numpy's figures, to the digits shown. */
async function right(page, layer) {
  const rows = await cells(page);
  assert.deepEqual(rows.map(([, step]) => number(step)), STEPS);
  for (const [place, row] of rows.entries()) {
    const layers = EXPECTED[place].layers;
    const wanted = (name) => (layer === undefined ? layers.reduce((sum, one) => sum + one[name], 0) / layers.length : layers[layer][name]);
    const names = ["drift", "cosine", "similarity", "gram_difference", "norm_mean", "norm_min", "norm_max"];
    for (const [column, name] of names.entries()) {
      assert.ok(Math.abs(number(row[column + 2]) - wanted(name)) < 6e-4, `${name} at ${STEPS[place]}: ${row[column + 2]} for ${wanted(name)}`);
    }
  }
}

async function dropFolders(page, steps) {
  for (const step of steps) {
    await by(page, "folder-input").setInputFiles(join(DEMO, `step${step}`));
  }
}

/** Waits until all checkpoints are in the table. */
async function complete(page, count = STEPS.length) {
  await page.waitForFunction((count) => document.querySelector("[data-testid=routers] table tbody")?.rows.length === count, count, { timeout: 30_000 });
}

test("checkpoints that wait for samples show their routers", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await dropFolders(page, STEPS);
  await complete(page);
  await right(page);
  assert.equal((await messages(page)).filter((message) => message.startsWith("It waits for samples")).length, STEPS.length);
  assert.ok(!opened.requests.some((url) => url.includes("engine")), "the engine is not needed");

  await drawn(page);
  assert.equal(await routers(page).locator(".drawing svg").count(), 5);
  await picture(page, "weights");
  await accessible(page, "router weights");

  await routers(page).locator("select").selectOption({ label: "Layer 1" });
  await right(page, 1);

  const download = await downloaded(page, routers(page).getByRole("button", { name: "Save CSV", exact: true }));
  const csv = readFileSync(await download.path(), "utf8").trim().split("\n");
  assert.match(csv[0], /^checkpoint,step,tokens,layer,norm_mean,/);
  assert.equal(csv.length, 1 + STEPS.length * EXPECTED[0].layers.length);
  clean(session, opened);
  await opened.context.close();
});

test("charts follow the theme, and a removed checkpoint disappears from them", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await dropFolders(page, STEPS.slice(0, 2));
  await complete(page, 2);
  await drawn(page);
  await page.evaluate(() => (location.hash = "theme=dark"));
  await page.locator("[data-theme=dark]").first().waitFor();
  await drawn(page);
  await picture(page, "weights-dark");
  await page.getByRole("button", { name: `Remove step${STEPS[1]}` }).click();
  await complete(page, 1);
  assert.equal(await routers(page).locator(".drawing").count(), 0, "one checkpoint has no chart");
  await page.getByRole("button", { name: `Remove step${STEPS[0]}` }).click();
  await routers(page).waitFor({ state: "detached" });
  clean(session, opened);
  await opened.context.close();
});

test("a checkpoint whose routers cannot be read says why, and the others are shown", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await dropFolders(page, STEPS);
  const shard = safetensors([{ name: "lm_head.weight", dtype: "F32", shape: [1], data: new Float32Array(1) }]);
  await give(page, [made("config.json", Buffer.from("{}")), made("model.safetensors", shard)]);
  await page.getByText(/Its routers are not shown: checkpoint: there is no router among its tensors/).waitFor();
  await complete(page);
  await right(page);
  clean(session, opened);
  await opened.context.close();
});

/** Serves the demo run like the Hugging Face Hub. */
function demo() {
  return server((name) => {
    const path = join(DEMO, name);
    return path.startsWith(DEMO) && existsSync(path) && statSync(path).isFile() ? readFileSync(path) : undefined;
  });
}

test("folders at URLs are checkpoints, given with a trailing slash, their config or their index", async () => {
  const { address, sent, close } = await demo();
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const ends = ["/", "/config.json", "/model.safetensors.index.json", "/config.json?download=true"];
  assert.equal(sent.length, 0, "nothing is requested before the user confirms");
  await fromAddresses(page, STEPS.map((step, place) => `${address}/step${step}${ends[place % ends.length]}`));
  await complete(page);
  await right(page);
  assert.equal((await messages(page)).filter((message) => message.startsWith("It waits for samples")).length, STEPS.length);
  const paths = await page.locator("[data-testid=file-table] th.path").allTextContents();
  assert.deepEqual(paths, STEPS.map((step) => `${address}/step${step}`));
  const asked = new Set(sent.map(({ path }) => path.split("/").pop()));
  assert.ok(["config.json", "tokenizer.json", "trainer_state.json"].every((name) => asked.has(name)));
  await drawn(page);
  const wrong = { ...opened, requests: opened.requests.filter((url) => !url.startsWith(address)) };
  clean(session, wrong, { allow: ABSENT });
  await opened.context.close();
  await close();
});

test("a URL without a checkpoint is reported", async () => {
  const { address, close } = await demo();
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await fromAddresses(page, [`${address}/nothing/`]);
  await page.getByText(/nothing\/: there is no `config\.json` of a checkpoint in it, no `index\.json`, and no list of files/).waitFor();
  assert.equal(await routers(page).count(), 0);
  await opened.context.close();
  await close();
});
