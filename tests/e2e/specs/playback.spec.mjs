// Playing the checkpoints: what is not reached yet is not drawn, and the points of the map move between checkpoints.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { by, clean, drawn, empty, finished, launch, open, view } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

async function example(options = {}) {
  const opened = await open(session, { context: { viewport: { width: 1440, height: 900 }, ...options.context }, before: options.before });
  await empty(opened.page);
  await by(opened.page, "open-example").click();
  await finished(opened.page);
  return opened;
}

/** Selects a checkpoint by its index. */
async function select(page, index) {
  await page.locator("[data-testid=sticky-bar] input[type=range]").fill(String(index));
}

/** The letters of onsets and the number of their rules in a chart. */
function onsets(page, chart) {
  return page.locator(`[data-testid=chart-${chart}]`).evaluate((chart) => {
    const texts = [...chart.querySelectorAll(".slot:not(.coming) .mark-text text")].map((text) => text.textContent);
    const rules = [...chart.querySelectorAll(".slot:not(.coming) .mark-rule line")].filter((line) => line.getAttribute("stroke-dasharray"));
    return { letters: texts.filter((text) => /^[MG]$/.test(text)).sort().join(""), rules: rules.length };
  });
}

test("onset rules and letters appear once the playback reaches them", async () => {
  const opened = await example();
  const { page } = opened;
  await drawn(page);
  const all = await onsets(page, "accuracy");
  assert.deepEqual(all, { letters: "GGGGMMMM", rules: 8 });
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  const shows = (expected) => page.waitForFunction(([chart, expected]) => {
    const texts = [...document.querySelectorAll(`[data-testid=chart-${chart}] .slot:not(.coming) .mark-text text`)];
    return texts.map((text) => text.textContent).filter((text) => /^[MG]$/.test(text)).sort().join("") === expected;
  }, ["accuracy", expected]);
  const steps = await page.locator("[data-testid=sticky-bar] input[type=range]").getAttribute("max");
  assert.equal(steps, "32");
  for (const [index, letters, rules] of [[0, "", 0], [1, "", 0], [14, "GMMMM", 5], [32, "GGGGMMMM", 8]]) {
    await select(page, index);
    await shows(letters);
    assert.deepEqual(await onsets(page, "accuracy"), { letters, rules }, `checkpoint ${index}`);
  }
  await page.keyboard.press("p");
  await page.locator("div.root:not(.presenting)").waitFor();
  clean(session, opened);
  await opened.context.close();
});

/** The pixels of the map as text. */
function pixels(page) {
  return by(page, "map").evaluate((canvas) => canvas.toDataURL());
}

async function map(form, reducedMotion) {
  const opened = await example({ context: { reducedMotion }, before: (page) => page.clock.install() });
  const { page } = opened;
  await view(page, "map");
  await page.getByRole("button", { name: form }).click();
  await by(page, "map-known").waitFor({ state: "detached", timeout: 120_000 });
  await page.clock.pauseAt(Date.now() + 3_600_000);
  await page.clock.runFor(2000);
  return opened;
}

test("the points of the plane move from one checkpoint to the next", async () => {
  const opened = await map("plane", "no-preference");
  const { page } = opened;
  const from = await pixels(page);
  await page.keyboard.press("[");
  await page.clock.runFor(150);
  const between = await pixels(page);
  await page.clock.runFor(1000);
  const to = await pixels(page);
  assert.ok(from !== between && between !== to && from !== to, "there is a picture between the two");
  await page.clock.runFor(1000);
  assert.equal(await pixels(page), to, "the points rest where they belong");

  // While playing they move for as long as the checkpoint lasts.
  await select(page, 20);
  await page.clock.runFor(2000);
  await by(page, "sticky-bar").getByRole("button", { name: "Play" }).click();
  const seen = new Set();
  // The points set off when the next checkpoint is reached, about 830 ms later, and arrive when it is left.
  await page.clock.runFor(900);
  for (let turn = 0; turn < 12; turn += 1) {
    await page.clock.runFor(60);
    seen.add(await pixels(page));
  }
  assert.ok(seen.size >= 10, `${seen.size} of 12 pictures differ`);
  await by(page, "sticky-bar").getByRole("button", { name: "Pause" }).click();
  clean(session, opened);
  await opened.context.close();
});

test("the matrix of one checkpoint fades into that of the next", async () => {
  const opened = await map("matrix", "no-preference");
  const { page } = opened;
  const from = await pixels(page);
  await page.keyboard.press("[");
  await page.clock.runFor(150);
  const between = await pixels(page);
  await page.clock.runFor(1000);
  const to = await pixels(page);
  assert.ok(from !== between && between !== to && from !== to, "there is a picture between the two");
  await page.clock.runFor(1000);
  assert.equal(await pixels(page), to);
  await page.keyboard.press("]");
  await page.clock.runFor(1000);
  assert.equal(await pixels(page), from, "nothing of the other checkpoint is left");
  clean(session, opened);
  await opened.context.close();
});

for (const form of ["plane", "matrix"]) {
  test(`with reduced motion the ${form} jumps`, async () => {
    const opened = await map(form, "reduce");
    const { page } = opened;
    const from = await pixels(page);
    await page.keyboard.press("[");
    await page.clock.runFor(20);
    const to = await pixels(page);
    assert.notEqual(from, to);
    await page.clock.runFor(1000);
    assert.equal(await pixels(page), to);
    clean(session, opened);
    await opened.context.close();
  });
}
