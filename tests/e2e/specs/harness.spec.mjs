// The request log must record requests of the page and of workers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { PAGE, clean, launch, open } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

test("requests of the page and of a worker to another machine are logged", async () => {
  const opened = await open(session, { address: new URL("icons/icon.svg", PAGE).href });
  await opened.page.evaluate(async () => {
    await fetch("http://from-the-page.example/").catch(() => {});
  });
  assert.throws(() => clean(session, opened, { allow: [/./] }), /sent requests elsewhere/);
  assert.deepEqual(session.outside.splice(0), ["GET http://from-the-page.example/"]);

  const worker = `fetch("https://from-a-worker.example/").catch(() => {}).then(() => postMessage("tried"))`;
  await opened.page.goto(PAGE);
  await opened.page.evaluate(async (script) => {
    const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    await new Promise((resolve) => (worker.onmessage = resolve));
  }, worker);
  assert.deepEqual(session.outside.splice(0), ["CONNECT from-a-worker.example:443"]);
  await opened.context.close();
});
