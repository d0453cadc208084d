// The view Compare: any metric of two runs, its difference over the common steps, one legend.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { accessible, by, clean, drawn, empty, finished, give, launch, made, open, out, runA, shared, trace } from "../harness.mjs";

const SMALL = { samples: 12, layers: 3, experts: 8 };
const at = (step, more = {}) => made(`step-${step}.safetensors`, trace({ step, ...SMALL, ...more }));

let session;
before(async () => (session = await launch()));
after(() => session.close());

const current = (page, name) => page.locator(`[data-testid=view-${name}][aria-current=page]`).waitFor();
/** Ids of the charts of the view in their order. */
const charts = (page) => page.locator(".one-legend > .chart").evaluateAll((charts) => charts.map((chart) => chart.dataset.testid));
const choice = (page) => by(page, "compare-metric");
/** The numbers of a table's row, and undefined for missing ones. */
const numbers = (cells) => cells.map((cell) => {
  const number = Number(cell.replace("−", "-").replaceAll(",", ""));
  return Number.isNaN(number) ? undefined : number;
});

/** Opens the link of a run of these files and returns it. */
async function linked(files) {
  const { page, context } = await open(session);
  await empty(page);
  await give(page, files);
  await finished(page);
  const link = await shared(page);
  await context.close();
  return link;
}

test("another metric is compared: its chart, its difference, one legend", async () => {
  const opened = await open(session, { context: { viewport: { width: 1400, height: 1000 } } });
  const { page } = opened;
  await empty(page);
  await give(page, runA());
  await finished(page);
  await give(page, runA());
  await by(page, "second-run-compare").click();
  await current(page, "compare");
  await by(page, "chart-difference-loss").waitFor();
  await drawn(page);
  assert.deepEqual(await charts(page), ["chart-compare-accuracy", "chart-compare-distance", "chart-compare-loss", "chart-difference-loss"]);
  assert.equal(await choice(page).inputValue(), "loss");

  // Two beside each other.
  for (const [first, second] of [["compare-accuracy", "compare-distance"], ["compare-loss", "difference-loss"]]) {
    const [left, right] = [await by(page, `chart-${first}`).boundingBox(), await by(page, `chart-${second}`).boundingBox()];
    assert.ok(left.x + left.width <= right.x, `${first} is beside ${second}`);
    assert.ok(Math.abs(left.y + left.height - right.y - right.height) < 1, `${first} ends where ${second} does`);
  }
  // Every drawing has a legend, of which one is visible.
  await page.waitForFunction(() => {
    const legends = [...document.querySelectorAll(".one-legend .role-legend")];
    return legends.map((legend) => getComputedStyle(legend).visibility).join() === "visible,hidden,hidden,hidden";
  });

  await choice(page).selectOption("entropy");
  await by(page, "chart-difference-entropy").waitFor();
  await by(page, "chart-compare-entropy").locator(".drawing svg", { hasText: "Routing entropy, A and B" }).first().waitFor();
  await by(page, "chart-difference-entropy").locator(".drawing svg", { hasText: "Routing entropy, B − A" }).first().waitFor();
  assert.deepEqual(await charts(page), ["chart-compare-accuracy", "chart-compare-distance", "chart-compare-entropy", "chart-difference-entropy"]);
  assert.equal(await choice(page).inputValue(), "entropy");
  await page.screenshot({ path: out("compare-entropy.png"), fullPage: true });
  await accessible(page, "another metric compared");

  // Distance is above already, so only its difference is added; a run beside itself has none.
  await choice(page).selectOption("distance");
  const difference = by(page, "chart-difference-distance");
  await difference.locator(".drawing svg", { hasText: "unpaired" }).first().waitFor();
  assert.deepEqual(await charts(page), ["chart-compare-accuracy", "chart-compare-distance", "chart-difference-distance"]);
  // Keys are those of the page again.
  await by(page, "compared").click();
  await page.keyboard.press("t");
  await difference.getByRole("table").waitFor();
  const rows = await difference.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  // In one of the two domains no sample is memorized.
  assert.equal(rows.length, 7, "one domain at seven steps");
  for (const row of rows) {
    const [, a, b, less, half] = numbers(row.slice(1));
    assert.ok(a > 0 && a === b && less === 0 && half > 0, row.join("|"));
  }
  await page.keyboard.press("t");
  clean(session, opened);
  await opened.context.close();
});

test("a link is compared with another link; the page names what one of them lacks", async () => {
  const [first, second, apart] = [
    await linked([at(1000), at(2000), at(3000)]),
    await linked([at(1000, { seed: 5 }), at(2000, { seed: 6 }), at(4000, { seed: 7 })]),
    await linked([at(1500, { seed: 8 }), at(2500, { seed: 9 })]),
  ];
  const opened = await open(session, { address: first });
  const { page } = opened;
  await page.locator(".banner", { hasText: "From a link" }).waitFor();
  const shows = async (link) => {
    await page.evaluate((link) => (location.href = link), link);
    await by(page, "compare-previous").click();
    await current(page, "compare");
  };
  await shows(second);
  await by(page, "chart-difference-loss").waitFor();
  await drawn(page);
  await choice(page).selectOption("distance");
  const difference = by(page, "chart-difference-distance");
  await difference.waitFor();
  await page.getByRole("group", { name: "Samples" }).getByRole("button", { name: "all" }).click();
  await by(page, "compared").click();
  await page.keyboard.press("t");
  await difference.getByRole("heading", { name: "Pathway distance, all samples, B − A" }).waitFor();
  await difference.getByRole("table").waitFor();
  const rows = await difference.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.deepEqual(rows.map((row) => `${row[0]} ${row[1]}`), ["math 1,000", "math 2,000", "code 1,000", "code 2,000"]);
  let changed = 0;
  for (const row of rows) {
    const [, a, b, less] = numbers(row.slice(1));
    // Each number is rounded to about four digits.
    assert.ok(Math.abs(b - a - less) < 0.03, row.join("|"));
    changed += Number(less !== 0);
  }
  assert.ok(changed > 0, "the runs differ");
  await page.keyboard.press("t");

  // Another run without a common step.
  await page.getByRole("button", { name: "Close B" }).click();
  await current(page, "timeline");
  await shows(apart);
  await by(page, "compare-notes").getByText(/has no difference: no step is a checkpoint of both runs\./).waitFor();
  assert.equal(await page.locator("[data-testid^=chart-difference-]").count(), 0);
  assert.ok((await charts(page)).includes("chart-compare-distance"));
  clean(session, opened);
  await opened.context.close();
});
