// How the page looks elsewhere: presented, printed, enlarged, in the colours of the system; and what Settings says of this browser.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { accessible, by, clean, drawn, empty, finished, launch, open, picture, view } from "../harness.mjs";

let session;
let opened;
before(async () => {
  session = await launch();
  opened = await open(session, { context: { viewport: { width: 1280, height: 720 } } });
  await empty(opened.page);
  await by(opened.page, "open-example").click();
  await finished(opened.page);
  await drawn(opened.page);
});
after(async () => {
  await opened?.context.close();
  await session.close();
});

/** The places of the plots of these charts. */
async function plots(page, ids) {
  return page.evaluate((ids) => ids.map((id) => {
    const chart = document.querySelector(`[data-testid=chart-${id}]`);
    const box = chart?.querySelector(".slot:not(.coming) .role-frame.root .background")?.getBoundingClientRect();
    return box && { id, left: box.left - chart.getBoundingClientRect().left, top: box.top, bottom: box.bottom };
  }), ids);
}

/** Whether plots stand on common baselines, two in a row, and begin at the same distance from their charts' edges. */
function aligned(found) {
  const near = (one, other) => Math.abs(one - other) <= 1.5;
  return found.every((plot, at) => plot && near(plot.left, found[0].left)
    && (at % 2 === 0 || (near(plot.bottom, found[at - 1].bottom) && near(plot.top, found[at - 1].top))));
}

/** Waits until the plots are aligned, and returns their places. */
async function waitAligned(page, ids, what, check = aligned) {
  let found;
  for (let turn = 0; turn < 100; turn += 1) {
    found = await plots(page, ids);
    if (check(found)) {
      return found;
    }
    await page.waitForTimeout(100);
  }
  return assert.fail(`${what}: ${JSON.stringify(found)}`);
}

test("charts stand on one baseline and begin at one edge, presented or not", async () => {
  const { page } = opened;
  for (const [width, height, presented] of [[1280, 720, ["accuracy", "distance"]], [1920, 1080, ["accuracy", "distance", "loss", "entropy"]]]) {
    await page.setViewportSize({ width, height });
    await waitAligned(page, ["accuracy", "distance"], `${width}`);
    // The chart of onsets has names where the others have numbers and a title.
    await waitAligned(page, ["onsets", "memorized"], `onsets at ${width}`, (found) =>
      found.every(Boolean) && Math.abs(found[0].left - found[1].left) <= 1.5);
    await page.keyboard.press("p");
    await page.locator("div.root.presenting").waitFor();
    await waitAligned(page, presented, `presenting at ${width}, filling the screen`, (found) =>
      aligned(found) && found.at(-1).bottom > 0.75 * height);
    await picture(page, `presenting-${width}`);
    await page.keyboard.press("p");
    await page.locator("div.root:not(.presenting)").waitFor();
  }
  await page.setViewportSize({ width: 1280, height: 720 });
});

test("names at the ends of the lines replace the legend", async () => {
  const { page } = opened;
  await waitAligned(page, ["accuracy", "distance"], "main charts");
  for (const width of [1280, 360]) {
    await page.setViewportSize({ width, height: 720 });
    await page.waitForFunction(() => {
      const chart = document.querySelector("[data-testid=chart-accuracy] .slot:not(.coming)");
      const names = [...(chart?.querySelectorAll(".mark-text text") ?? [])].filter((text) => Number(text.getAttribute("opacity") ?? 1) > 0);
      return ["add", "sub", "mul", "sqsum"].every((name) => names.filter((text) => text.textContent === name).length === 1);
    });
    assert.equal(await page.locator("[data-testid=chart-accuracy] .role-legend").count(), 0);
  }
  await page.setViewportSize({ width: 1280, height: 720 });
});

test("Settings has the switch that keeps runs, and says what works offline", async () => {
  const { page } = opened;
  await by(page, "settings").click();
  const dialog = by(page, "settings-dialog");
  const keep = dialog.getByTestId("keep-runs");
  assert.equal(await keep.isChecked(), true);
  await keep.uncheck();
  await page.keyboard.press("Escape");
  // Help has the same switch.
  await page.keyboard.press("?");
  assert.equal(await by(page, "help-dialog").getByTestId("keep-runs").isChecked(), false);
  await page.keyboard.press("Escape");
  await page.keyboard.press(",");
  await keep.check();
  assert.match(await dialog.getByTestId("offline-state").innerText(), /offline/);
  await accessible(page, "the settings");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
});

test("with the system's colours, pressed buttons, the current view and colour scales can be told", async () => {
  const { page } = opened;
  await page.emulateMedia({ forcedColors: "active" });
  const colors = (locator) => locator.evaluate((one) => getComputedStyle(one).backgroundColor);
  const segments = page.locator("main .toolbar .segments").first();
  assert.notEqual(await colors(segments.locator("[aria-pressed=true]")), await colors(segments.locator("[aria-pressed=false]").first()));
  assert.notEqual(await colors(by(page, "view-timeline")), await colors(by(page, "view-layers")));
  await picture(page, "forced-timeline");
  await view(page, "map");
  const scale = page.locator(".map-legend .scale");
  await scale.waitFor();
  assert.match(await scale.evaluate((one) => getComputedStyle(one).backgroundImage), /gradient/);
  await picture(page, "forced-map");
  await page.emulateMedia({ forcedColors: null });
  await view(page, "timeline");
});

test("in print, readout and charts are whole, and controls are left out", async () => {
  const { page } = opened;
  for (const name of ["timeline", "layers", "flow", "map", "delays", "table"]) {
    await view(page, name);
    await (["map", "table"].includes(name) ? page.locator("main canvas, main table").first().waitFor() : drawn(page));
    await page.emulateMedia({ media: "print" });
    // A4 without margins; charts keep the size that they have on the screen.
    await page.setViewportSize({ width: 794, height: 1123 });
    const look = () => page.evaluate(() => {
      const visible = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility({ visibilityProperty: true }));
      const wide = visible("main :is(p, h3, svg, canvas, table, td)").filter((one) => {
        const { width, right } = one.getBoundingClientRect();
        return width > 1 && right > innerWidth + 1 && !one.closest(".unseen, .slot.coming");
      });
      const clipped = visible("main :is(.scroll, .twin, .tables > *, .facts)").filter((one) => {
        const style = getComputedStyle(one);
        return style.overflowY !== "visible" && one.scrollHeight > one.clientHeight + 1;
      });
      return {
        wide: wide.map((one) => `${one.localName} ${one.className?.baseVal ?? one.className} ${one.getBoundingClientRect().right}`).slice(0, 5),
        clipped: clipped.map((one) => one.className),
        charts: visible("main .canvas svg, main canvas").length,
        controls: visible("main .toolbar, main .sticky, header .actions").length,
        readout: visible("main details.more table.readout td").length,
        facts: document.querySelector(".facts").scrollWidth <= document.querySelector(".facts").clientWidth + 1,
      };
    });
    let found = await look();
    // The layout may still follow the new size.
    for (let turn = 0; turn < 50 && found.wide.length + found.clipped.length > 0; turn += 1) {
      await page.waitForTimeout(100);
      found = await look();
    }
    await picture(page, `print-${name}`);
    assert.deepEqual({ ...found, charts: undefined, readout: undefined }, { wide: [], clipped: [], charts: undefined, controls: 0, readout: undefined, facts: true }, name);
    assert.ok(name === "table" || found.charts > 0, `${name}: ${found.charts} charts`);
    assert.ok(name !== "timeline" || found.readout > 20, `${found.readout} cells of the readout`);
    await page.emulateMedia({ media: null });
    await page.setViewportSize({ width: 1280, height: 720 });
  }
  await view(page, "timeline");
});

test("at 200 % zoom, the bar scrolls away and nothing is cut", async () => {
  const { page } = opened;
  await page.setViewportSize({ width: 640, height: 360 });
  await drawn(page);
  for (const name of ["timeline", "layers", "flow", "pathways", "map", "delays", "table"]) {
    await view(page, name);
    await page.locator(`main[data-view=${name}]`).waitFor();
    const content = { pathways: "main .samples", map: "main canvas", table: "main table" }[name];
    await (content ? page.locator(content).first().waitFor() : drawn(page));
    const [wide, seen, stays] = await page.evaluate(() => {
      const bar = () => document.querySelector("[data-testid=sticky-bar]").getBoundingClientRect().bottom;
      window.scrollTo(0, 0);
      const before = bar();
      window.scrollTo(0, document.body.scrollHeight);
      return [document.documentElement.scrollWidth, document.documentElement.clientWidth, bar() + window.scrollY - before];
    });
    assert.ok(wide <= seen, `${name}: ${wide} pixels in ${seen}`);
    assert.ok(Math.abs(stays) < 2, `${name}: the bar does not scroll with the page, but stays ${stays} pixels below`);
    await page.evaluate(() => window.scrollTo(0, 0));
    await picture(page, `zoom-${name}`);
  }
  clean(session, opened);
});
