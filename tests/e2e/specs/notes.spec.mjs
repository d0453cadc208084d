// The speaker notes: a second window that follows the page and drives it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { accessible, by, clean, empty, finished, launch, mirror, open, picture } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

async function example(options) {
  const opened = await open(session, { context: { viewport: { width: 1280, height: 720 } }, ...options });
  await empty(opened.page);
  await by(opened.page, "open-example").click();
  await finished(opened.page);
  return opened;
}

/** Opens the window of the notes. */
async function notes(page, how) {
  const waiting = page.context().waitForEvent("page");
  await how();
  const window = await waiting;
  await by(window, "notes-place").filter({ hasText: "step" }).waitFor();
  return window;
}

/** Waits for a text in the window of the notes. */
function says(window, id, text) {
  return by(window, `notes-${id}`).filter({ hasText: text }).waitFor();
}

test("the notes follow the page and drive it", async () => {
  const opened = await example();
  const { page } = opened;
  const window = await notes(page, () => by(page, "notes").click());
  await says(window, "place", "Timeline, step 12,000 (checkpoint 33 of 33)");
  await says(window, "text", "cannot be told from chance");
  await says(window, "next-up", "Layers");
  assert.equal(await by(window, "notes-elapsed").textContent(), "0:00");
  await accessible(window, "the notes");

  // The page leads.
  await page.bringToFront();
  await page.keyboard.press("[");
  await says(window, "place", "checkpoint 32 of 33");
  await page.keyboard.press("g");
  await by(page, "tour-step").filter({ hasText: "1 of 6" }).waitFor();
  await says(window, "heading", "The loss falls first");
  await says(window, "next-up", "Accuracy rises later");
  assert.equal(await by(window, "notes-text").innerText(), await by(page, "tour-shows").innerText());
  await picture(window, "notes");

  // The notes lead.
  await by(window, "notes-next").click();
  await by(page, "tour-step").filter({ hasText: "2 of 6" }).waitFor();
  await says(window, "heading", "Accuracy rises later");
  await by(window, "notes-previous").click();
  await by(page, "tour-step").filter({ hasText: "1 of 6" }).waitFor();
  await window.keyboard.press("ArrowRight");
  await by(page, "tour-step").filter({ hasText: "2 of 6" }).waitFor();
  await by(page, "tour-close").click();
  await window.waitForFunction(() => document.querySelector("[data-testid=notes-heading]").textContent === "");
  await by(window, "notes-next").click();
  await page.locator("main[data-view=layers]").waitFor();
  await says(window, "place", "Layers");
  await by(window, "notes-previous").click();
  await page.locator("main[data-view=timeline]").waitFor();

  await by(window, "notes-play").click();
  await says(window, "play", "Pause");
  await says(window, "place", /checkpoint (?!33)\d+ of 33/);
  await by(window, "notes-play").click();
  await says(window, "play", "Play");

  // A window that is loaded again has the state again.
  await window.reload();
  await says(window, "place", "Timeline, step");
  clean(session, opened);
  await opened.context.close();
});

test("the clock runs from the start of presenting, and Reset sets it back", async () => {
  const opened = await example();
  const { page } = opened;
  const window = await notes(page, () => page.keyboard.press("n"));
  await window.evaluate(() => {
    const { now } = Date;
    globalThis.ahead = 0;
    Date.now = () => now() + globalThis.ahead;
  });
  await page.bringToFront();
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  await window.evaluate(() => (globalThis.ahead = 3_725_000));
  await says(window, "elapsed", /^1:02:\d\d$/);
  await window.evaluate(() => (globalThis.ahead = 65_000));
  await says(window, "elapsed", /^1:\d\d$/);
  await window.evaluate(() => (globalThis.ahead = 0));
  // Presenting started an hour ago; then the clock is reset.
  await page.evaluate(() => {
    const { now } = Date;
    Date.now = () => now() + 3_600_000;
  });
  await by(window, "notes-reset").click();
  await window.evaluate(() => (globalThis.ahead = 3_600_000 + 61_000));
  await says(window, "elapsed", /^1:\d\d$/);
  clean(session, opened);
  await opened.context.close();
});

test("opening the notes does not end the presentation", async () => {
  const opened = await example();
  const { page } = opened;
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  const window = await notes(page, () => page.keyboard.press("n"));
  await window.keyboard.press("ArrowRight");
  await page.locator("div.root.presenting main[data-view=layers]").waitFor();
  clean(session, opened);
  await opened.context.close();
});

test("a key returns to the full screen that the window of the notes ended", async () => {
  const opened = await example();
  const { page } = opened;
  const isFull = (full) => page.waitForFunction((full) => (document.fullscreenElement !== null) === full, full);
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  await isFull(true);
  // The page tells a new window from Escape by the time since it was opened, which stands still here.
  await page.evaluate(() => {
    const now = performance.now();
    performance.now = () => now;
    // A page in the background learns only in its next frame that full screen ended.
    document.addEventListener("fullscreenchange", () => (globalThis.isTold = document.fullscreenElement === null));
  });
  await notes(page, () => page.keyboard.press("n"));
  await page.bringToFront();
  // Chromium without a screen may keep full screen.
  await page.evaluate(() => document.fullscreenElement && document.exitFullscreen());
  await isFull(false);
  await page.waitForFunction(() => globalThis.isTold);
  await page.keyboard.press("ArrowRight");
  await page.locator("div.root.presenting main[data-view=layers]").waitFor();
  await isFull(true);
  // Leaving full screen otherwise ends the presentation.
  await page.evaluate(() => {
    performance.now = () => 1e9;
    return document.exitFullscreen();
  });
  await page.locator("div.root:not(.presenting)").waitFor();
  clean(session, opened);
  await opened.context.close();
});

test("the notes work offline", async () => {
  const proxy = await mirror();
  const opened = await example({ address: proxy.address, context: { serviceWorkers: "allow" } });
  const { page } = opened;
  await page.keyboard.press("?");
  await by(page, "offline-state").filter({ hasText: "Ready offline" }).waitFor({ timeout: 60_000 });
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  proxy.silence();
  const window = await notes(page, () => by(page, "notes").click());
  await says(window, "place", "Timeline");
  const size = await by(window, "notes-elapsed").evaluate((clock) => parseFloat(getComputedStyle(clock).fontSize));
  assert.ok(size > 30, "the styles are there");
  await opened.context.close();
  await proxy.close();
});
