// What is on the screen before the program has arrived, on a slow network.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PNG } from "pngjs";

import { PAGE, by, clean, empty, launch, open } from "../harness.mjs";
import { slowed } from "../slow-network.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

/** Opens an address whose program does not arrive until `release` is called. */
async function waiting(address) {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const asked = { program: 0 };
  const opened = await open(session, {
    address: "about:blank",
    context: { viewport: { width: 1280, height: 720 } },
    before: (page) => page.route(/app_bg\.wasm/, async (route) => {
      asked.program += 1;
      await released;
      await route.continue();
    }),
  });
  const usual = await slowed(opened.page);
  // Only the start of the answer: the page is not complete without its program.
  await opened.page.goto(address, { waitUntil: "commit" });
  await opened.page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length === 1);
  return { ...opened, asked, usual, release };
}

/** How many of the pixels of an element differ from its corner. */
async function painted(page, locator) {
  const { data } = PNG.sync.read(await page.screenshot({ clip: await locator.boundingBox() }));
  let other = 0;
  for (let at = 0; at < data.length; at += 4) {
    other += Math.abs(data[at] - data[0]) > 64;
  }
  return other / (data.length / 4);
}

test("the page without files is painted before the program arrives", async () => {
  const opened = await waiting(PAGE);
  const { page, asked, usual, release } = opened;
  const headline = page.locator("#front h1");
  await headline.waitFor();
  assert.ok(await painted(page, headline) > 0.02, "the headline is painted");
  const boxes = () => Promise.all([headline, by(page, "drop-zone"), by(page, "open-example")].map((one) => one.boundingBox()));
  const before = await boxes();
  assert.ok(before[0].y > 0 && before[0].y + before[0].height < 720, JSON.stringify(before));
  for (const shown of [by(page, "drop-zone"), by(page, "open-example"), page.getByText("Files stay on this machine")]) {
    assert.equal(await shown.isVisible(), true);
  }
  assert.equal(await page.locator("#opening").isVisible(), false);
  // Nothing can be pressed before it is there.
  assert.equal(await page.locator("#front").getAttribute("inert"), "");
  await usual();
  release();
  await empty(page);
  assert.ok(asked.program > 0, "the program was held back");
  await by(page, "keep-runs").waitFor();
  assert.deepEqual(await boxes(), before, "nothing moves when the program has started");
  clean(session, opened);
  await opened.context.close();
});

test("a link says that it is opened before the program arrives", async () => {
  const opened = await waiting(`${PAGE}#r=1d.x`);
  const { page } = opened;
  await page.getByText("Opening the report…").waitFor();
  assert.equal(await page.locator("#front").isVisible(), false);
  assert.ok(await painted(page, page.locator("#opening")) > 0, "the words are painted");
  clean(session, opened);
  opened.release();
  await opened.context.close();
});
