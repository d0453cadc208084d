// Good files do not look like failures: the page names the next thing to do, and nothing claims too much.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";

import {
  FIXTURES, PAGE, accessible, adding, by, clean, empty, exported, fileRows, finished, give, launch, made, open, out, picture, runA, trace, view,
} from "../harness.mjs";

const SMALL = { samples: 12, layers: 3, experts: 8 };
const COMMITS = ["0123456789abcdef0123456789abcdef01234567", "1123456789abcdef0123456789abcdef01234567"];

let session;
before(async () => (session = await launch()));
after(() => session.close());

const errors = async (page) => (await by(page, "errors").textContent()).trim();

/** A trace whose file does not state its step. */
const stepless = (seed) => {
  const bytes = trace({ step: seed, ...SMALL });
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  delete header.__metadata__.step;
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([size, text, bytes.subarray(8 + length)]);
};

test("the text on the example opens in the page, and says what the report says", async () => {
  const opened = await open(session);
  const { page, context } = opened;
  await empty(page);
  await page.getByRole("link", { name: "About this run" }).click();
  const text = by(page, "about");
  await text.getByText("a² + b²").waitFor();
  const words = (text) => text.replace(/\s+/g, " ");
  const told = words(await text.innerText());
  await accessible(page, "the text on the example");
  assert.equal(await text.locator("a:not([target=_blank])").count(), 0, "a link would leave the report");
  await page.keyboard.press("Escape");
  await by(page, "about-dialog").waitFor({ state: "hidden" });
  await by(page, "open-example").click();
  await finished(page);
  const headline = words(await page.locator("[data-testid=verdict] .headline").innerText());
  assert.match(headline, /^Pathway distance /);
  assert.ok(told.includes(headline), `${headline} | ${told}`);
  // It is at hand beside the report too, but not beside another run.
  await page.locator("[data-testid=verdict] summary").first().click();
  await page.getByRole("button", { name: "About this run" }).click();
  await text.getByText("a² + b²").waitFor();
  await page.keyboard.press("Escape");
  // An exported run closes without a question.
  await exported(page);
  await by(page, "new-run").click();
  await empty(page);
  await give(page, runA());
  await finished(page);
  assert.equal(await page.getByRole("button", { name: "About this run", includeHidden: true }).count(), 0);
  clean(session, opened);
  await context.close();
});

test("the text on the example is a page in UTF-8 as well", async () => {
  const opened = await open(session, { address: new URL("example.html", PAGE).href });
  const { page } = opened;
  await page.locator("h1", { hasText: "The example run" }).waitFor();
  assert.match(await page.locator("main").innerText(), /a² \+ b²/);
  assert.equal(await page.evaluate(() => document.characterSet), "UTF-8");
  clean(session, opened);
  await opened.context.close();
});

test("a trace without a step asks for it, in no red box", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [made("one.safetensors", stepless(1))]);
  await by(page, "notice").getByText("is a router trace without a training step").waitFor();
  assert.equal(await errors(page), "");
  assert.equal(await page.locator("h1:visible").textContent(), "Files");
  assert.deepEqual((await fileRows(page)).map(({ state }) => state), ["needs its step"]);
  await accessible(page, "a trace without a step");
  await picture(page, "needs-step");
  await page.getByLabel("Training step of one.safetensors").fill("1000");
  await page.keyboard.press("Enter");
  await finished(page);
  await give(page, [made("step-2000.safetensors", trace({ step: 2000, ...SMALL }))]);
  await adding(page);
  await page.getByText("12 samples × 2 checkpoints").first().waitFor();
  assert.equal((await by(page, "notice").textContent()).trim(), "");
  clean(session, opened);
  await opened.context.close();
});

test("results alone are recognised, and traces are asked for", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, runA().filter((path) => basename(path) === "run.json"));
  await by(page, "notice").getByText("none is a router trace").waitFor();
  assert.equal(await errors(page), "");
  assert.deepEqual((await fileRows(page)).map(({ state }) => state), ["recognised"]);
  clean(session, opened);
  await opened.context.close();
});

test("work that was stopped before the first report can be resumed", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const large = { samples: 6000, layers: 16, experts: 32, domains: ["all"], sharpness: 1 };
  // Large files are given by their paths: their bytes would take long to reach the browser.
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  // Work of less than two seconds shows no report before the last one: this is several times as much on a fast machine.
  const paths = Array.from({ length: 16 }, (_, at) => join(folder, `large-${at + 1}.safetensors`));
  paths.forEach((path, at) => writeFileSync(path, trace({ step: at + 1, ...large })));
  await give(page, paths);
  await by(page, "cancel").click();
  await page.getByText("Stopped before the first report").waitFor();
  assert.equal(await page.locator("h1:visible").textContent(), "Files");
  assert.ok((await fileRows(page)).every(({ state }) => state !== "reading"), JSON.stringify(await fileRows(page)));
  // Provisional reports say so, if only for a moment.
  await page.evaluate(() => {
    globalThis.verdicts = new Set();
    new MutationObserver(() => {
      const verdict = document.querySelector("[data-testid=verdict] .headline");
      if (verdict) {
        globalThis.verdicts.add(verdict.textContent);
      }
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  await page.getByRole("button", { name: "Resume" }).click();
  await finished(page, 240_000);
  const verdicts = await page.evaluate(() => [...globalThis.verdicts]);
  assert.ok(verdicts.some((text) => /^So far, with \d+ checkpoints: /.test(text)), JSON.stringify(verdicts));
  assert.doesNotMatch(await by(page, "verdict").innerText(), /So far/);
  clean(session, opened);
  await opened.context.close();
  rmSync(folder, { recursive: true });
});

test("a list of samples beside its traces is used, without a warning", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const { samples } = JSON.parse(readFileSync(runA()[0], "utf8"));
  const lines = samples.map(({ id, domain, tokens }) => JSON.stringify({ id, domain, input_ids: Array.from({ length: tokens }, (_, at) => 100 + at) }));
  const list = made("samples.jsonl", Buffer.from(lines.join("\n")));
  // Alone, it is recognised, not skipped.
  await give(page, [list]);
  await by(page, "notice").getByText("none is a router trace").waitFor();
  assert.deepEqual((await fileRows(page)).map(({ state, messages }) => [state, messages]), [["recognised", []]]);
  await give(page, runA());
  await finished(page);
  const rows = await fileRows(page);
  assert.equal(rows.length, runA().length + 1);
  for (const { path, state, messages } of rows) {
    assert.deepEqual([path, state, messages], [path, "used", []]);
  }
  assert.equal(await errors(page), "");
  clean(session, opened);
  await opened.context.close();
});

test("files are listed by step, then by name", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const at = (step) => made(`step-${step}.safetensors`, trace({ step, ...SMALL }));
  const other = (name) => made(name, Buffer.from("Remember the milk.\n"));
  await give(page, [other("note-10.jpg"), at(2000), other("note-9.jpg"), at(500), at(10_000)]);
  await finished(page);
  const paths = (await fileRows(page)).map(({ path }) => path);
  assert.deepEqual(paths, ["step-500.safetensors", "step-2000.safetensors", "step-10000.safetensors", "note-9.jpg", "note-10.jpg"]);
  clean(session, opened);
  await opened.context.close();
});

test("a growing run shows memorized samples as soon as there are some, unless the user chose", async () => {
  const pressed = (page) => page.getByRole("group", { name: "Samples" }).locator("[aria-pressed=true]").textContent();
  const [results, first, ...rest] = runA();
  for (const chooses of [false, true]) {
    const opened = await open(session);
    const { page } = opened;
    await empty(page);
    await give(page, [first]);
    await finished(page);
    assert.equal(await pressed(page), "all");
    if (chooses) {
      await page.getByRole("group", { name: "Samples" }).getByRole("button", { name: "all" }).click();
    }
    await give(page, [results, ...rest]);
    await adding(page);
    await page.getByText(`× ${rest.length} checkpoints`).first().waitFor();
    await finished(page);
    assert.equal(await pressed(page), chooses ? "all" : "memorized");
    clean(session, opened);
    await opened.context.close();
  }
});

test("missing losses are called missing", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const bare = (step) => made(`step-${step}.safetensors`, trace({ step, ...SMALL, changed: { tensors: ([gates]) => [gates] } }));
  await give(page, [bare(1000), bare(2000)]);
  await finished(page);
  assert.match(await by(page, "verdict").textContent(), /no losses in the traces/);
  assert.doesNotMatch(await by(page, "verdict").textContent(), /no loss threshold qualifies/);
  clean(session, opened);
  await opened.context.close();
});

test("tables are sorted by a click on a heading", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, runA());
  await finished(page);
  await view(page, "table");
  const table = page.locator(".figures-table", { has: page.getByRole("heading", { name: /^Loss and accuracy/ }) }).first();
  const steps = async () => (await table.locator("tbody tr td:first-child").allTextContents()).map((text) => Number(text.replaceAll(",", "")));
  const given = await steps();
  const heading = table.locator("thead button").first();
  await heading.click();
  assert.equal(await table.locator("th").first().getAttribute("aria-sort"), "ascending");
  assert.deepEqual(await steps(), [...given].sort((a, b) => a - b));
  await heading.click();
  assert.equal(await table.locator("th").first().getAttribute("aria-sort"), "descending");
  assert.deepEqual(await steps(), [...given].sort((a, b) => b - a));
  await accessible(page, "a sorted table");
  await heading.click();
  assert.equal(await table.locator("th").first().getAttribute("aria-sort"), null);
  assert.deepEqual(await steps(), given);
  clean(session, opened);
  await opened.context.close();
});

test("print shows the whole readout", async () => {
  const opened = await open(session, { context: { viewport: { width: 1280, height: 900 } } });
  const { page } = opened;
  await empty(page);
  await give(page, runA());
  await finished(page);
  // An A4 page without margins at 96 dots per inch.
  await page.setViewportSize({ width: 718, height: 1000 });
  await page.emulateMedia({ media: "print" });
  const [wide, room] = await page.evaluate(() => {
    const table = document.querySelector("details.more table.readout");
    if (!table.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true }) || table.getBoundingClientRect().height < 40) {
      throw new Error("the folded readout is not printed");
    }
    return [table.getBoundingClientRect().right, document.documentElement.clientWidth];
  });
  assert.ok(wide <= room, `the readout ends at ${wide} of ${room} pixels`);
  const cut = await page.evaluate(() =>
    [...document.querySelectorAll("main *")]
      .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1 && one.checkVisibility())
      .map((one) => `${one.tagName}.${one.getAttribute("class")}`),
  );
  assert.deepEqual(cut, []);
  await page.screenshot({ path: out("print.png"), fullPage: true });
  await page.emulateMedia({ media: "screen" });
  clean(session, opened);
  await opened.context.close();
});

test("a threshold of a domain that the run does not have is refused", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const at = (step, domains) => made(`step-${step}.safetensors`, trace({ step, ...SMALL, domains }));
  await give(page, [at(1000, ["math", "code"]), at(2000, ["math", "code"])]);
  await finished(page);
  await by(page, "settings").click();
  const field = by(page, "settings-dialog").getByLabel(/math/).first();
  await field.fill("0.9");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Escape");
  await finished(page);
  await page.locator("details.fold:has([data-testid=file-table]):not([open]) > summary").click();
  for (const step of [1000, 2000]) {
    await page.getByRole("button", { name: `Remove step-${step}.safetensors` }).click();
  }
  await give(page, [at(3000, ["law", "code"]), at(4000, ["law", "code"])]);
  await adding(page);
  await by(page, "notice").getByText(/`math`.*the run has.*`law`.*It is not used/).waitFor();
  await finished(page);
  clean(session, opened);
  await opened.context.close();
});

test("a folder of the Hugging Face cache: branches tell the steps, and nothing else is listed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  const opened = await open(session);
  const { page } = opened;
  try {
    const data = join(folder, "datasets--example--traces");
    mkdirSync(join(data, "refs"), { recursive: true });
    mkdirSync(join(data, "blobs"));
    writeFileSync(join(data, "blobs/ab12"), "content");
    COMMITS.forEach((commit, at) => {
      mkdirSync(join(data, "snapshots", commit), { recursive: true });
      writeFileSync(join(data, "snapshots", commit, "trace.safetensors"), stepless(at));
      writeFileSync(join(data, `refs/step${1000 * (at + 1)}-tokens4B`), commit);
    });
    const model = join(folder, "models--example--moe");
    mkdirSync(join(model, "refs"), { recursive: true });
    const snapshot = join(model, "snapshots", COMMITS[0]);
    mkdirSync(snapshot, { recursive: true });
    const source = join(FIXTURES, "demo-run/step500");
    readdirSync(source).forEach((name) => cpSync(join(source, name), join(snapshot, name)));
    writeFileSync(join(model, "refs/step500-tokens2B"), COMMITS[0]);

    await empty(page);
    await by(page, "folder-input").setInputFiles(data);
    await finished(page);
    assert.deepEqual((await fileRows(page)).map(({ step }) => step), ["1000", "2000"]);
    await by(page, "folder-input").setInputFiles(model);
    await adding(page);
    await page.waitForFunction(() => document.querySelectorAll("[data-testid=file-table] tbody tr").length === 3);
    assert.deepEqual((await fileRows(page)).map(({ step }) => step), ["500", "1000", "2000"]);
    clean(session, opened);
  } finally {
    rmSync(folder, { recursive: true });
    await opened.context.close();
  }
});
