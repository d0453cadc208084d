// After the first visit, the page works offline.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { by, empty, finished, give, launch, mirror, open, runA } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

test("a second visit works offline, including the example run opened before", async () => {
  const server = await mirror();
  const opened = await open(session, { address: server.address, context: { serviceWorkers: "allow" } });
  const { page } = opened;
  await empty(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  await by(page, "open-example").click();
  await finished(page);

  server.silence();
  await page.reload();
  await empty(page);
  await by(page, "open-example").click();
  await finished(page);
  assert.equal((await by(page, "errors").textContent()).trim(), "");

  await page.goto(server.address);
  await empty(page);
  await give(page, runA());
  await finished(page);
  assert.deepEqual(session.outside, []);
  await opened.context.close();
  await server.close();
});

test("the cache has only the page's own files, of one build", async () => {
  const opened = await open(session, { context: { serviceWorkers: "allow" } });
  const { page } = opened;
  await empty(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  const kept = await page.evaluate(async () => {
    const found = [];
    for (const name of await caches.keys()) {
      for (const request of await (await caches.open(name)).keys()) {
        found.push({ name, url: request.url });
      }
    }
    return found;
  });
  assert.equal(new Set(kept.map(({ name }) => name)).size, 1);
  const base = new URL("./", page.url()).href;
  assert.deepEqual(kept.filter(({ url }) => !url.startsWith(base)), []);
  for (const file of ["app_bg.wasm", "worker_bg.wasm", "vendor/vega.js"]) {
    assert.ok(kept.some(({ url }) => url.startsWith(`${base}${file}?v=`)), file);
  }
  assert.ok(!kept.some(({ url }) => url.includes("/example/")), "the example run is cached when it is first opened, not before");
  await opened.context.close();
});
