// Files without a description: tensors with other names, expert ids without a shape. The user describes them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { accessible, adding, by, clean, empty, finished, give, launch, made, open, picture, trace } from "../harness.mjs";

const SHAPE = { samples: 12, layers: 3, experts: 8 };

/** A trace with other tensor names and no metadata. */
function unlabelled(step) {
  const renamed = ([gates, loss]) => [
    { ...gates, name: "routing/probs" },
    { ...loss, name: "nll" },
    { name: "notes", dtype: "F32", shape: [3], data: new Float32Array([1, 2, 3]) },
  ];
  const none = Object.fromEntries(["format", "version", "step", "gate_kind", "samples"].map((key) => [key, undefined]));
  return made(`step-${step}.safetensors`, trace({ step, ...SHAPE, changed: { tensors: renamed, metadata: none } }));
}

/** Two responses as SGLang returns them: ids of 15 and 16 tokens, 3 layers, 2 of 8 experts, in one row of base64. */
function ids() {
  const lines = [15, 16].map((tokens) => {
    const flat = Array.from({ length: tokens * 3 }, (_, at) => [(at * 5) % 8, (at * 5 + 1 + (at % 7)) % 8]).flat();
    const bytes = Buffer.from(Int32Array.from(flat).buffer);
    return JSON.stringify({ meta_info: { routed_experts: bytes.toString("base64") } });
  });
  return made("step-1000.jsonl", Buffer.from(`${lines.join("\n")}\n`));
}

let session;
before(async () => (session = await launch()));
after(() => session.close());

const row = (page, path) => page.locator("[data-testid=file-table] tbody tr", { hasText: path });
const state = (page, path) => row(page, path).locator(".state").textContent();

test("a mapping is proposed, and applying it reads all files with the same tensors", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [unlabelled(1000), unlabelled(2000)]);
  const dialog = by(page, "mapping-dialog");
  await dialog.locator("form").waitFor();
  const lines = dialog.locator("tbody tr");
  assert.equal(await lines.count(), 3);
  const probs = lines.filter({ hasText: "routing/probs" });
  assert.match(await probs.textContent(), /12 × 3 × 8, F32/);
  assert.equal(await probs.locator("select").first().locator("option:checked").textContent(), "gates: mean router probabilities per sample");
  const axes = await probs.locator(".axes select").evaluateAll((list) => list.map((one) => one.selectedOptions[0].textContent));
  assert.deepEqual(axes, ["samples", "layers", "experts"]);
  const notes = lines.filter({ hasText: "notes" });
  assert.equal(await notes.locator("select").first().locator("option:checked").textContent(), "not used");
  assert.equal(await dialog.getByLabel("Training step").inputValue(), "1000");
  assert.match(await dialog.textContent(), /The other file with the same tensors/);
  await accessible(page, "the mapping dialog");
  await picture(page, "mapping");
  await dialog.getByLabel("Training step").press("Enter");
  await finished(page);
  assert.equal(await dialog.isVisible(), false);
  for (const step of [1000, 2000]) {
    assert.equal(await state(page, `step-${step}.safetensors`), "used");
  }
  clean(session, opened);
  await opened.context.close();
});

test("an invalid mapping is reported in its row, and a skipped file can be described later", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [unlabelled(1000)]);
  const dialog = by(page, "mapping-dialog");
  await dialog.locator("form").waitFor();
  await dialog.getByRole("button", { name: "Skip file" }).click();
  await dialog.waitFor({ state: "hidden" });
  assert.equal(await state(page, "step-1000"), "needs a description");

  await row(page, "step-1000").getByRole("button", { name: "Describe tensors of step-1000.safetensors" }).click();
  const probs = dialog.locator("tbody tr", { hasText: "routing/probs" });
  const layers = probs.getByLabel("Axis 2 of routing/probs, size 3");
  await layers.selectOption("samples");
  await dialog.getByLabel("Training step").fill("soon");
  await dialog.getByRole("button", { name: "Apply" }).click();
  assert.match(await dialog.locator(".field .wrong").first().textContent(), /“soon” is not a whole number/);
  await dialog.getByLabel("Training step").fill("3,000");
  await dialog.getByRole("button", { name: "Apply" }).click();
  await probs.locator(".wrong", { hasText: "the axis samples once" }).waitFor();

  // Ids do not state the number of experts.
  const role = probs.getByLabel("Content of routing/probs");
  await role.selectOption("selected expert ids");
  await dialog.getByLabel("Experts", { exact: false }).last().waitFor();
  await role.selectOption("gates: mean router probabilities per sample");
  await layers.selectOption("layers");
  await dialog.getByRole("button", { name: "Apply" }).click();
  await finished(page);
  assert.equal(await state(page, "step-1000"), "used");
  assert.equal(await row(page, "step-1000").locator("input").inputValue(), "3000");
  clean(session, opened);
  await opened.context.close();
});

test("expert ids without a shape are read with the shape that the user enters", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [ids()]);
  const ask = row(page, "step-1000.jsonl").getByRole("button", { name: "Set shape of step-1000.jsonl" });
  await ask.click();
  const dialog = by(page, "shape-dialog");
  await dialog.getByRole("button", { name: "Apply" }).click();
  assert.match(await dialog.locator(".field .wrong").first().textContent(), /Enter a number/);
  await dialog.getByLabel("Layers").fill("4");
  await dialog.getByLabel("Experts per token").fill("2");
  await dialog.getByRole("button", { name: "Apply" }).click();
  await dialog.locator("form > .wrong", { hasText: "a multiple of 8" }).waitFor();
  await dialog.getByLabel("Layers").fill("3");
  await dialog.getByLabel("Layers").press("Enter");
  await dialog.waitFor({ state: "hidden" });
  await page.waitForFunction(() => !/cannot be read/.test(document.querySelector("[data-testid=file-table]").textContent));
  assert.equal(await ask.count(), 0);
  clean(session, opened);
  await opened.context.close();
});

/** Two responses of 4 tokens with their ids as lists: 3 layers, 2 of up to 8 experts. */
function listed(step) {
  const lines = ["a", "b"].map((id, of) => {
    const token = (at) => [0, 1, 2].map((layer) => [(at + layer + of) % 4, 7 - ((at + of) % 4)]);
    return JSON.stringify({ sample_id: id, loss: 4 - step / 1000, routed_experts: [0, 1, 2, 3].map(token) });
  });
  return made(`step-${step}.jsonl`, Buffer.from(`${lines.join("\n")}\n`));
}

test("the number of experts is guessed from ids until it is set, also for files that are added later", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [listed(1000), listed(2000)]);
  await finished(page);
  const fold = page.locator("details.fold:has([data-testid=file-table])");
  await fold.locator("summary").first().click();
  const guesses = () => page.locator("[data-testid=file-table] .message", { hasText: "8 are assumed" });
  assert.equal(await guesses().count(), 2);
  const ask = row(page, "step-2000.jsonl").getByRole("button", { name: "Set number of experts of step-2000.jsonl" });
  await ask.click();
  const dialog = by(page, "shape-dialog");
  assert.equal(await dialog.getByLabel("Layers").count(), 0);
  await accessible(page, "the dialog for the number of experts");
  await dialog.getByLabel("Experts").fill("5");
  await dialog.getByRole("button", { name: "Apply" }).click();
  await dialog.locator("form > .wrong", { hasText: "because 5 experts are given" }).waitFor();
  assert.equal(await guesses().count(), 2);
  await dialog.getByLabel("Experts").fill("12");
  await dialog.getByLabel("Experts").press("Enter");
  await dialog.waitFor({ state: "hidden" });
  await page.waitForFunction(() => !/are assumed/.test(document.querySelector("[data-testid=file-table]").textContent));
  await give(page, [listed(3000)]);
  await adding(page);
  await row(page, "step-3000.jsonl").locator(".state", { hasText: "used" }).waitFor();
  await finished(page);
  assert.equal(await guesses().count(), 0);
  assert.match(await page.locator("header").first().textContent(), /3 layers × 12 experts/);
  for (const step of [1000, 2000, 3000]) assert.equal(await state(page, `step-${step}.jsonl`), "used");
  clean(session, opened);
  await opened.context.close();
});
