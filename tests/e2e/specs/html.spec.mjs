// The HTML export: opens from disk without network or scripts, and opens on the page as the report it was made from.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";

import { accessible, by, clean, downloaded, drop, empty, finished, give, launch, open, out, picture, runA } from "../harness.mjs";

let session;
let path;
let said;
before(async () => {
  session = await launch();
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, runA());
  await finished(page);
  said = await by(page, "verdict").locator("p").allTextContents();
  const title = page.getByLabel("Title of the run");
  await title.fill("../<Größe> 12");
  await title.press("Enter");
  await page.keyboard.press("d");
  const dialog = by(page, "export-dialog");
  const download = await downloaded(page, dialog.getByRole("button", { name: "Save HTML" }));
  assert.equal(download.suggestedFilename(), "größe-12.html", "letters of any script, digits and dashes");
  path = out("report.html");
  await download.saveAs(path);
  clean(session, opened);
  await opened.context.close();
});
after(() => session.close());

test("the file opens from disk, without network and scripts, in light and dark", async () => {
  for (const [colorScheme, ground] of [["light", "rgb(255, 255, 255)"], ["dark", "rgb(21, 22, 26)"]]) {
    const opened = await open(session, { address: pathToFileURL(path).href, context: { colorScheme } });
    const { page, requests, wrong } = opened;
    const words = await page.locator("[aria-label=Verdict] p").allTextContents();
    assert.deepEqual(words, said.filter((line) => words.includes(line)), "the sentences of the page, in their order");
    assert.ok(words.length >= 2);
    assert.equal(await page.locator("figure svg path.line").count() > 0, true);
    await page.locator("details").first().evaluate((fold) => { fold.open = true; });
    assert.equal(await page.locator("body").evaluate((body) => getComputedStyle(body).backgroundColor), ground);
    await picture(page, `html-${colorScheme}`);
    await accessible(page, `the HTML export, ${colorScheme}`);
    assert.deepEqual(wrong, []);
    assert.deepEqual(requests.filter((url) => !url.startsWith("file:")), []);
    await opened.context.close();
  }
});

test("the file works without scripts", async () => {
  const opened = await open(session, { address: pathToFileURL(path).href, context: { javaScriptEnabled: false } });
  const { page } = opened;
  const fold = page.locator("details", { hasText: "Correlation" }).first();
  await fold.locator("summary").click();
  assert.ok(await fold.locator("table").isVisible());
  assert.deepEqual(opened.wrong, []);
  await opened.context.close();
});

test("dropped on the page, the file opens the same report", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await drop(page, [{ name: "report.html", content: readFileSync(path) }]);
  await by(page, "report").waitFor();
  assert.deepEqual(await by(page, "verdict").locator("p").allTextContents(), said);
  clean(session, opened);
  await opened.context.close();
});

test("another HTML file is no report", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await drop(page, [{ name: "other.html", content: "<!doctype html><script>document.title = 1</script>" }]);
  await by(page, "file-table").getByText("other.html").first().waitFor();
  assert.equal(await by(page, "report").count(), 0);
  clean(session, opened);
  await opened.context.close();
});
