// The finding first: what the first screen shows, the bar that stays, many domains, presenting, definitions.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { accessible, by, clean, drawn, empty, exported, finished, give, launch, made, open, runA, trace, view } from "../harness.mjs";

let session;
let opened;
before(async () => {
  session = await launch();
  opened = await open(session, { context: { viewport: { width: 1440, height: 900 } } });
  await empty(opened.page);
  await by(opened.page, "open-example").click();
  await finished(opened.page);
});
after(async () => {
  await opened?.context.close();
  await session.close();
});

/** The plot of a chart on the screen. */
async function plot(page, id) {
  return page.locator(`[data-testid=chart-${id}] .role-frame.root .background`).first().boundingBox();
}

/** Resizes the window and waits until both main charts are drawn in it, beside each other. */
async function resized(page, width, height) {
  await page.setViewportSize({ width, height });
  await drawn(page);
  await page.waitForFunction(() => {
    const plots = ["accuracy", "distance"].map((id) =>
      document.querySelector(`[data-testid=chart-${id}] .slot:not(.coming) .role-frame.root .background`)?.getBoundingClientRect());
    return plots.every(Boolean) && plots[0].right < plots[1].left && Math.abs(plots[0].height - plots[1].height) < 1
      && Math.abs(plots[0].bottom - plots[1].bottom) < 1;
  });
}

test("the first screen has the headline, a line per domain, accuracy and distance", async () => {
  const { page } = opened;
  for (const [width, height, share] of [[1440, 900, 1], [1280, 720, 2 / 3]]) {
    await resized(page, width, height);
    const headline = await page.locator("[data-testid=verdict] .headline").boundingBox();
    assert.ok(headline.height < 60 && headline.y < 150, JSON.stringify(headline));
    const lines = by(page, "domain-line");
    assert.equal(await lines.count(), 4);
    const last = await lines.last().boundingBox();
    const [accuracy, distance] = [await plot(page, "accuracy"), await plot(page, "distance")];
    assert.ok(last.y + last.height <= accuracy.y, "the lines are above the charts");
    assert.ok(accuracy.y + share * accuracy.height <= height, `${width}: ${JSON.stringify(accuracy)}`);
    assert.ok(distance.y + share * distance.height <= height, `${width}: ${JSON.stringify(distance)}`);
    for (const [one, other] of [[accuracy.y, distance.y], [accuracy.width, distance.width]]) {
      assert.ok(Math.abs(one - other) <= 1, `${JSON.stringify(accuracy)} and ${JSON.stringify(distance)}`);
    }
  }
  assert.equal(await page.locator("[data-testid=verdict] .paragraphs").isVisible(), false, "paragraphs are folded");
  assert.equal(await page.locator("table.readout").count(), 2);
});

test("a line says what the verdict says, and shows or hides its domain", async () => {
  const { page } = opened;
  await page.locator("[data-testid=verdict] summary").click();
  const paragraphs = await page.locator(".paragraphs p").allInnerTexts();
  await page.locator("[data-testid=verdict] summary").click();
  for (const line of await by(page, "domain-line").all()) {
    const [name, state, delay, change] = (await line.locator("th, td").allInnerTexts()).map((text) => text.trim());
    const paragraph = paragraphs.find((text) => text.startsWith(`${name}: `));
    const [, verb, low, high] = /^((?:falls|rises) by [\d.]+ %|no change beyond its interval) \((\S+) to (\S+) %\)$/.exec(change);
    assert.ok(paragraph.includes(verb) && paragraph.includes(`95 % interval ${low} to ${high} %`), `${change}: ${paragraph}`);
    assert.equal(state === "memorized, then generalized", delay !== "–");
    assert.ok(paragraph.includes(delay === "–" ? "not clearly later" : `${delay} after`), `${delay}: ${paragraph}`);
    assert.equal(await line.locator("svg.spark path[d^=M]").count(), 2);
  }
  const first = by(page, "domain-line").first().getByRole("button");
  const name = (await first.innerText()).trim();
  const legend = page.locator("[data-testid=sticky-bar] thead").getByRole("button", { name });
  await first.click();
  assert.equal(await legend.getAttribute("aria-pressed"), "false");
  await legend.click();
  assert.equal(await first.getAttribute("aria-pressed"), "true");
});

test("the bar stays while the page scrolls, leaves three quarters, and hides no focused element", async () => {
  const { page } = opened;
  await page.setViewportSize({ width: 1280, height: 720 });
  await drawn(page);
  await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  const bar = await by(page, "sticky-bar").boundingBox();
  assert.ok(Math.abs(bar.y) < 1 && bar.height <= 720 / 4, JSON.stringify(bar));
  for (const inside of ["[data-testid=view-map]", "input[type=range]", "table.readout"]) {
    assert.ok(await page.locator(`[data-testid=sticky-bar] ${inside}`).isVisible(), inside);
  }
  assert.match(await page.locator("[data-testid=sticky-bar] table").innerText(), /Accuracy[\s\S]*Pathway distance[\s\S]*Training loss/);
  // Backwards from the end: focused controls come into view from above.
  await page.locator("details.fold > summary").focus();
  for (let turn = 0; turn < 25; turn += 1) {
    await page.keyboard.press("Shift+Tab");
    const [top, inside] = await page.evaluate(() => {
      const at = document.activeElement;
      return [at.getBoundingClientRect().top, at.closest("[data-testid=sticky-bar]") !== null];
    });
    assert.ok(inside || top >= bar.height - 1, `${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 120))} is at ${top}`);
  }
  await page.evaluate(() => window.scrollTo(0, 0));
});

test("the name of a metric opens its definition", async () => {
  const { page } = opened;
  await page.locator("[data-testid=sticky-bar]").getByRole("button", { name: "Pathway distance" }).click();
  const dialog = by(page, "definition");
  assert.match(await dialog.innerText(), /Pathway distance[\s\S]*Levenshtein[\s\S]*Raised by[\s\S]*Lowered by[\s\S]*Does not prove/);
  assert.match(await dialog.getByRole("link").getAttribute("href"), /metrics\.html#pathway-distance$/);
  await accessible(page, "a definition");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Routing entropy: definition" }).click();
  await dialog.getByText("Exact definition").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
});

test("tables scroll in place, and the list jumps to them", async () => {
  const { page } = opened;
  await view(page, "table");
  const high = await page.evaluate(() => document.documentElement.scrollHeight);
  assert.ok(high < 2 * 720, `${high} pixels`);
  const list = page.getByRole("navigation", { name: "Tables" }).getByRole("button");
  await list.last().waitFor();
  assert.equal(await list.count(), await page.locator(".figures-table").count());
  await list.last().click();
  await page.waitForFunction(() => {
    const [frame] = document.getElementsByClassName("frame");
    const last = [...frame.querySelectorAll(".figures-table")].at(-1).getBoundingClientRect();
    const room = frame.getBoundingClientRect();
    return last.top >= room.top - 1 && last.top < room.bottom;
  });
  for (const table of await page.locator(".figures-table .scroll").evaluateAll((all) => all.map((one) => one.clientHeight))) {
    assert.ok(table <= 0.61 * 720, `${table}`);
  }
});

test("the map is whole, beside its readout", async () => {
  const { page } = opened;
  await view(page, "map");
  await by(page, "map-says").filter({ hasText: /Mean distance/ }).waitFor();
  for (const [width, height] of [[1280, 720], [1440, 900]]) {
    await page.setViewportSize({ width, height });
    await page.evaluate(() => window.scrollTo(0, 0));
    const [map, readout] = [await by(page, "map").boundingBox(), await by(page, "map-readout").boundingBox()];
    assert.ok(Math.abs(map.width - map.height) <= 1 && map.height >= height / 2, JSON.stringify(map));
    assert.ok(map.y + map.height <= height, `${width}: ${JSON.stringify(map)}`);
    assert.ok(readout.x >= map.x + map.width && readout.y < height / 2, JSON.stringify(readout));
    const pair = await by(page, "map-pair").boundingBox();
    assert.ok(pair.y + pair.height <= height, JSON.stringify(pair));
  }
});

test("while presenting, every view fits the screen", async () => {
  const { page } = opened;
  await view(page, "timeline");
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  for (const [width, height] of [[1280, 720], [1920, 1080]]) {
    await page.setViewportSize({ width, height });
    for (const [key, name] of [["1", "timeline"], ["2", "layers"], ["3", "pathways"], ["4", "map"], ["f", "flow"], ["w", "tokens"], ["5", "delays"], ["6", "table"]]) {
      await page.keyboard.press(key);
      await page.locator(`main[data-view=${name}]`).waitFor();
      if (name === "timeline") {
        await resized(page, width, height);
        const cut = await page.locator("main .chart svg .role-title text").filter({ hasText: "…" }).allInnerTexts();
        assert.deepEqual(cut, [], `${width}: titles are cut`);
      } else if (["layers", "delays"].includes(name)) {
        await drawn(page);
      } else if (name === "pathways") {
        await page.locator(".lane").first().waitFor();
      }
      await page.waitForFunction(([width, height]) => {
        const inside = document.querySelector(".aligned");
        if (inside && inside.scrollHeight > inside.clientHeight + 1) {
          return false;
        }
        const root = document.documentElement;
        const ends = [...document.querySelectorAll("main .view > *, main .chart, main canvas, main .figures-table > .scroll")]
          .filter((one) => one.checkVisibility())
          .map((one) => one.getBoundingClientRect())
          .filter(({ width, height }) => width > 0 && height > 0);
        return root.scrollHeight <= height && ends.length > 0 && ends.every(({ bottom, right }) => bottom <= height + 1 && right <= width + 1);
      }, [width, height]).catch(async () => {
        const places = await page.evaluate(() => [...document.querySelectorAll("main, main > *, main .view > *, main canvas")]
          .filter((one) => one.checkVisibility())
          .map((one) => `${one.className || one.localName} ${JSON.stringify(one.getBoundingClientRect())}`));
        assert.fail(`${name} does not fit ${width} x ${height}: ${places.join("; ")} ${await by(page, "errors").innerText()}`);
      });
    }
  }
  await page.keyboard.press("1");
  await page.keyboard.press("p");
  await page.locator("div.root:not(.presenting)").waitFor();
  clean(session, opened);
});

test("sixteen layers of a pair are seen at once while presenting, and the list of samples goes on", async () => {
  const other = await open(session, { context: { viewport: { width: 1280, height: 720 } } });
  const { page } = other;
  await empty(page);
  await give(page, [100, 200, 300].map((step) => made(`step-${step}.safetensors`, trace({ step, samples: 100, layers: 16, experts: 64, sharpness: 3 }))));
  await finished(page);
  await view(page, "pathways");
  const listed = page.locator(".picker .samples li");
  await page.getByText("40 of 100 shown.").waitFor();
  assert.equal(await listed.count(), 40);
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByText("100 samples.").waitFor();
  assert.equal(await listed.count(), 100);
  assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  assert.equal(await page.locator(".lane").count(), 16);
  for (const [width, height] of [[1280, 720], [1920, 1080]]) {
    await page.setViewportSize({ width, height });
    await page.waitForFunction((height) => {
      const inside = document.querySelector(".aligned");
      const last = Math.max(...[...document.querySelectorAll(".lane .cols")].map((lane) => lane.getBoundingClientRect().bottom));
      return inside.scrollHeight <= inside.clientHeight + 1 && inside.scrollWidth <= inside.clientWidth + 1 && last <= height;
    }, height);
  }
  clean(session, other);
  await other.context.close();
});

/** The report of run-a with that many domains and checkpoints, which repeat its own. */
function enlarged(report, domains, checkpoints) {
  const stretched = (values) => Array.from({ length: checkpoints }, (_, at) => values[Math.floor((at * values.length) / checkpoints)]);
  const counts = (values) => Array.from({ length: checkpoints }, (_, at) => values[at] ?? 0);
  const { length } = report.checkpoints;
  // Lists over checkpoints keep their length, wherever they are.
  const long = (value, key) => {
    if (Array.isArray(value)) {
      if (value.length === length && !["scores", "train", "test", "pairs"].includes(key)) {
        return ["t_star", "t_sharp", "first", "declared", "relapses"].includes(key) ? counts(value) : stretched(value);
      }
      return value.map((one) => long(one));
    }
    return value !== null && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, long(one, key)])) : value;
  };
  const steps = Array.from({ length: checkpoints }, (_, at) => ({ ...report.checkpoints[0], step: 100 * at, tokens: null }));
  const source = (at) => report.domains[at % report.domains.length].name;
  const name = (at) => `domain ${at}`;
  const all = Array.from({ length: domains }, (_, at) => at);
  return {
    ...report,
    claims: [],
    exchange: [],
    checkpoints: steps,
    domains: all.map((at) => ({ ...long(report.domains[at % report.domains.length]), name: name(at), delays: null })),
    courses: [
      ...report.courses.filter(({ domain }) => !report.domains.some(({ name }) => name === domain)).map((course) => long(course)),
      ...all.flatMap((at) =>
        report.courses.filter((course) => course.domain === source(at) && !course.other_domain && course.t_star === undefined)
          .map((course) => ({ ...long(course), domain: name(at) }))),
    ],
  };
}

test("twenty domains and 244 checkpoints stay usable", async () => {
  const small = await open(session);
  await empty(small.page);
  await give(small.page, runA());
  await finished(small.page);
  const report = enlarged(JSON.parse(await exported(small.page)), 20, 244);
  await small.context.close();

  const many = await open(session, { context: { viewport: { width: 1280, height: 720 } } });
  const { page } = many;
  await empty(page);
  await give(page, [made("many.json", Buffer.from(JSON.stringify(report)))]);
  await by(page, "report").waitFor({ timeout: 30_000 });
  const lines = by(page, "domain-line");
  assert.equal(await lines.count(), 6);
  await by(page, "domain-filter").fill("domain 1");
  assert.deepEqual((await lines.locator("th").allInnerTexts()).length, 11, "domain 1 and domains 10 to 19");
  await by(page, "domain-filter").fill("");
  await page.getByRole("button", { name: "Show all 20" }).click();
  assert.equal(await lines.count(), 20);
  const frame = await page.locator(".lines .scroll").boundingBox();
  assert.ok(frame.height <= 0.41 * 720, JSON.stringify(frame));
  const bar = await by(page, "sticky-bar").boundingBox();
  assert.ok(bar.height <= 720 / 4, JSON.stringify(bar));
  const headline = await page.locator("[data-testid=verdict] .headline").boundingBox();
  assert.ok(headline.height < 60, JSON.stringify(headline));
  await page.getByText("All figures at the cursor").click();
  const readout = await page.locator("details.more .scroll:visible").boundingBox();
  assert.ok(readout.height <= 0.41 * 720, JSON.stringify(readout));
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= seen, `${wide} pixels in ${seen}`);
  await accessible(page, "many domains");
  clean(session, many);
  await many.context.close();
});
