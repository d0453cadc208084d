// Work in the Timeline's charts: zoom, axes, smoothing, the pin, menus, tooltips, playback.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { accessible, by, clean, drawn, empty, finished, give, launch, open, picture, runA, shared, view } from "../harness.mjs";

let session;
let opened;
let page;
before(async () => {
  session = await launch();
  opened = await open(session, { context: { viewport: { width: 1280, height: 900 } } });
  page = opened.page;
  await empty(page);
  await by(page, "open-example").click();
  await finished(page);
  await drawn(page);
});
after(async () => {
  clean(session, opened);
  await opened?.context.close();
  await session.close();
});

const chart = (id) => by(page, `chart-${id}`);

/** The place of a chart's plot on the screen. */
async function plot(id) {
  const over = chart(id).locator(".over");
  await over.scrollIntoViewIfNeeded();
  return over.boundingBox();
}

/** Drags over a part of a chart, given as shares of its width. */
async function drag(id, from, to) {
  const box = await plot(id);
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + from * box.width, y);
  await page.mouse.down();
  await page.mouse.move(box.x + (from + to) / 2 * box.width, y);
  await page.mouse.move(box.x + to * box.width, y);
}

const steps = (text) => Number(text.replace(/,/g, "").replace(/k$/, "")) * (text.endsWith("k") ? 1000 : 1);

/** The first and last label of each chart's horizontal axis. */
function axes() {
  return page.locator(".stacked").evaluateAll((charts) => charts.map((chart) => {
    const labels = [...chart.querySelectorAll(".role-axis-label")].map((group) => [...group.querySelectorAll("text")]);
    // The horizontal axis is the one whose labels share a height.
    const across = labels.find((texts) => texts.length > 1 && new Set(texts.map((text) => Math.round(text.getBoundingClientRect().bottom))).size === 1);
    const seen = across?.filter((text) => Number(text.getAttribute("opacity") ?? 1) > 0).map((text) => text.textContent);
    // A zoomed axis keeps the elements of labels that stay, out of order.
    const value = (text) => parseFloat(text.replace(/,/g, "")) * ({ k: 1e3, M: 1e6, B: 1e9 }[text.at(-1)] ?? 1);
    seen?.sort((one, other) => value(one) - value(other));
    return seen?.length ? [seen[0], seen.at(-1)] : null;
  }));
}

/** Waits until every chart's axis has labels near both ends of a range of steps, and none outside. */
async function shows(from, to) {
  const near = (to - from) / 5;
  const fits = (pair) => pair && steps(pair[0]) >= from && steps(pair[0]) <= from + near && steps(pair[1]) <= to && steps(pair[1]) >= to - near;
  let ends;
  const until = Date.now() + 15_000;
  while (Date.now() < until) {
    ends = await axes();
    if (ends.length > 3 && ends.every(fits)) {
      return;
    }
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  assert.fail(`${JSON.stringify(ends)} is not ${from} to ${to}`);
}

const step = () => page.locator("output.step").textContent();

test("a drag zooms all charts; a double click shows all", async () => {
  const before = await step();
  await drag("accuracy", 0.25, 0.5);
  assert.equal(await page.locator(".brush").count(), await page.locator(".stacked").count(), "every chart shows the selection");
  assert.ok(Math.max(...(await axes()).map(([, last]) => steps(last))) >= 11_000, "nothing changes before release");
  await page.mouse.up();
  await shows(2900, 6100);
  assert.equal(await page.locator(".brush").count(), 0);
  assert.equal(await step(), before, "a drag selects no checkpoint");
  await by(page, "overview").waitFor();
  await picture(page, "timeline-zoomed");

  // Within the range, a click selects a checkpoint.
  const box = await plot("distance");
  await page.mouse.click(box.x + box.width * 0.5, box.y + 60);
  await page.locator("output.step", { hasText: "step 4,500" }).waitFor();
  await page.mouse.dblclick(box.x + box.width * 0.5, box.y + 60);
  await by(page, "zoom-reset").waitFor({ state: "detached" });
  await shows(0, 12_000);
});

test("keys, the wheel and the overview zoom", async () => {
  await page.locator("output.step", { hasText: "step 4,500" }).waitFor();
  await page.mouse.move(2, 2);
  await page.keyboard.press("+");
  await shows(2200, 8300);
  await page.keyboard.press("+");
  await shows(3300, 6500);
  await page.keyboard.press("-");
  await shows(2200, 8300);

  // The window keeps its width while it is dragged.
  await by(page, "overview").scrollIntoViewIfNeeded();
  const strip = await by(page, "overview").boundingBox();
  const shown = by(page, "overview").locator(".window");
  const old = await shown.boundingBox();
  await page.mouse.move(old.x + old.width / 2, old.y + 10);
  await page.mouse.down();
  await page.mouse.move(old.x + old.width / 2 + 50, old.y + 10);
  await page.mouse.move(strip.x + strip.width + 50, old.y + 10);
  await page.mouse.up();
  await shows(5900, 12_000);
  const moved = await shown.boundingBox();
  assert.ok(Math.abs(moved.width - old.width) < 3, `${moved.width} after ${old.width}`);
  await by(page, "zoom-reset").click();
  await shows(0, 12_000);

  const box = await plot("accuracy");
  await page.mouse.move(box.x + 0.99 * box.width, box.y + 50);
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -400);
  await page.keyboard.up("Control");
  await shows(6000, 12_000);
  await page.mouse.move(2, 2);
  await page.keyboard.press("0");
  await by(page, "zoom-reset").waitFor({ state: "detached" });
  await shows(0, 12_000);
  assert.match(await chart("accuracy").evaluate((one) => getComputedStyle(one.closest(".stacked")).touchAction), /pan-y/, "touch scrolls the page");
});

test("a range keeps its checkpoints on the axes of tokens and log steps", async () => {
  await drag("accuracy", 0.5, 0.75);
  await page.mouse.up();
  await shows(5900, 9100);
  const labels = async () => (await axes())[2];
  await page.getByRole("button", { name: "log steps", exact: true }).click();
  await chart("accuracy").getByText("Training step (logarithmic)").waitFor();
  await shows(5900, 9100);
  await page.getByRole("button", { name: "tokens", exact: true }).click();
  await chart("accuracy").getByText("Training tokens").waitFor();
  assert.match((await labels())[0], /^[\d,.]+[kMB]?$/);
  await page.getByRole("button", { name: "steps", exact: true }).click();
  await shows(5900, 9100);
  await by(page, "zoom-reset").click();
  await shows(0, 12_000);
});

test("tick labels are plain numbers in every view", async () => {
  for (const name of ["timeline", "layers", "delays"]) {
    await view(page, name);
    await drawn(page);
    const labels = await page.locator(".drawing .role-axis-label text").allTextContents();
    const numbers = labels.filter((text) => /\d/.test(text) && !/[a-z]{2}|→/.test(text));
    assert.ok(numbers.length > 5, `${name}: ${labels}`);
    assert.deepEqual(numbers.filter((text) => !/^[−-]?\d{1,3}(,\d{3})*(\.\d{1,5})?[kMBT%]?$/.test(text)), [], name);
  }
  await view(page, "timeline");
  await drawn(page);
});

test("log y, and smoothing that the caption and the dots show", async () => {
  const loss = chart("loss");
  await page.getByRole("button", { name: "Log y" }).click();
  await loss.getByText(/Training loss.*, log/).waitFor();
  assert.equal(await chart("accuracy").locator("svg").getByText(/, log$/).count(), 0, "a share keeps its axis");

  const points = () => chart("accuracy").locator(".mark-symbol path").count();
  const [before, lines] = [await points(), await chart("accuracy").locator(".mark-line path").first().getAttribute("d")];
  const smoothing = page.getByRole("group", { name: "Smoothing" });
  await smoothing.getByRole("button", { name: "3" }).click();
  await chart("accuracy").getByText(/smoothed over 3 checkpoints/).waitFor();
  assert.ok(await points() > 1.5 * before, "raw values stay as dots");
  assert.notEqual(await chart("accuracy").locator(".mark-line path").first().getAttribute("d"), lines);
  await picture(page, "timeline-smoothed");
  await smoothing.getByRole("button", { name: "none" }).click();
  await page.getByRole("button", { name: "Log y" }).click();
  await loss.locator("svg").getByText(/smoothed|, log$/).first().waitFor({ state: "detached" });
});

test("a tooltip has swatches, units, intervals and numbers of samples", async () => {
  const box = await plot("distance");
  await page.mouse.move(box.x + box.width * 0.5, box.y + 50);
  await page.mouse.move(box.x + box.width * 0.5 + 1, box.y + 51);
  const tip = page.getByRole("tooltip");
  await tip.waitFor();
  assert.match(await tip.textContent(), /add\d[\d.]* symbols, 95 % [\d.]+ to [\d.]+, n = \d+/);
  const shapes = await tip.locator("svg.swatch").evaluateAll((all) => all.map((one) => one.dataset.shape));
  assert.deepEqual(shapes, ["circle", "square", "diamond", "triangle-up"]);
  const dashes = await tip.locator("svg.swatch path:first-child").evaluateAll((all) => all.map((one) => one.getAttribute("stroke-dasharray")));
  assert.equal(new Set(dashes).size, 4);
  await page.mouse.move(2, 2);
  await tip.waitFor({ state: "detached" });
  // Names stand at the ends of the lines.
  const names = await chart("accuracy").locator(".mark-text text").allTextContents();
  for (const name of ["add", "sub", "mul", "sqsum"]) {
    assert.ok(names.includes(name), `${name} in ${names}`);
  }
});

test("charts are hidden, shown again and moved", async () => {
  const order = () => page.locator(".stacked > .chart").evaluateAll((all) => all.map((one) => one.dataset.testid));
  const before = await order();
  await chart("accuracy").getByLabel("Accuracy: menu").click();
  await page.getByRole("button", { name: "Accuracy: Hide chart" }).click();
  await chart("accuracy").waitFor({ state: "detached" });
  const menu = by(page, "charts-menu");
  await menu.locator("summary").click();
  await page.keyboard.press("+");
  await by(page, "overview").waitFor();
  await accessible(page, "the menu of charts, zoomed");
  await page.keyboard.press("0");
  await picture(page, "charts-menu");
  await menu.getByRole("checkbox", { name: "Accuracy" }).check();
  await chart("accuracy").waitFor();
  assert.deepEqual(await order(), before);
  // The first two charts are accuracy and distance.
  assert.deepEqual(before.slice(0, 2), ["chart-accuracy", "chart-distance"]);
  await menu.getByRole("button", { name: "Move down: Accuracy" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".stacked > .chart")[1]?.dataset.testid === "chart-accuracy");
  await menu.getByRole("button", { name: "Move up: Accuracy" }).click();
  await page.waitForFunction(() => document.querySelectorAll(".stacked > .chart")[0]?.dataset.testid === "chart-accuracy");
  await page.keyboard.press("Escape");
  assert.equal(await menu.getAttribute("open"), null);
  await drawn(page);
});

test("a chart is copied as an image, or a message says why not", async () => {
  await opened.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const copy = async () => {
    await chart("accuracy").getByLabel("Accuracy: menu").click();
    await page.getByRole("button", { name: "Accuracy: Copy image" }).click();
  };
  await copy();
  await page.getByText("The image was copied.").waitFor({ state: "attached" });
  const types = await page.evaluate(async () => (await navigator.clipboard.read()).flatMap((item) => item.types));
  assert.ok(types.includes("image/png"), `${types}`);
  await page.evaluate(() => (navigator.clipboard.write = () => Promise.reject(new Error("not today"))));
  await copy();
  await chart("accuracy").getByText("The browser refused (not today). Save the chart instead.").waitFor();
  await page.evaluate(() => delete navigator.clipboard.write);
});

test("the Vega editor receives a chart's specification, only after a click", async () => {
  // Its own browser, which connects to the editor's server before the route below answers.
  const visitor = await launch();
  const own = await open(visitor);
  await own.context.route("https://vega.github.io/editor/", (route) => route.fulfill({
    contentType: "text/html",
    body: "<script>addEventListener('message', (event) => { window.got ??= event.data; event.source.postMessage(true, '*'); })</script>",
  }));
  await empty(own.page);
  await give(own.page, runA());
  await finished(own.page);
  await drawn(own.page);
  const one = by(own.page, "chart-distance");
  await one.locator("summary").click();
  await one.getByText("The editor is a page of vega.github.io, which receives this chart’s data.").waitFor();
  clean(visitor, own);
  const waiting = own.context.waitForEvent("page");
  await one.getByRole("button", { name: /Open in Vega editor/ }).click();
  const editor = await waiting;
  await editor.waitForFunction(() => window.got);
  const got = await editor.evaluate(() => window.got);
  assert.equal(got.mode, "vega-lite");
  assert.match(JSON.parse(got.spec).title.text, /^Pathway distance/);
  assert.deepEqual(visitor.outside.filter((line) => line !== "CONNECT vega.github.io:443"), []);
  assert.deepEqual(own.wrong, []);
  await visitor.close();
});

test("the pinned checkpoint is compared with the current one", async () => {
  const own = await open(session);
  await empty(own.page);
  await give(own.page, runA());
  await finished(own.page);
  await drawn(own.page);
  const at = (text) => own.page.locator("output.step", { hasText: text }).waitFor();
  for (let back = 0; back < 5; back += 1) {
    await own.page.keyboard.press("[");
  }
  await at("step 2,000");
  await own.page.keyboard.press("r");
  await by(own.page, "compared").getByText("Step 2,000 is pinned").waitFor();
  for (let on = 0; on < 4; on += 1) {
    await own.page.keyboard.press("]");
  }
  await at("step 6,000");
  await own.page.getByRole("button", { name: "all", exact: true }).click();
  await by(own.page, "compared").getByText(/math: .*95 % interval.*code: .*95 % interval/).waitFor();
  assert.ok(await by(own.page, "chart-distance").locator(".cursor.pin").isVisible());

  // The command line's change of the same group.
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  const output = join(folder, "report.json");
  execFileSync(process.env.GROKSCOPE_CLI, ["report", ...runA(), "-o", output, "--change", "2000:6000"], { stdio: ["ignore", "ignore", "pipe"] });
  const report = JSON.parse(readFileSync(output, "utf8"));
  rmSync(folder, { recursive: true });
  const text = await by(own.page, "compared").textContent();
  const signed = (share) => `${share < 0 ? "−" : "+"}${(100 * Math.abs(share)).toFixed(1)}`;
  for (const { name, changes } of report.domains) {
    const { ratio, half_width: half } = changes.find(({ requested, group }) => requested && group === "all");
    const said = `distance ${signed(ratio - 1)} % (95 % interval ${signed(ratio - half - 1)} to ${signed(ratio + half - 1)} %)`;
    const part = text.split("; ").find((part) => part.includes(`${name}: `));
    assert.ok(part.includes(said), `${part} has not ${said}`);
    const accuracy = report.courses.find((course) => course.metric === "accuracy" && course.domain === name).values;
    assert.ok(part.includes(`accuracy ${signed(accuracy[5] - accuracy[1])} points`), part);
  }
  await by(own.page, "chart-distance").locator("summary").click();
  await accessible(own.page, "with a pin and a chart's menu");
  await own.page.keyboard.press("Escape");

  // A link has means only.
  const link = await shared(own.page);
  const receiver = await open(session, { address: link });
  await drawn(receiver.page);
  await receiver.page.keyboard.press("r");
  await receiver.page.keyboard.press("[");
  await by(receiver.page, "compared").getByText("Intervals need the run’s files.").waitFor();
  assert.doesNotMatch(await by(receiver.page, "compared").textContent(), /95 %/);
  clean(session, receiver);
  await receiver.context.close();
  clean(session, own);
  await own.context.close();
});

/** The right end of a chart's lines, as a share of its plot. */
function reached(id) {
  return chart(id).evaluate((one) => {
    const over = one.querySelector(".over").getBoundingClientRect();
    const lines = [...one.querySelectorAll(".mark-line path")].map((path) => path.getBoundingClientRect().right);
    return (Math.max(0, ...lines) - over.left) / over.width;
  });
}

test("playing draws the lines, and onsets when they are reached; dense checkpoints follow faster", async () => {
  await plot("accuracy");
  const letters = () => chart("accuracy").locator(".mark-text text", { hasText: /^[MG]$/ }).count();
  const all = await letters();
  assert.ok(all > 4 && await reached("accuracy") > 0.98);
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 60_000);
  for (let back = 0; back < 40; back += 1) {
    await page.keyboard.press("[");
  }
  await page.getByRole("button", { name: "Play" }).click();
  assert.equal(await step(), "step 0");
  assert.equal(await letters(), 0);
  const seen = [];
  // At least 120 ms per checkpoint, then the pace of the axis: 500 of 12,000 steps take 20 s / 24.
  for (let time = 0; time < 30_000 && (await step()) !== "step 3,000"; time += 40) {
    await page.clock.runFor(40);
    const now = steps((await step()).replace("step ", ""));
    if (seen.at(-1)?.[0] !== now) {
      seen.push([now, time]);
    }
  }
  const pauses = seen.slice(1).map(([, time], at) => time - seen[at][1]);
  assert.ok(pauses.slice(1).every((pause) => pause >= 80), `${pauses}`);
  assert.ok(pauses[1] <= 200 && pauses.at(-1) >= 600, `dense checkpoints are faster: ${pauses}`);
  await page.getByRole("button", { name: "Pause" }).waitFor();
  const share = await reached("accuracy");
  assert.ok(Math.abs(share - 0.25) < 0.02, `the lines end at ${share}`);
  const some = await letters();
  assert.ok(some > 0 && some < all, `${some} of ${all} onsets`);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.clock.resume();
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=chart-accuracy] .mark-line path").length > 0);
  assert.ok(await reached("accuracy") > 0.98, "all lines after a pause");

  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.getByRole("button", { name: "Play" }).click();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  assert.ok(await reached("accuracy") > 0.98, "with reduced motion only the rule moves");
  await page.getByRole("button", { name: "Pause" }).click();
  await page.emulateMedia({ reducedMotion: null });
});
