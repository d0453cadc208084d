// Experts of single tokens: charts against the traces, flips, names of tokens, the tokens of an expert, what is missing.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { accessible, by, clean, empty, finished, give, launch, made, open, out, runA, trace } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

/** A list of the samples of run-a: token ids are 100 + (7 sample + 3 position) mod 11, named by letters. */
function list(longer = 0) {
  const { samples } = JSON.parse(readFileSync(runA()[0], "utf8"));
  const lines = samples.map(({ id, domain, tokens }, sample) => {
    const input_ids = Array.from({ length: tokens + longer }, (_, at) => 100 + (7 * sample + 3 * at) % 11);
    const text = input_ids.map((token) => String.fromCharCode(97 + token - 100)).join(" ");
    return JSON.stringify({ id, domain, input_ids, text });
  });
  return made("samples.jsonl", Buffer.from(lines.join("\n")));
}

/** The files of run-a and a list of samples, which the file input takes together only as buffers. */
function withList(longer) {
  return [...runA().map((path) => made(path.split("/").pop(), readFileSync(path))), list(longer)];
}

/** The rows of a chart's table. */
async function rows(page, id) {
  const chart = by(page, `chart-${id}`);
  await chart.getByRole("table").waitFor();
  return chart.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent.trim())));
}

/** Opens files and the view. */
async function tokensOf(files) {
  const opened = await open(session, { context: { viewport: { width: 1280, height: 900 } } });
  const { page } = opened;
  await empty(page);
  await give(page, files);
  await finished(page);
  await page.keyboard.press("w");
  await by(page, "chart-tokens-late").locator("svg").first().waitFor();
  return opened;
}

test("experts and flips are those of the traces", async () => {
  const opened = await tokensOf(runA());
  const { page } = opened;
  await by(page, "chart-tokens-early").getByText("Tokens at step 1,000: math-00").first().waitFor();
  await by(page, "chart-tokens-late").getByText("Tokens at step 7,000: math-00").first().waitFor();
  // By NumPy: 32 of the 13 times 4 first experts of math-00 differ between steps 1,000 and 7,000.
  await by(page, "chart-tokens-late").getByText(/32 of 52 first experts/).first().waitFor();
  // Each place has its expert as text, and as many outlines as flips.
  const cells = by(page, "chart-tokens-late").locator("svg .mark-rect path");
  assert.equal(await cells.count(), 52);
  assert.equal(await cells.evaluateAll((cells) => cells.filter((cell) => cell.getAttribute("stroke")).length), 32);
  assert.equal(await by(page, "chart-tokens-late").locator("svg .mark-text.role-mark text").count(), 52);
  await cells.nth(1).hover({ position: { x: 6, y: 6 } });
  await page.getByText("9, 3, 7, 1", { exact: true }).waitFor();
  await page.getByText("1, 9, 12, 0", { exact: true }).waitFor();
  await page.mouse.move(1, 1);
  // Without a list of samples, tokens have no names.
  await by(page, "token-note").getByText(/No token ids of "math" are known/).waitFor();
  assert.equal(await by(page, "chart-expert-tokens").count(), 0);
  await page.keyboard.press("t");
  const late = await rows(page, "tokens-late");
  assert.equal(late.length, 52);
  assert.deepEqual(late[1], ["0", "–", "1", "1, 9, 12, 0", "9, 3, 7, 1", "yes"]);
  assert.equal(late.filter((row) => row[5] === "yes").length, 32);
  // The pinned checkpoint replaces the first one: 12 differ between steps 6,000 and 7,000.
  await page.keyboard.press("[");
  await page.keyboard.press("r");
  await page.keyboard.press("]");
  await page.waitForFunction(() =>
    [...document.querySelectorAll("[data-testid=chart-tokens-late] tbody tr")].filter((row) => row.lastElementChild.textContent.trim() === "yes").length === 12);
  clean(session, opened);
  await opened.context.close();
});

test("a list of samples names the tokens, and an expert has its top tokens", async () => {
  const opened = await tokensOf(withList());
  const { page } = opened;
  const top = by(page, "chart-expert-tokens");
  await top.locator("svg").first().waitFor();
  assert.equal(await by(page, "token-note").count(), 0);
  assert.deepEqual((await by(page, "chart-tokens-late").locator("svg .role-axis-label text").allTextContents()).slice(0, 4), ["a", "d", "g", "j"]);
  // Layers and experts are chosen.
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await by(page, "token-expert").fill("9");
  await by(page, "token-expert").press("Enter");
  await top.getByText("Tokens of expert 9 in layer 2, step 7,000: math").first().waitFor();
  await accessible(page, "tokens");
  await page.screenshot({ path: out("tokens.png"), fullPage: true });
  await by(page, "token-expert").blur();
  await page.keyboard.press("t");
  // By NumPy: 332 selections, of which 32 are of token 103.
  const counts = await rows(page, "expert-tokens");
  assert.deepEqual(counts[0].slice(0, 3), ["d", "103", "32"]);
  assert.equal(counts[0][3], (32 / 332).toFixed(4));
  assert.deepEqual(counts[2].slice(0, 3), ["a", "100", "31"]);
  assert.equal(counts[2][5], (31 / 32).toFixed(4));
  // An expert that the layer does not have is named.
  await by(page, "token-expert").fill("16");
  await by(page, "token-expert").press("Enter");
  await by(page, "token-note").getByText("Layer 2 has no expert 16: it has 16.").waitFor();
  // The search suggests samples, and chooses one of another domain.
  await by(page, "token-sample").fill("code-2");
  await page.locator("#token-samples option[value=code-27]").waitFor({ state: "attached" });
  await by(page, "token-sample").fill("code-27");
  await by(page, "chart-tokens-late").getByText("Tokens at step 7,000: code-27").first().waitFor();
  assert.equal(await page.locator("#main .toolbar select").first().inputValue(), "code");
  await page.setViewportSize({ width: 390, height: 844 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  clean(session, opened);
  await opened.context.close();
});

test("after a reload the address brings back sample, first token and expert", async () => {
  const opened = await tokensOf(withList());
  const { page } = opened;
  await by(page, "token-sample").fill("code-27");
  await by(page, "chart-tokens-late").getByText("Tokens at step 7,000: code-27").first().waitFor();
  for (const [id, text] of [["token-from", "3"], ["token-expert", "2"]]) {
    await by(page, id).fill(text);
    await by(page, id).press("Enter");
  }
  await page.waitForFunction(() => /^#view=tokens&domain=1&sample=\d+&token=3&expert=2$/.test(location.hash));
  await page.reload();
  await empty(page);
  await give(page, withList());
  await finished(page);
  await by(page, "chart-tokens-late").getByText("Tokens at step 7,000: code-27").first().waitFor();
  await by(page, "chart-expert-tokens").getByText("Tokens of expert 2 in layer 0, step 7,000: code").first().waitFor();
  await page.waitForFunction(() => document.querySelector("[data-testid=token-sample]").value === "code-27");
  assert.equal(await by(page, "token-from").inputValue(), "3");
  assert.equal(await by(page, "token-expert").inputValue(), "2");
  // A cleared search shows the first sample of the domain again, and the address says so.
  await by(page, "token-sample").fill("");
  await by(page, "chart-tokens-late").getByText("Tokens at step 7,000: code-24").first().waitFor();
  await page.waitForFunction(() => location.hash === "#view=tokens&domain=1&token=3&expert=2");
  clean(session, opened);
  await opened.context.close();
});

test("a note says that a list with another number of tokens is not used", async () => {
  const opened = await tokensOf(withList(1));
  const { page } = opened;
  await by(page, "token-note").getByText(/has 14 token ids of `math-00`, the trace 13 tokens/).waitFor();
  await by(page, "token-note").getByText(/14 token ids of `math-00`, but the trace of step 7000 has 13 tokens/).waitFor();
  assert.equal(await by(page, "chart-expert-tokens").count(), 0);
  clean(session, opened);
  await opened.context.close();
});

test("runs without expert ids of single tokens do not have the view", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [1, 2].map((step) => made(`step-${step}.safetensors`, trace({ step, samples: 12, layers: 2, experts: 4 }))));
  await finished(page);
  await page.keyboard.press("f");
  await page.locator("[data-testid=report][data-view=flow]").waitFor();
  await page.keyboard.press("w");
  assert.equal(await by(page, "view-tokens").isVisible(), false);
  assert.equal(await by(page, "report").getAttribute("data-view"), "flow");
  clean(session, opened);
  await opened.context.close();
});
