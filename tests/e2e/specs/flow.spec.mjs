// The flow of gate mass between layers: its links against the traces, the checkpoints it compares, the pointer, the threshold.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { accessible, by, clean, empty, finished, give, launch, open, out, runA, view } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

/** The rows of a chart's table. */
async function rows(page, id) {
  const chart = by(page, `chart-${id}`);
  await chart.getByRole("table").waitFor();
  return chart.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent.trim())));
}

/** Opens the flow of run-a with all samples. */
async function flowing() {
  const opened = await open(session, { context: { viewport: { width: 1280, height: 900 } } });
  const { page } = opened;
  await empty(page);
  await give(page, runA());
  await finished(page);
  await page.keyboard.press("f");
  await page.getByRole("group", { name: "Samples" }).getByRole("button", { name: "all" }).click();
  await by(page, "chart-flow-late").locator("svg").first().waitFor();
  return opened;
}

test("the links are those of the traces, at the first and at the current checkpoint", async () => {
  const opened = await flowing();
  const { page } = opened;
  await by(page, "chart-flow-early").getByText("Flow at step 1,000: math").first().waitFor();
  await by(page, "chart-flow-late").getByText("Flow at step 7,000: math").first().waitFor();
  await page.keyboard.press("t");
  const links = await rows(page, "flow-late");
  // By NumPy: the strongest link of math at step 7,000 has 0.142732 of the gate mass, 36.5 times the uniform share 1/256.
  assert.deepEqual(links[0].slice(0, 3), ["2", "9", "4"]);
  assert.match(links[0][3], /^0\.143$/);
  assert.equal(links[0][4], "36.5");
  await by(page, "chart-flow-late").getByText(/Flow at/).first().waitFor();
  const shares = links.map((row) => Number(row[3]));
  assert.deepEqual(shares, [...shares].sort((a, b) => b - a));
  // Fewer links have at least 32 times the uniform share.
  await page.getByRole("group", { name: "Links from" }).getByRole("button", { name: "32×" }).click();
  await page.waitForFunction((before) => document.querySelectorAll("[data-testid=chart-flow-late] tbody tr").length < before, links.length);
  for (const row of await rows(page, "flow-late")) {
    assert.ok(Number(row[4]) >= 32, row.join());
  }
  // The pinned checkpoint replaces the first one.
  await page.keyboard.press("[");
  await page.keyboard.press("r");
  await page.keyboard.press("]");
  await by(page, "chart-flow-early").getByText("Flow at step 6,000: math").first().waitFor();
  clean(session, opened);
  await opened.context.close();
});

test("the pointer over an expert shows the strongest pathway through it, and charts are accessible and fit", async () => {
  const opened = await flowing();
  const { page } = opened;
  const late = by(page, "chart-flow-late");
  const visible = () => late.locator("svg .mark-rule path, svg .mark-rule line").evaluateAll((marks) => marks.filter((mark) => {
    const opacity = mark.getAttribute("opacity") ?? getComputedStyle(mark).opacity;
    return mark.getAttribute("stroke-dasharray") && Number(opacity) > 0;
  }).length);
  assert.equal(await visible(), 0);
  const experts = late.locator("svg .mark-symbol path");
  assert.equal(await experts.count(), 64);
  // Symbols are in the order of layers and experts: expert 9 of layer 2.
  await experts.nth(2 * 16 + 9).hover();
  // One part between each two of the four layers.
  await page.waitForFunction(() => {
    const marks = [...document.querySelectorAll("[data-testid=chart-flow-late] svg .mark-rule line, [data-testid=chart-flow-late] svg .mark-rule path")];
    return marks.filter((mark) => mark.getAttribute("stroke-dasharray") && Number(mark.getAttribute("opacity") ?? 1) > 0).length === 3;
  });
  await page.getByText("layer 2 expert 9", { exact: true }).waitFor();
  await page.screenshot({ path: out("flow.png") });
  await page.mouse.move(1, 1);
  await page.locator(".tip").waitFor({ state: "hidden" });
  await accessible(page, "flow");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.setViewportSize({ width: 390, height: 844 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  clean(session, opened);
  await opened.context.close();
});

test("after a reload the address brings back domain, group, threshold and pin", async () => {
  const opened = await flowing();
  const { page } = opened;
  await page.locator("#main .toolbar select").first().selectOption("code");
  await page.getByRole("group", { name: "Links from" }).getByRole("button", { name: "4×" }).click();
  await page.keyboard.press("[");
  await page.keyboard.press("r");
  await page.keyboard.press("]");
  await page.waitForFunction(() => location.hash === "#view=flow&group=all&least=4&pin=5&domain=1");
  await page.reload();
  await empty(page);
  await give(page, runA());
  await finished(page);
  await by(page, "chart-flow-early").getByText("Flow at step 6,000: code").first().waitFor();
  await by(page, "chart-flow-late").getByText("Flow at step 7,000: code").first().waitFor();
  const pressed = (group) => page.getByRole("group", { name: group }).locator("[aria-pressed=true]").innerText();
  assert.equal(await pressed("Links from"), "4×");
  assert.equal(await pressed("Samples"), "all");
  assert.equal(await page.locator("#main .toolbar select").first().inputValue(), "code");
  await page.keyboard.press("t");
  const masses = (await rows(page, "flow-late")).map((row) => Number(row[4]));
  assert.ok(masses.length > 0 && masses.every((mass) => mass >= 4), masses.join());
  clean(session, opened);
  await opened.context.close();
});
