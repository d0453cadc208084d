// Nothing is lost: kept runs, Back and Forward, closing, a second run, the comparison.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import {
  FIXTURES, PAGE, accessible, adding, by, clean, drawn, empty, exported, fileRows, finished, give, launch, made, open, out, prefixed, runA, shared, trace, view,
} from "../harness.mjs";

const DEMO = join(FIXTURES, "demo-run");
const SMALL = { samples: 12, layers: 3, experts: 8 };
const at = (step, more = {}) => made(`step-${step}.safetensors`, trace({ step, ...SMALL, ...more }));
const TITLE = "Title of the run";

let session;
let link;
before(async () => (session = await launch()));
after(() => session.close());

const hash = (page) => page.evaluate(() => location.hash);
const current = (page, name) => page.locator(`[data-testid=view-${name}][aria-current=page]`).waitFor();
const verdict = (page) => by(page, "verdict").textContent();

/** Waits until the run is kept; then leaving the page loses nothing. */
async function kept(page, number = 1) {
  await page.waitForFunction(async (number) => {
    const root = await navigator.storage.getDirectory();
    const runs = await root.getDirectoryHandle("runs").catch(() => undefined);
    let found = 0;
    for await (const run of runs?.values() ?? []) {
      found += await run.getFileHandle("about.json").then(() => 1, () => 0);
    }
    return found >= number;
  }, number);
  await page.waitForFunction(() => {
    const event = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(event);
    return !event.defaultPrevented;
  });
}

test("Back and Forward return to views, and the address holds what they show", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, runA());
  await finished(page);
  link = await shared(page);
  assert.equal(await hash(page), "");
  await view(page, "layers");
  await page.waitForFunction(() => location.hash === "#view=layers");
  await page.keyboard.press("j");
  await page.keyboard.press("[");
  await page.waitForFunction(() => /^#view=layers&at=\d+&layer=1$/.test(location.hash));
  const place = await hash(page);
  await view(page, "pathways");
  await page.waitForFunction(() => /view=pathways.*&pair=\d+\.\d+/.test(location.hash));
  await page.goBack();
  await current(page, "layers");
  assert.equal(await hash(page), place);
  await page.goBack();
  await current(page, "timeline");
  await page.goForward();
  await page.goForward();
  await current(page, "pathways");
  assert.match(await hash(page), /&pair=\d+\.\d+/);
  await view(page, "timeline");
  await page.getByRole("group", { name: "Axis" }).getByRole("button", { name: "log steps" }).click();
  await page.waitForFunction(() => location.hash.includes("axis=log"));
  clean(session, opened);
  await opened.context.close();
});

test("Back after a pasted link restores report and address together", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [at(1000), at(2000)]);
  await finished(page);
  const title = page.getByLabel(TITLE);
  await title.fill("Mine");
  await title.press("Enter");
  const mine = await shared(page);
  const facts = page.locator(".facts");
  const own = await facts.innerText();
  await page.evaluate((link) => (location.href = link), link);
  await page.locator(".banner", { hasText: "From a link" }).waitFor();
  assert.notEqual(await facts.innerText(), own);
  // A second link over the first.
  await page.evaluate((link) => (location.href = link), mine);
  await page.waitForFunction((own) => document.querySelector(".facts").innerText === own, own);
  await page.locator(".banner", { hasText: "From a link" }).waitFor();
  await page.goBack();
  await page.waitForFunction((own) => document.querySelector(".facts").innerText !== own, own);
  assert.equal(await hash(page), new URL(link).hash);
  await page.goBack();
  await page.waitForFunction((own) => document.querySelector(".facts").innerText === own, own);
  assert.equal(await page.locator(".banner", { hasText: "From a link" }).count(), 0);
  assert.equal(await hash(page), "");
  assert.equal(await title.inputValue(), "Mine");
  // Its traces are still there.
  await view(page, "pathways");
  await page.locator(".aligned .lane").first().waitFor();
  clean(session, opened);
  await opened.context.close();
});

test("after a reload the last run can be continued, with its traces and the same verdict", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, runA());
  await finished(page);
  const title = page.getByLabel(TITLE);
  await title.fill("Kept & found");
  await title.press("Enter");
  const said = await verdict(page);
  const report = JSON.parse(await exported(page));
  await view(page, "layers");
  await page.keyboard.press("[");
  await page.waitForFunction(() => location.hash.includes("at="));
  await kept(page);
  await page.reload();
  await empty(page);
  const offer = by(page, "continue");
  await offer.getByText("Kept & found").waitFor();
  assert.match(await offer.innerText(), /× \d+ samples/);
  await accessible(page, "the offer to continue");
  const checkpoint = await hash(page);
  await offer.click();
  await finished(page);
  await current(page, "layers");
  assert.equal(await hash(page), checkpoint);
  assert.equal(await verdict(page), said);
  assert.deepEqual(JSON.parse(await exported(page)), report);
  assert.ok((await fileRows(page)).every(({ state }) => state === "used"));
  await view(page, "map");
  await page.locator("canvas").first().waitFor();

  // A visit without the old address.
  await kept(page);
  await page.goto("about:blank");
  await page.goto(PAGE);
  await by(page, "continue").click();
  await current(page, "map");
  await finished(page);

  // Removed, nothing is offered.
  await page.goto("about:blank");
  await page.goto(PAGE);
  await by(page, "kept-runs").locator("summary").click();
  assert.match(await by(page, "kept-runs").innerText(), /used.*available/);
  await by(page, "kept-runs").getByRole("button", { name: /^Remove Kept & found/ }).click();
  await by(page, "continue").waitFor({ state: "detached" });
  clean(session, opened);
  await opened.context.close();
});

test("damaged and foreign content of the storage is named in plain words and can be removed", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [at(1000), at(2000)]);
  await finished(page);
  await kept(page);
  await page.evaluate(async () => {
    const write = async (place, name, text) => {
      const stream = await (await place.getFileHandle(name, { create: true })).createWritable();
      await stream.write(text);
      await stream.close();
    };
    const runs = await (await navigator.storage.getDirectory()).getDirectoryHandle("runs");
    for await (const run of runs.values()) {
      const about = await (await (await run.getFileHandle("about.json")).getFile()).text();
      await write(run, JSON.parse(about).reportName, "<script>alert(1)</script>");
    }
    await write(await runs.getDirectoryHandle("77", { create: true }), "about.json", "{\"title\": 3}");
    await runs.getDirectoryHandle("elsewhere", { create: true });
    await write(runs, "file", "x");
  });
  await page.reload();
  await by(page, "continue").click();
  await by(page, "errors").getByText(/This kept run cannot be opened.*Remove it from the list/).waitFor();
  await empty(page);
  await by(page, "kept-runs").locator("summary").click();
  await by(page, "kept-runs").getByText("This kept run cannot be read.").waitFor();
  assert.equal(await by(page, "kept-runs").locator("li").count(), 2);
  await by(page, "kept-runs").getByRole("button", { name: "Remove all" }).click();
  await by(page, "kept-runs").waitFor({ state: "detached" });
  clean(session, opened);
  await opened.context.close();
});

test("New closes the run, and asks first if it is neither kept nor exported", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await by(page, "keep-runs").uncheck();
  // Files that are still being computed are not left without a question either.
  await page.evaluate(() => {
    globalThis.askedEarly = false;
    const timer = setInterval(() => {
      if (document.querySelector("[data-testid=report]")) {
        clearInterval(timer);
        return;
      }
      const event = new Event("beforeunload", { cancelable: true });
      window.dispatchEvent(event);
      globalThis.askedEarly ||= event.defaultPrevented;
    }, 10);
  });
  await give(page, runA());
  await finished(page);
  assert.equal(await page.evaluate(() => globalThis.askedEarly), true);
  const prevented = () => page.evaluate(() => {
    const event = new Event("beforeunload", { cancelable: true });
    window.dispatchEvent(event);
    return event.defaultPrevented;
  });
  assert.equal(await prevented(), true);
  await view(page, "layers");
  await by(page, "new-run").click();
  const dialog = by(page, "close-dialog");
  await dialog.waitFor();
  await accessible(page, "the question before closing");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await by(page, "report").waitFor();
  await exported(page);
  assert.equal(await prevented(), false);
  await by(page, "new-run").click();
  await empty(page);
  assert.equal(await hash(page), "");
  assert.equal(await by(page, "continue").count(), 0);
  // The analyst has forgotten the files.
  await give(page, [at(1000), at(2000)]);
  await finished(page);
  assert.equal((await fileRows(page)).length, 2);
  await by(page, "new-run").click();
  await by(page, "close-unsaved").click();
  await empty(page);
  clean(session, opened);
  await opened.context.close();
});

test("a second run asks: add, compare, replace", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [at(1000), at(2000)]);
  await finished(page);
  await give(page, [at(3000)]);
  await by(page, "second-run").waitFor();
  await accessible(page, "the question about a second run");
  await page.keyboard.press("Escape");
  await by(page, "second-run").waitFor({ state: "hidden" });
  assert.equal((await fileRows(page)).length, 2);
  await give(page, [at(3000)]);
  await adding(page);
  await page.getByText("× 3 checkpoints").first().waitFor();
  await finished(page);

  await give(page, [at(1000, { seed: 5 }), at(4000, { seed: 5 })]);
  await by(page, "second-run-compare").click();
  await current(page, "compare");
  await drawn(page);
  assert.match(await by(page, "differences").innerText(), /Checkpoints: 3 checkpoints from step 1,000 to step 3,000 in A, 2 checkpoints from step 1,000 to step 4,000 in B/);
  const rows = await by(page, "compare-final").locator("tbody tr").allInnerTexts();
  assert.ok(rows.length > 0 && rows.every((row) => /distance/i.test(row)), rows.join("|"));
  const cells = await by(page, "compare-final").locator("tbody tr").first().locator("th, td").allInnerTexts();
  const number = (text) => Number(text.replace("−", "-").replaceAll(",", ""));
  assert.ok(Math.abs(number(cells[3]) - number(cells[2]) - number(cells[4])) < 0.2, cells.join("|"));
  await accessible(page, "the comparison");
  // A keeps its traces.
  assert.equal((await fileRows(page)).length, 3);
  await page.keyboard.press("1");
  await current(page, "timeline");
  await page.keyboard.press("7");
  await current(page, "compare");
  await page.getByRole("button", { name: "Swap A and B" }).click();
  await page.waitForFunction(() => /2 checkpoints from step 1,000 to step 4,000 in A/.test(document.querySelector("[data-testid=differences]")?.innerText));
  await page.getByRole("button", { name: "Swap A and B" }).click();
  await page.waitForFunction(() => /3 checkpoints from step 1,000 to step 3,000 in A/.test(document.querySelector("[data-testid=differences]")?.innerText));
  assert.equal((await fileRows(page)).length, 3);
  await page.getByRole("button", { name: "Close B" }).click();
  await current(page, "timeline");
  assert.equal(await by(page, "view-compare").isVisible(), false);

  await give(page, runA());
  await by(page, "second-run-replace").click();
  await finished(page);
  await page.waitForFunction(() => !/× 3 checkpoints/.test(document.querySelector(".facts").innerText));
  assert.equal((await fileRows(page)).length, runA().length);
  clean(session, opened);
  await opened.context.close();
});

test("Compare shows the maps of both runs, and says that a report has none", async () => {
  // The sentences about the map of the second run, opened on its own.
  const second = [at(1000, { seed: 5 }), at(4000, { seed: 5 })];
  const alone = await open(session);
  await empty(alone.page);
  await give(alone.page, second);
  await finished(alone.page);
  await view(alone.page, "map");
  await alone.page.getByRole("group", { name: "Samples" }).getByRole("button", { name: "all" }).click();
  const sheet = by(alone.page, "map-says").filter({ hasText: "Step 4,000, 12 samples" });
  await sheet.waitFor();
  const [expected] = (await sheet.innerText()).split(" The two axes");
  const json = await exported(alone.page);
  await alone.context.close();

  const opened = await open(session, { context: { viewport: { width: 1280, height: 900 } } });
  const { page } = opened;
  await empty(page);
  await give(page, [at(1000), at(2000)]);
  await finished(page);
  await give(page, second);
  await by(page, "second-run-compare").click();
  await current(page, "compare");
  const [a, b] = ["a", "b"].map((name) => by(page, `compare-map-${name}`));
  await a.getByText(/^A: Step 2,000, 12 samples/).waitFor();
  await b.getByText(`B: ${expected}`).waitFor();
  // A colour for each distance: a matrix of 12 samples has more than the diagonal's.
  const colours = (map) => map.locator("canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  assert.ok(await colours(a) > 5 && await colours(b) > 5);
  const [left, right] = [await a.boundingBox(), await b.boundingBox()];
  assert.ok(Math.abs(left.y - right.y) < 1 && left.x + left.width <= right.x, "side by side");
  await page.screenshot({ path: out("compare-maps.png"), fullPage: true });
  await accessible(page, "compared maps");
  await page.keyboard.press("t");
  await b.getByRole("table").waitFor();
  await page.keyboard.press("t");
  // Both maps stay when the runs change places.
  await page.getByRole("button", { name: "Swap A and B" }).click();
  await a.getByText(`A: ${expected}`).waitFor();
  await b.getByText(/^B: Step 2,000, 12 samples/).waitFor();
  assert.ok(await colours(a) > 5 && await colours(b) > 5);
  await page.getByRole("button", { name: "Swap A and B" }).click();
  await a.getByText(/^A: Step 2,000/).waitFor();

  await give(page, [made("report.json", Buffer.from(json))]);
  await by(page, "second-run-compare").click();
  await b.getByText("B is open without its traces, so it has no map.").waitFor();
  assert.equal(await b.locator("canvas").count(), 0);
  await a.getByText(/^A: Step 2,000/).waitFor();
  clean(session, opened);
  await opened.context.close();
});

test("a link is compared with the report before it, and recomputed from files", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [at(1000), at(2000)]);
  await finished(page);
  await page.evaluate((link) => (location.href = link), link);
  await page.locator(".banner").getByText(/From a link/).waitFor();
  // The worker draws for the link too, although it has the files of the run before.
  await page.keyboard.press("6");
  await page.locator("main[data-view=table] .figures-table tbody tr").first().waitFor();
  await page.keyboard.press("1");
  await by(page, "compare-previous").click();
  await current(page, "compare");
  await drawn(page);
  assert.match(await by(page, "differences").innerText(), /Layers × experts/);
  await page.getByRole("button", { name: "Close B" }).click();
  await give(page, runA());
  await adding(page);
  await finished(page);
  assert.equal(await page.locator(".banner").count(), 0);
  assert.equal(await hash(page), "");
  clean(session, opened);
  await opened.context.close();
});

/** A stand-in for the engine: answers every checkpoint with a small trace of its step. */
function engine(steps) {
  const traces = Object.fromEntries(steps.map((step) => [step, trace({ step, ...SMALL }).toString("base64")]));
  const processor = { gpu: false, name: "", budget: 1 };
  const made = { scores: [], read: 1, tokens: 1, passes: 1, seconds: 1, processor };
  return `
    const traces = ${JSON.stringify(traces)};
    // The page hands over the port to the analyst once this worker has said that it listens.
    self.onmessage = ({ data: { port } }) => {
      const say = (event, trace) => port.postMessage({ event, trace });
      port.onmessage = ({ data: { job } }) => {
        if (job.job === "inputs") {
          say({ event: "inputs", of: { outcome: { Ok: { samples: 1, items: [] } } } });
          return;
        }
        const step = /(\\d+)$/.exec(job.of.folder)[1];
        // The last checkpoint is never finished.
        if (traces[step]) {
          const bytes = Uint8Array.from(atob(traces[step]), (letter) => letter.charCodeAt(0));
          say({ event: "traced", of: ${JSON.stringify(made)} }, new Blob([bytes]));
        }
      };
      say({ event: "ready" });
    };
    self.postMessage(null);
    await new Promise(() => {});
  `;
}

test("finished traces of checkpoints are kept while others are still run", async () => {
  const steps = readdirSync(DEMO).filter((name) => name.startsWith("step")).map((name) => Number(name.slice(4))).sort((a, b) => a - b);
  const server = await prefixed("engine_loader.js", engine(steps.slice(0, 2)));
  const opened = await open(session, { address: server.address });
  const { page } = opened;
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  for (const name of ["samples.jsonl", ...steps.slice(0, 3).map((step) => `step${step}`)]) {
    cpSync(join(DEMO, name), join(folder, name), { recursive: true });
  }
  await empty(page);
  await by(page, "folder-input").setInputFiles(folder);
  await page.getByText("× 2 checkpoints").first().waitFor();
  await page.waitForFunction(async () => {
    const root = await navigator.storage.getDirectory();
    const runs = await root.getDirectoryHandle("runs").catch(() => undefined);
    for await (const run of runs?.values() ?? []) {
      const about = await run.getFileHandle("about.json").then((handle) => handle.getFile()).then((file) => file.json?.() ?? file.text().then(JSON.parse)).catch(() => ({}));
      if (about.paths?.filter((path) => path.endsWith(".safetensors")).length === 2 && about.facts.startsWith("2 checkpoints")) {
        return true;
      }
    }
    return false;
  });
  await page.reload();
  await by(page, "continue").getByText("2 checkpoints").waitFor();
  await by(page, "continue").click();
  await finished(page);
  const traces = (await fileRows(page)).filter(({ path }) => path.endsWith(".safetensors"));
  assert.deepEqual(traces.map(({ state }) => state), ["used", "used"]);
  assert.deepEqual(JSON.parse(await exported(page)).checkpoints.map(({ step }) => step), steps.slice(0, 2));
  rmSync(folder, { recursive: true });
  await opened.context.close();
  await server.close();
});

test("kept runs are compared in a table", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [at(1000), at(2000)]);
  await finished(page);
  await kept(page);
  await by(page, "new-run").click();
  await empty(page);
  await by(page, "continue").waitFor();
  await by(page, "kept-runs").locator("summary").click();
  // One run is no comparison.
  assert.equal(await by(page, "runs-table").count(), 0);
  await give(page, runA());
  await finished(page);
  await kept(page, 2);
  await by(page, "new-run").click();
  await empty(page);
  await by(page, "kept-runs").locator("summary").click();
  await by(page, "runs-table").click();
  const rows = by(page, "runs-dialog").locator("tbody tr");
  await rows.first().waitFor();
  const cells = await rows.evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent.trim())));
  // Both runs have the domains math and code; the newest run is the first.
  assert.deepEqual(cells.map((row) => [row[1], row[3]]), [["math", "7"], ["code", "7"], ["math", "2"], ["code", "2"]]);
  assert.deepEqual(cells[0].slice(9, 10), ["0.800"]);
  await accessible(page, "the table of runs");
  clean(session, opened);
  await opened.context.close();
});

test("files of one size that change places keep their content", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const found = await page.evaluate(async () => {
    const script = performance.getEntriesByType("resource").find(({ name }) => name.includes("/src/keep.js")).name;
    const { save, load } = await import(script);
    const file = (text) => new File([text], "step.npz", { lastModified: 7 });
    const contents = async () => Promise.all((await load(7)).files.map((file) => file.text()));
    await save(7, ["run", "facts", "{}"], ["a/step.npz", "b/step.npz"], [file("a"), file("b")], []);
    const both = await contents();
    await save(7, ["run", "facts", "{}"], ["b/step.npz"], [file("b")], []);
    // Content that was computed here has no time of change.
    const one = await contents();
    await save(7, ["run", "facts", "{}"], ["b/step.npz"], [new Blob(["c"])], []);
    const computed = await contents();
    // A save that fails leaves the run as it was, and its files can still be read.
    const held = (await load(7)).files[0];
    const unreadable = { size: 1, lastModified: 8 };
    const failed = await save(7, ["other", "facts", "{}"], ["a/step.npz", "b/step.npz"], [file("d"), unreadable], []).then(() => false, () => true);
    const before = [failed, (await load(7)).title, await held.text()];
    const root = await navigator.storage.getDirectory();
    const place = await (await root.getDirectoryHandle("runs")).getDirectoryHandle("7");
    const count = async () => {
      let number = 0;
      for await (const name of place.keys()) {
        number += name === "" ? 0 : 1;
      }
      return number;
    };
    const left = await count();
    await save(7, ["run", "facts", "{}"], ["a/step.npz"], [file("e")], []);
    return [both, one, computed, before, left, await contents(), await count()];
  });
  // After the failed save and in the end: one file, the report and the description.
  assert.deepEqual(found, [["a", "b"], ["b"], ["c"], [true, "run", "c"], 3, ["e"], 3]);
  clean(session, opened);
  await opened.context.close();
});

test("a run that cannot fit leaves the others, and one that can takes the place of the oldest", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const devtools = await opened.context.newCDPSession(page);
  const { origin } = new URL(page.url());
  await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 9e6 });
  const found = await page.evaluate(async () => {
    const script = performance.getEntriesByType("resource").find(({ name }) => name.includes("/src/keep.js")).name;
    const { save, list, remove } = await import(script);
    await remove(0).catch(() => {});
    const file = (megabytes) => new File([new Uint8Array(megabytes * 1e6)], "step.npz", { lastModified: 7 });
    const keep = (id, megabytes) => save(id, ["run", "facts", "{}"], ["step.npz"], [file(megabytes)], []).then(() => "kept", (error) => error.name);
    const ids = async () => (await list()).map(({ id }) => id);
    const outcome = [await keep(1, 3), await keep(2, 3)];
    outcome.push(await keep(3, 20), await ids());
    outcome.push(await keep(4, 4), await ids());
    await remove(0);
    return outcome;
  });
  assert.deepEqual(found, ["kept", "kept", "QuotaExceededError", [2, 1], "kept", [4, 2]]);
  await devtools.send("Storage.overrideQuotaForOrigin", { origin });
  clean(session, opened);
  await opened.context.close();
});
