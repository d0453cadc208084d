// The backend of distances: the badge names it, either backend can be forced, and the figures are the same.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { GPU, PAGE, busy, by, clean, empty, exported, finished, launch, open } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

async function reported(backend) {
  const opened = await open(session, { address: `${PAGE}#backend=${backend}` });
  const { page } = opened;
  await empty(page);
  // The example is large enough for its distances to be sent to the backend.
  await by(page, "open-example").click();
  await finished(page, 300_000);
  const [json, badge] = [await exported(page), by(page, "backend-badge")];
  const told = { badge: await badge.textContent(), note: await badge.getAttribute("title") };
  clean(session, opened);
  await opened.context.close();
  return { json, ...told };
}

let byWorkers;
test("backend=cpu computes on workers", async () => {
  byWorkers = await reported("cpu");
  assert.match(byWorkers.badge, /^CPU · \d+ workers?$/);
  assert.match(byWorkers.note, /with a worker for each core/);
});

test("backend=gpu gives the same figures; without WebGPU the workers compute and the badge says why", async () => {
  const { json, badge, note } = await reported("gpu");
  assert.equal(json, byWorkers.json);
  if (GPU) {
    assert.match(badge, /^GPU · \S/);
    assert.equal(note, "Distances are computed by WebGPU.");
  } else {
    assert.match(badge, /^CPU · /);
    assert.match(note, /This browser offers no WebGPU\./);
  }
});

test("the settings show and select the backend, and the URL keeps it", async () => {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  await by(page, "open-example").click();
  await finished(page, 300_000);
  await by(page, "settings").click();
  const choice = by(page, "computing");
  assert.equal(await choice.inputValue(), "auto");
  await choice.selectOption("cpu");
  await page.waitForFunction(() => location.hash.includes("backend=cpu"));
  assert.match(await page.locator(".field", { has: choice }).textContent(), /now CPU/);
  await page.keyboard.press("Escape");
  await finished(page, 300_000);
  clean(session, opened);
  await opened.context.close();
});

test("by default, the page looks for a GPU when the work is long, and skips a software adapter", async () => {
  const opened = await busy(session);
  const { page } = opened;
  const why = GPU ? "The WebGPU of this browser runs on the CPU" : "This browser offers no WebGPU";
  await page.waitForFunction((why) => document.querySelector("[data-testid=backend-badge]").title.includes(why), why, { timeout: 120_000 });
  assert.match(await by(page, "backend-badge").textContent(), /^CPU/);
  await by(page, "cancel").click();
  await by(page, "progress").waitFor({ state: "detached" });
  clean(session, opened);
  await opened.context.close();
});
