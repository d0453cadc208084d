// Work can be cancelled at once, and the page responds while it works.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { busy, by, clean, empty, give, launch, made, measuring, open, trace } from "../harness.mjs";

// Files that take a while to read.
const LARGE = { samples: 3000, layers: 16, experts: 64 };

let session;
before(async () => (session = await launch()));
after(() => session.close());

test("cancel ends work that would take minutes, and the work can be resumed", async () => {
  const opened = await busy(session);
  const { page } = opened;
  const took = await page.evaluate(async () => {
    const button = document.querySelector("[data-testid=cancel]");
    const start = performance.now();
    button.click();
    // Until the page is drawn without the progress bar.
    do {
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    } while (document.querySelector("[data-testid=progress]"));
    return performance.now() - start;
  });
  console.log(`cancelled in ${Math.round(took)} ms`);

  // It stays cancelled until it is resumed.
  await page.waitForTimeout(1000);
  assert.equal(await by(page, "progress").count(), 0);
  await page.getByRole("button", { name: "Resume" }).click();
  await measuring(page);
  await by(page, "cancel").click();
  await by(page, "progress").waitFor({ state: "detached" });
  assert.equal(await page.getByText("The worker stopped").count(), 0);
  clean(session, opened);
  await opened.context.close();
});

test("the page responds while it works", async () => {
  const opened = await busy(session);
  const { page } = opened;
  const said = () => by(page, "progress").innerText();
  const before = await said();
  // The delay depends on the machine, so it is printed but not asserted. The assertions are that the page responds and
  // shows progress during minutes of work, which it would not if it did the work itself.
  const longest = await page.evaluate(async () => {
    let longest = 0;
    let last = performance.now();
    for (let turn = 0; turn < 200; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve));
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
    }
    return longest;
  });
  console.log(`longest delay of the page while working: ${Math.round(longest)} ms`);
  await page.keyboard.press("?");
  await by(page, "help-dialog").waitFor();
  await page.keyboard.press("Escape");
  await by(page, "help-dialog").waitFor({ state: "hidden" });
  await page.waitForFunction((before) => document.querySelector("[data-testid=progress]").innerText !== before, before);
  await by(page, "cancel").click();
  await by(page, "progress").waitFor({ state: "detached" });
  clean(session, opened);
  await opened.context.close();
});

test("files that arrive while others are read do not stop the worker", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await give(page, [1, 2].map((step) => made(`large-${step}.safetensors`, trace({ step, ...LARGE }))));
  // Each file restarts the work.
  for (let at = 0; at < 40; at += 1) {
    await page.waitForTimeout((at * 37) % 100);
    await give(page, [made(`note-${at}.csv`, Buffer.from("nothing,of,the,kind\n"))]);
  }
  assert.equal(await page.getByText("The worker stopped").count(), 0);
  await by(page, "cancel").click();
  await by(page, "progress").waitFor({ state: "detached" });
  assert.equal(await page.locator("[data-testid=file-table] tbody tr").count(), 42);
  clean(session, opened);
  await opened.context.close();
});
