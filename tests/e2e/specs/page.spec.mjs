// The states of the page, mostly with the example run.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { GPU, accessible, by, clean, downloaded, drawn, empty, exported, finished, give, launch, made, open, picture, runA, view } from "../harness.mjs";

const VIEWS = ["timeline", "layers", "pathways", "delays", "table"];

let session;
before(async () => (session = await launch()));
after(() => session.close());

test("the empty page describes the tool", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  assert.match(await page.locator("h1:visible").textContent(), /memoriz/);
  assert.match(await page.locator("body").innerText(), /Files stay on this machine/);
  await accessible(page, "the empty page");
  await picture(page, "empty");
  clean(session, opened);
  await opened.context.close();
});

test("code can be copied: how to make traces, and how to convert a pickle", async () => {
  const opened = await open(session, { context: { permissions: ["clipboard-read", "clipboard-write"] } });
  const { page } = opened;
  await empty(page);
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  const folded = page.locator("#front details.have:has([data-action=copy])");
  assert.ok((await folded.count()) >= 6);
  for (const fold of await folded.all()) {
    await fold.locator("summary").click();
    for (const button of await fold.getByRole("button", { name: "Copy" }).all()) {
      const shown = await button.evaluate((button) => button.previousElementSibling.textContent);
      await button.click();
      await page.waitForFunction((shown) => navigator.clipboard.readText().then((text) => text === shown), shown);
    }
  }
  await by(page, "file-input").setInputFiles([{ name: "trace.pkl", mimeType: "", buffer: Buffer.from("\x80\x04\x95\x00}\x94.", "latin1") }]);
  const row = page.getByTestId("file-table").getByRole("row").filter({ hasText: "trace.pkl" });
  await row.getByText(/Pickles can run code and are never read/).waitFor();
  await row.getByRole("button", { name: "Copy" }).click();
  await page.waitForFunction(() => navigator.clipboard.readText().then((text) => text.startsWith("import pickle, numpy")));
  assert.deepEqual((await copied()).split("\n"), ["import pickle, numpy", 'data = pickle.load(open("trace.pkl", "rb"))', 'numpy.savez("trace.npz", **data)']);
  await accessible(page, "a file that is not read");
  await opened.context.close();
});

test("with or without WebGPU, the badge is shown and there are no errors", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  assert.equal(await page.evaluate(async () => Boolean(await navigator.gpu?.requestAdapter())), GPU);
  // The worker sends the badge when it is ready.
  await by(page, "backend-badge").filter({ hasText: /\S/ }).waitFor();
  assert.equal((await by(page, "errors").textContent()).trim(), "");
  clean(session, opened);
  await opened.context.close();
});

test("a click opens the example run", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await by(page, "open-example").click();
  await finished(page);
  assert.match(await by(page, "verdict").innerText(), /\S/);
  assert.equal((await by(page, "errors").textContent()).trim(), "");
  clean(session, opened);
  await opened.context.close();
});

for (const scheme of ["light", "dark"]) {
  test(`every view is rendered and accessible: ${scheme}`, async () => {
    const opened = await open(session, { context: { colorScheme: scheme, viewport: { width: 1280, height: 900 } } });
    const { page } = opened;
    await empty(page);
    await by(page, "open-example").click();
    await finished(page);
    for (const name of VIEWS) {
      await view(page, name);
      if (["timeline", "layers", "delays"].includes(name)) {
        await drawn(page);
      }
      await picture(page, `${name}-${scheme}`);
      await accessible(page, `${name}, ${scheme}`);
    }
    // Not above the tables, whose thousands of cells take long to check again.
    await view(page, "pathways");
    for (const id of ["share", "settings"]) {
      await by(page, id).click();
      await by(page, `${id}-dialog`).waitFor();
      await accessible(page, `${id} dialog, ${scheme}`);
      await picture(page, `${id}-${scheme}`);
      await page.keyboard.press("Escape");
    }
    clean(session, opened);
    await opened.context.close();
  });
}

test("at 360 pixels there is no horizontal scrolling", async () => {
  const opened = await open(session, { context: { viewport: { width: 360, height: 740 } } });
  const { page } = opened;
  await empty(page);
  await picture(page, "empty-narrow");
  await by(page, "open-example").click();
  await finished(page);
  for (const name of VIEWS) {
    await view(page, name);
    if (name === "timeline") {
      await drawn(page);
    }
    await picture(page, `${name}-narrow`);
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(wide <= seen, `${name}: ${wide} pixels in ${seen}`);
  }
  await accessible(page, "table, narrow");
  clean(session, opened);
  await opened.context.close();
});

test("on a phone the header is low, and what does not fit fades at the edge", async () => {
  const opened = await open(session, { context: { viewport: { width: 390, height: 844 } } });
  const { page } = opened;
  await empty(page);
  await by(page, "open-example").click();
  await finished(page);
  const header = page.locator("header.bar");
  assert.ok((await header.boundingBox()).height <= 110, `${(await header.boundingBox()).height} pixels`);
  for (const row of [header.locator(".actions"), page.locator(".views")]) {
    assert.ok(await row.evaluate((row) => row.scrollWidth > row.clientWidth && getComputedStyle(row).maskImage.startsWith("linear-gradient")));
  }
  // The current view is in sight, however it was chosen.
  const inSight = (name) => by(page, `view-${name}`).evaluate((button) => {
    const [own, row] = [button.getBoundingClientRect(), button.parentElement.getBoundingClientRect()];
    return own.left >= row.left && own.right <= row.right;
  });
  assert.equal(await inSight("table"), false);
  await page.keyboard.press("6");
  await page.locator("[data-testid=view-table][aria-current=page]").waitFor();
  await page.waitForFunction(() => {
    const button = document.querySelector("[data-testid=view-table]");
    return button.getBoundingClientRect().right <= button.parentElement.getBoundingClientRect().right;
  });
  // The actions behind the edge are reached with keys and with a pointer.
  await by(page, "settings").click();
  await by(page, "settings-dialog").waitFor();
  await page.keyboard.press("Escape");
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= seen, `${wide} pixels in ${seen}`);
  await accessible(page, "the example on a phone");
  clean(session, opened);
  await opened.context.close();
});

test("every view has a key", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await page.keyboard.press("e");
  await finished(page);
  for (const [key, name] of [["2", "layers"], ["3", "pathways"], ["5", "delays"], ["6", "table"], ["1", "timeline"]]) {
    await page.keyboard.press(key);
    await page.locator(`[data-testid=view-${name}][aria-current=page]`).waitFor();
  }
  await page.keyboard.press("?");
  await by(page, "help-dialog").waitFor();
  await accessible(page, "help dialog");
  await page.keyboard.press("Escape");
  clean(session, opened);
  await opened.context.close();
});

test("presenting: one view, large type, keys, QR code of the link", async () => {
  const opened = await open(session, { context: { viewport: { width: 1920, height: 1080 } } });
  const { page } = opened;
  await empty(page);
  await by(page, "open-example").click();
  await finished(page);
  const usual = await page.evaluate(() => parseFloat(getComputedStyle(document.querySelector("main")).fontSize));
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  await drawn(page);
  const large = await page.evaluate(() => parseFloat(getComputedStyle(document.querySelector("main")).fontSize));
  assert.ok(large >= 1.25 * usual, `${large} pixels beside ${usual}`);
  await picture(page, "stage-timeline");
  const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= seen, `${wide} pixels in ${seen}`);

  await page.keyboard.press("ArrowRight");
  await page.locator("#view-heading", { hasText: "Layers" }).waitFor({ state: "attached" });
  await drawn(page);
  await picture(page, "stage-layers");

  await page.keyboard.press("q");
  await page.locator("svg.qr").waitFor();
  await picture(page, "stage-code");
  // Escape would also leave full screen, which ends presenting.
  await by(page, "code-dialog").getByRole("button", { name: "Close" }).click();
  await page.keyboard.press("p");
  await page.locator("div.root:not(.presenting)").waitFor();
  clean(session, opened);
  await opened.context.close();
});

test("exports: tables as CSV, and the report as JSON that the page can open", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, runA());
  await finished(page);
  // Opens the dialog again, right after it was closed.
  const text = await exported(page);
  await page.keyboard.press("d");
  const dialog = by(page, "export-dialog");
  const list = dialog.locator(".exports li");
  await list.first().waitFor();
  // Courses, memorization, states, delays, correlations, exchanged domains, changes, load, co-activation.
  assert.equal(await list.count(), 9);
  const download = await downloaded(page, list.first().getByRole("button"));
  const csv = readFileSync(await download.path(), "utf8");
  assert.match(csv.split("\n")[0], /^[\w,]+\r?$/);
  await page.keyboard.press("Escape");

  const again = await open(session);
  await empty(again.page);
  await give(again.page, [made("report.json", Buffer.from(text))]);
  await finished(again.page);
  assert.equal(await exported(again.page), text);
  clean(session, again);
  clean(session, opened);
  await again.context.close();
  await opened.context.close();
});
