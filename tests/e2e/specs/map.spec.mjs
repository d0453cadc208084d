// The distance matrix: its figures against those of the pathways, its exports, keys and speed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { accessible, by, clean, empty, finished, give, launch, made, open, picture, runA, trace, view } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

/** Opens a run's map with every checkpoint measured: the example run's, or that of the files. */
async function mapped(options, files) {
  const opened = await open(session, options);
  const { page } = opened;
  await empty(page);
  await (files ? give(page, files) : by(page, "open-example").click());
  await finished(page);
  await page.keyboard.press("m");
  await by(page, "map").waitFor();
  await all(page);
  return opened;
}

/** Waits until every checkpoint is measured. */
async function all(page, timeout = 180_000) {
  await page.waitForFunction(() => /Mean distance/.test(document.querySelector("[data-testid=map-says]")?.textContent ?? ""), undefined, { timeout });
  await by(page, "map-known").waitFor({ state: "detached", timeout });
  await by(page, "progress").waitFor({ state: "detached" });
}

/** The download of a button. */
async function saved(page, id) {
  const waiting = page.waitForEvent("download", { timeout: 60_000 });
  await by(page, id).click();
  const file = await waiting;
  return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
}

/** Parses a NumPy matrix. */
function numpy(bytes) {
  assert.equal(bytes.subarray(0, 8).toString("latin1"), "\x93NUMPY\x01\x00");
  const length = bytes.readUInt16LE(8);
  assert.equal((10 + length) % 64, 0);
  const head = bytes.subarray(10, 10 + length).toString("latin1");
  const side = Number(/^\{'descr': '<u2', 'fortran_order': False, 'shape': \((\d+), \1\), \} *\n$/.exec(head)?.[1]);
  assert.equal(bytes.length, 10 + length + 2 * side * side);
  return { side, at: (row, column) => bytes.readUInt16LE(10 + length + 2 * (row * side + column)) };
}

/** The colours at positions of the canvas, in shares of it. */
function colours(page, shares) {
  return page.evaluate((shares) => {
    const canvas = document.querySelector("[data-testid=map]");
    const pen = canvas.getContext("2d");
    return shares.map(([x, y]) => [...pen.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data]);
  }, shares);
}

/** Hovers over a position of the canvas, in shares of it, and waits for the description. */
async function point(page, [x, y], expected = /distance/) {
  await by(page, "map").scrollIntoViewIfNeeded();
  const box = await by(page, "map").boundingBox();
  const at = [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at);
  await by(page, "map-pair").filter({ hasText: expected }).waitFor();
  return at;
}

test("a distance on the map is that of the two pathways, and of the file", async () => {
  const opened = await mapped({ context: { viewport: { width: 1280, height: 1000 } } });
  const { page } = opened;
  await picture(page, "map-after");
  await accessible(page, "map");
  const { name, bytes } = await saved(page, "map-npy");
  assert.match(name, /^map-step-12000\.npy$/);
  const matrix = numpy(bytes);
  const rows = (await saved(page, "map-csv")).bytes.toString().trim().split("\n").slice(1).map((line) => line.split(","));
  assert.equal(rows.length, matrix.side);
  for (const [a, b] of [[0, 1], [5, 1000], [matrix.side - 1, 3]]) {
    assert.equal(matrix.at(a, b), matrix.at(b, a));
    assert.equal(matrix.at(a, a), 0);
  }
  // The page's means equal those of the file.
  const says = await by(page, "map-says").textContent();
  let [inside, between] = [[0, 0], [0, 0]];
  for (let row = 0; row < matrix.side; row += 1) {
    for (let column = 0; column < row; column += 1) {
      const sum = rows[row][2] === rows[column][2] ? inside : between;
      sum[0] += matrix.at(row, column);
      sum[1] += 1;
    }
  }
  const told = /within domains ([\d.]+) .*between domains ([\d.]+)\./.exec(says);
  assert.ok(Math.abs(told[1] - inside[0] / inside[1]) < 0.01, `${says} ${inside}`);
  assert.ok(Math.abs(told[2] - between[0] / between[1]) < 0.01, `${says} ${between}`);

  // A pair under the pointer, in the file, and in the pathways.
  const at = await point(page, [0.31, 0.83]);
  const text = await by(page, "map-pair").textContent();
  const [, a, b, distance] = /^(\S.*) \(\w+\) and (\S.*) \(\w+\): distance (\d+) symbols$/.exec(text);
  const place = (id) => rows.findIndex((row) => row[1] === `"${id}"`);
  assert.equal(matrix.at(place(a), place(b)), Number(distance));
  assert.ok(Math.abs(place(a) / matrix.side - 0.83) < 0.003 && Math.abs(place(b) / matrix.side - 0.31) < 0.003);
  await page.mouse.click(...at);
  await page.locator("[data-testid=view-pathways][aria-current=page]").waitFor();
  assert.match(await page.locator(".aligned .figure-line").textContent(), new RegExp(`^distance ${distance} symbols at step 12,000$`));
  const pair = await page.locator(".aligned .pair").textContent();
  assert.ok(pair.includes(a) && pair.includes(b), pair);

  // Returning to the map measures nothing again, and another order moves the samples.
  await view(page, "map");
  await all(page, 5_000);
  const before = await colours(page, [[0.31, 0.83], [0.4, 0.1], [0.9, 0.2], [0.05, 0.95], [0.5, 0.45]]);
  await page.getByRole("button", { name: "file", exact: true }).click();
  await page.waitForFunction((before) => {
    const canvas = document.querySelector("[data-testid=map]");
    const [x, y] = [0.4, 0.1];
    const pixel = [...canvas.getContext("2d").getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data];
    return JSON.stringify(pixel) !== before;
  }, JSON.stringify(before[1]), { timeout: 10_000 });
  clean(session, opened);
  await opened.context.close();
});

test("checkpoints, keys, pictures and the plane", async () => {
  const opened = await mapped({ context: { viewport: { width: 1280, height: 1000 }, reducedMotion: "reduce" } });
  const { page } = opened;
  // All checkpoints share one colour scale.
  const legend = await page.locator(".map-legend").textContent();
  await page.getByRole("button", { name: "Play" }).click();
  await page.waitForFunction(() => /^Step 25,/.test(document.querySelector("[data-testid=map-says]").textContent), undefined, { timeout: 10_000 });
  await page.getByRole("button", { name: "Pause" }).click();
  assert.equal(await page.locator(".map-legend").textContent(), legend);
  // Playing may have gone on until the click.
  await page.getByRole("slider", { name: "Checkpoint" }).fill("1");
  await page.waitForFunction(() => /^Step 25,/.test(document.querySelector("[data-testid=map-says]").textContent));
  await page.getByRole("slider", { name: "Checkpoint" }).blur();
  await picture(page, "map-before");
  for (let step = 0; step < 8; step += 1) {
    await page.keyboard.press("]");
  }
  await page.waitForFunction(() => /^Step 750,/.test(document.querySelector("[data-testid=map-says]").textContent));
  await picture(page, "map-during");

  // Arrow keys mark and move a cell; after zooming in, one press moves one sample.
  await by(page, "map").focus();
  await page.keyboard.press("ArrowRight");
  await by(page, "map-pair").filter({ hasText: /distance|\)$/ }).waitFor();
  const first = await by(page, "map-pair").textContent();
  for (let count = 0; count < 12; count += 1) {
    await page.keyboard.press("+");
  }
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction((first) => document.querySelector("[data-testid=map-pair]").textContent !== first, first);
  await picture(page, "map-close");
  await page.keyboard.press("0");

  const png = await saved(page, "map-png");
  assert.match(png.name, /\.png$/);
  assert.equal(png.bytes.subarray(1, 4).toString(), "PNG");
  assert.deepEqual([png.bytes.readUInt32BE(16), png.bytes.readUInt32BE(20)], [1200, 1284]);

  await page.getByRole("button", { name: "plane" }).click();
  await picture(page, "plane-domains");
  const share = /two axes of the plane capture (\d+) %/.exec(await by(page, "map-says").textContent());
  assert.ok(Number(share[1]) > 0 && Number(share[1]) <= 100);
  const ink = async () => (await page.evaluate(() => {
    const canvas = document.querySelector("[data-testid=map]");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let inked = 0;
    for (let at = 0; at < data.length; at += 4) {
      inked += data[at] + data[at + 1] + data[at + 2] < 700 ? 1 : 0;
    }
    return inked;
  }));
  assert.ok(await ink() > 1000, "there are points");
  await page.getByRole("button", { name: "loss", exact: true }).click();
  await picture(page, "plane-loss");
  await page.keyboard.press("t");
  await page.locator(".twin table").waitFor();
  assert.equal(await page.locator(".twin tbody tr").count(), 10, "four domains and six pairs of them");
  await picture(page, "map-table");
  clean(session, opened);
  await opened.context.close();
});

test("another domain and another group are measured when they are chosen", async () => {
  // All samples of the example run are memorized, so that its groups are the same.
  const opened = await mapped({}, runA());
  const { page } = opened;
  const says = () => by(page, "map-says").textContent();
  const others = async (before) => {
    await page.waitForFunction((before) => {
      const says = document.querySelector("[data-testid=map-says]").textContent;
      return /Mean distance/.test(says) && says !== before;
    }, before, { timeout: 60_000 });
    await all(page);
    return says();
  };
  const samples = (text) => Number(/([\d,]+) samples/.exec(text)[1].replaceAll(",", ""));
  const memorized = await says();
  await page.getByRole("group", { name: "Samples" }).getByRole("button", { name: "all", exact: true }).click();
  const everything = await others(memorized);
  assert.ok(samples(everything) > samples(memorized), `${everything} | ${memorized}`);
  await page.getByRole("group", { name: "Domains" }).getByRole("button", { name: "one" }).click();
  const one = await others(everything);
  assert.ok(samples(one) < samples(everything), `${one} | ${everything}`);
  assert.match(one, /within math/);
  clean(session, opened);
  await opened.context.close();
});

test("narrow, dark and presenting", async () => {
  const opened = await mapped({ context: { viewport: { width: 390, height: 844 }, colorScheme: "dark" } });
  const { page } = opened;
  await picture(page, "map-narrow-dark");
  await accessible(page, "map, narrow and dark");
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= seen, `${wide} pixels in ${seen}`);
  await page.getByRole("button", { name: "plane" }).click();
  await picture(page, "plane-narrow-dark");
  await page.setViewportSize({ width: 1280, height: 720 });
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  await page.waitForTimeout(500);
  await picture(page, "plane-stage");
  clean(session, opened);
  await opened.context.close();
});

test("a large map has block means, counts its pairs, and can be cancelled and resumed", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const large = { samples: 4000, layers: 4, experts: 16 };
  await give(page, [1, 2].map((step) => made(`large-${step}.safetensors`, trace({ step, ...large }))));
  await finished(page, 120_000);
  await view(page, "map");
  // The first domain only, so that the progress below is not this one's.
  await all(page);
  const everything = page.getByRole("group", { name: "Domains" }).getByRole("button", { name: "all" });
  // Runs inside the page, because the map takes only seconds and must be cancelled before it is complete.
  const took = await everything.evaluate(async (button) => {
    const turn = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const progress = () => document.querySelector("[data-testid=progress]");
    // An observer, because frames may be long while the map is drawn.
    await new Promise((resolve) => {
      const observer = new MutationObserver(() => {
        if (/of [\d,]+ pairs/.test(progress()?.textContent ?? "")) {
          observer.disconnect();
          resolve();
        }
      });
      observer.observe(document.body, { subtree: true, childList: true, characterData: true });
      button.click();
    });
    const start = performance.now();
    document.querySelector("[data-testid=cancel]").click();
    do {
      await turn();
    } while (progress());
    return performance.now() - start;
  });
  console.log(`stopped in ${Math.round(took)} ms`);
  await page.getByRole("button", { name: "Resume" }).click();
  await all(page);
  await picture(page, "map-large");
  // A pair of a map of block means still has an exact distance.
  await point(page, [0.25, 0.75]);
  const { side } = numpy((await saved(page, "map-npy")).bytes);
  assert.equal(side, 4000);
  clean(session, opened);
  await opened.context.close();
});
