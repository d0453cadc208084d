// The tour of a report: its steps, its keys, and what it says without traces.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { accessible, by, clean, drawn, empty, exported, finished, launch, open, picture, shared } from "../harness.mjs";

let session;
let opened;
before(async () => {
  session = await launch();
  opened = await open(session, { context: { viewport: { width: 1280, height: 720 } } });
  await empty(opened.page);
  await by(opened.page, "open-example").click();
  await finished(opened.page);
});
after(async () => {
  await opened?.context.close();
  await session.close();
});

/** Opens the tour and waits for its first step. */
async function start(page) {
  await by(page, "tour").click();
  await by(page, "tour-step").filter({ hasText: "1 of" }).waitFor();
}

/** Waits until the outlined chart is drawn, in view, and not covered by the bar or the panel. */
async function inView(page) {
  await page.waitForFunction(() => {
    const chart = document.querySelector(".toured");
    const panel = document.querySelector("[data-testid=tour-panel]").getBoundingClientRect();
    const drawn = chart?.matches("canvas") || chart?.querySelector(".slot:not(.coming) svg");
    if (!drawn || document.querySelectorAll(".toured").length !== 1) {
      return false;
    }
    const box = chart.getBoundingClientRect();
    const sticky = document.querySelector("[data-testid=sticky-bar]").getBoundingClientRect();
    return box.height > 50 && box.top >= sticky.bottom - 1 && box.bottom <= panel.top + 1 && panel.bottom <= innerHeight + 1;
  }).catch(async () => {
    const boxes = await page.evaluate(() => [".toured", "[data-testid=tour-panel]", "[data-testid=sticky-bar]"].map((one) =>
      `${one}: ${JSON.stringify(document.querySelector(one)?.getBoundingClientRect())}`));
    assert.fail(`${await by(page, "tour-step").innerText()}: ${boxes.join("; ")}`);
  });
}

/** The words of the panel. */
async function words(page) {
  const [title, shows, limits] = await Promise.all(["step", "shows", "limits"].map((part) => by(page, `tour-${part}`).innerText()));
  return { title, shows, limits };
}

const VIEWS = ["timeline", "timeline", "timeline", "layers", "map", "delays"];

test("six steps lead through the example, each with its chart in view", async () => {
  const { page } = opened;
  await start(page);
  const seen = [];
  for (const [at, name] of VIEWS.entries()) {
    await by(page, "tour-step").filter({ hasText: `${at + 1} of 6` }).waitFor();
    await page.locator(`main[data-view=${name}]`).waitFor();
    await inView(page);
    seen.push(await words(page));
    if (at === 0) {
      await accessible(page, "the tour");
      assert.equal(await by(page, "tour-back").isDisabled(), true);
    }
    await picture(page, `tour-${at + 1}`);
    if (at < 5) {
      await by(page, "tour-next").click();
    }
  }
  assert.equal(await by(page, "tour-next").isDisabled(), true);
  assert.match(seen[0].title, /The loss falls first/);
  assert.match(seen[5].title, /does not prove/);
  assert.match(seen[5].shows, /not distinctive/);
  assert.match(seen[5].limits, /one small model/);
  assert.match(seen[2].limits, /cannot be told from chance/);
  await by(page, "tour-close").click();
  assert.equal(await by(page, "tour-panel").count(), 0);
  assert.equal(await page.locator(".toured").count(), 0);
  await page.keyboard.press("1");

  // What the verdict says, the tour says too.
  await page.locator("main[data-view=timeline]").waitFor();
  const report = JSON.parse(await exported(page));
  const paragraph = await page.locator(".paragraphs p").filter({ hasText: /^add: / }).textContent();
  const claim = (kind, metric) => report.claims.find((one) => one.kind === kind && one.domain === "add" && (!metric || one.metric === metric)).figures;
  const step = (value) => `step ${Number(value).toLocaleString("en")}`;
  assert.ok(seen[0].shows.includes(`half of them by ${step(claim("memorized").half_step)}`), seen[0].shows);
  assert.ok(seen[1].shows.includes(`from ${claim("rises", "accuracy").from.toFixed(2)} to ${claim("rises", "accuracy").to.toFixed(2)}`), seen[1].shows);
  const change = /Pathway distance of the .*? of the training\)/.exec(paragraph)[0];
  assert.ok(seen[2].shows.includes(change), `${change}: ${seen[2].shows}`);
  clean(session, opened);
});

test("the keys g, arrows and Escape drive the tour, also while presenting", async () => {
  const { page } = opened;
  await page.keyboard.press("g");
  await by(page, "tour-step").filter({ hasText: "1 of 6" }).waitFor();
  await page.keyboard.press("ArrowRight");
  await by(page, "tour-step").filter({ hasText: "2 of 6" }).waitFor();
  await page.keyboard.press("ArrowLeft");
  await by(page, "tour-step").filter({ hasText: "1 of 6" }).waitFor();
  await page.keyboard.press("Escape");
  await by(page, "tour-panel").waitFor({ state: "detached" });

  for (const [width, height] of [[1280, 720], [1920, 1080]]) {
    await page.setViewportSize({ width, height });
    await page.keyboard.press("p");
    await page.locator("div.root.presenting").waitFor();
    await page.keyboard.press("g");
    for (const [at, name] of VIEWS.entries()) {
      await by(page, "tour-step").filter({ hasText: `${at + 1} of 6` }).waitFor();
      await page.locator(`main[data-view=${name}]`).waitFor();
      await inView(page);
      await picture(page, `tour-presenting-${width}-${at + 1}`);
      await page.keyboard.press("ArrowRight");
    }
    await page.keyboard.press("g");
    await by(page, "tour-panel").waitFor({ state: "detached" });
    await page.keyboard.press("1");
    await page.keyboard.press("p");
    await page.locator("div.root:not(.presenting)").waitFor();
  }
  await page.setViewportSize({ width: 1280, height: 720 });
  clean(session, opened);
});

test("a report from a link has a tour without the map", async () => {
  const { page } = opened;
  const link = await shared(page);
  const other = await open(session, { address: link });
  await by(other.page, "report").waitFor();
  await start(other.page);
  const charts = [];
  for (;;) {
    await other.page.locator(".toured").waitFor();
    charts.push(await other.page.locator(".toured").getAttribute("data-testid"));
    if (await by(other.page, "tour-next").isDisabled()) {
      break;
    }
    const before = await by(other.page, "tour-step").innerText();
    await by(other.page, "tour-next").click();
    await other.page.waitForFunction((before) => document.querySelector("[data-testid=tour-step]").innerText !== before, before);
  }
  assert.ok(charts.includes("chart-consistency") && !charts.includes("map"), charts.join());
  // A short link has no figures of layers, which the tour says.
  const said = await by(other.page, "tour-left-out").textContent();
  assert.equal(charts.includes("chart-layers-layer-distance"), said === "", `${charts.join()}: ${said}`);
  clean(session, other);
  await other.context.close();
});
