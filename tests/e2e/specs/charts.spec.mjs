// The chart script alone, under the page's content security policy.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { clean, launch, open, picture } from "../harness.mjs";

const SPEC = {
  title: "A <script>alert(1)</script> title",
  width: "container",
  height: 160,
  autosize: { type: "fit-x", contains: "padding" },
  params: [{ name: "cut", value: 2 }],
  data: { values: [{ step: 1, loss: 4 }, { step: 2, loss: 2 }, { step: 3, loss: 1 }] },
  layer: [
    { mark: "line", encoding: { x: { field: "step", type: "quantitative" }, y: { field: "loss", type: "quantitative" } } },
    {
      transform: [{ filter: "datum.step >= cut" }, { calculate: "'step ' + datum.step + ' & more'", as: "label" }],
      mark: { type: "point", size: 120, filled: true },
      encoding: {
        x: { field: "step", type: "quantitative" },
        y: { field: "loss", type: "quantitative" },
        tooltip: [{ field: "label", title: "Where" }, { field: "loss" }],
      },
    },
  ],
};

let session;
before(async () => (session = await launch()));
after(() => session.close());

async function withChart(spec, options) {
  const opened = await open(session, options);
  await opened.page.evaluate(async (spec) => {
    const host = document.createElement("div");
    host.id = "chart";
    host.style.width = "500px";
    document.body.replaceChildren(host);
    const charts = await import(new URL("./vendor/charts.js", document.baseURI));
    globalThis.chart = await charts.embed(host, spec);
  }, spec);
  return opened;
}

test("a chart is drawn without eval, with its text as text", async () => {
  const opened = await withChart(SPEC);
  const { page } = opened;
  const svg = page.locator("#chart svg");
  assert.equal(await svg.count(), 1);
  assert.equal(await page.locator("#chart .mark-symbol path").count(), 2, "the filter's expression was interpreted");
  assert.match(await svg.textContent(), /<script>alert\(1\)<\/script>/);
  await picture(page, "chart");
  clean(session, opened);
  await opened.context.close();
});

test("a chart's signals, size and exports", async () => {
  const opened = await withChart(SPEC);
  const { page } = opened;
  await page.evaluate(() => chart.setSignal("cut", 3));
  assert.equal(await page.locator("#chart .mark-symbol path").count(), 1);
  const width = () => page.locator("#chart svg").evaluate((svg) => svg.getBoundingClientRect().width);
  assert.ok(Math.abs((await width()) - 500) <= 1, `${await width()}`);
  await page.evaluate(() => chart.resize(320));
  assert.ok(Math.abs((await width()) - 320) <= 1, `${await width()}`);

  const text = await page.evaluate(() => chart.svg());
  assert.match(text, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
  assert.ok(!text.includes("<script>"));
  const png = await page.evaluate(async () => {
    const blob = await chart.png(2);
    const picture = await createImageBitmap(blob);
    return { type: blob.type, width: picture.width };
  });
  assert.equal(png.type, "image/png");
  assert.ok(Math.abs(png.width - 640) <= 2, `${png.width}`);

  await page.evaluate(() => chart.finalize());
  assert.equal(await page.locator("#chart > *").count(), 0);
  clean(session, opened);
  await opened.context.close();
});

test("a tooltip shows the values under the pointer", async () => {
  const opened = await withChart(SPEC);
  const { page } = opened;
  await page.locator("#chart .mark-symbol path").first().hover();
  const tip = page.getByRole("tooltip");
  await tip.waitFor();
  assert.equal(await tip.textContent(), "Wherestep 2 & moreloss2");
  await page.mouse.move(5, 590);
  await tip.waitFor({ state: "detached" });
  clean(session, opened);
  await opened.context.close();
});

test("a specification with URLs loads nothing", async () => {
  const away = "https://example.org/data.json";
  const opened = await withChart({
    data: { url: away },
    layer: [
      { mark: "point", encoding: { x: { field: "a" }, href: { value: "https://example.org/" } } },
      { data: { values: [{ a: 1 }] }, mark: { type: "image", url: "https://example.org/x.png" }, encoding: { x: { field: "a" } } },
    ],
  });
  await opened.page.waitForTimeout(300);
  assert.equal(await opened.page.locator("#chart a[href]").count(), 0);
  clean(session, opened);
  await opened.context.close();
});
