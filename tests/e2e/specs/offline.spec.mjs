// After the first visit, the page works offline.

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FIXTURES, PAGE, accessible, by, empty, finished, give, launch, mirror, open, runA } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

test("the page can be installed: a manifest with a name and icons that load, and a service worker", async () => {
  const opened = await open(session, { context: { serviceWorkers: "allow" } });
  const { page } = opened;
  await empty(page);
  const address = await page.locator("link[rel=manifest]").evaluate((link) => link.href);
  const manifest = await page.evaluate(async (address) => (await fetch(address)).json(), address);
  assert.equal(manifest.name, "Grokscope");
  assert.ok(["standalone", "minimal-ui", "fullscreen"].includes(manifest.display), manifest.display);
  const [start, scope] = [manifest.start_url, manifest.scope].map((url) => new URL(url, address).href);
  assert.equal(start, PAGE);
  assert.ok(start.startsWith(scope), scope);
  assert.equal(await page.evaluate(async (start) => (await fetch(start)).status, start), 200);
  for (const size of [192, 512]) {
    const icon = manifest.icons.find(({ type, sizes, purpose }) => type === "image/png" && sizes === `${size}x${size}` && purpose === "any");
    assert.ok(icon, `no PNG of ${size} pixels`);
    const loaded = await page.evaluate(async (url) => {
      const image = new Image();
      image.src = url;
      await image.decode();
      return [image.naturalWidth, image.naturalHeight];
    }, new URL(icon.src, address).href);
    assert.deepEqual(loaded, [size, size]);
  }
  const registered = await page.evaluate(async () => {
    const { active, scope } = await navigator.serviceWorker.ready;
    return { script: new URL(active.scriptURL).pathname.split("/").pop(), scope };
  });
  assert.deepEqual(registered, { script: "sw.js", scope: new URL("./", PAGE).href });
  // What the browser itself finds in the manifest.
  const tools = await opened.context.newCDPSession(page);
  assert.deepEqual((await tools.send("Page.getAppManifest")).errors, []);
  assert.deepEqual((await tools.send("Page.getInstallabilityErrors")).installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"), []);
  await opened.context.close();
});

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

/** A page that its service worker controls. */
async function controlled(address) {
  const opened = await open(session, { address, context: { serviceWorkers: "allow" } });
  await empty(opened.page);
  await opened.page.waitForFunction(() => navigator.serviceWorker.controller);
  return opened;
}

test("what is not kept is named as such offline", async () => {
  const server = await mirror();
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  const opened = await controlled(server.address);
  const { page } = opened;
  await page.keyboard.press("?");
  await by(page, "offline-state").getByText(/^Ready offline: page and workers are kept/).waitFor();
  await accessible(page, "help with the state offline");
  await page.keyboard.press("Escape");
  server.silence();
  await page.reload();
  await empty(page);
  await by(page, "open-example").click();
  await by(page, "errors").getByText(/You are offline.*the example was not kept/).waitFor();
  const demo = join(FIXTURES, "demo-run");
  for (const name of ["samples.jsonl", "tokenizer.json", "step500"]) {
    cpSync(join(demo, name), join(folder, name), { recursive: true });
  }
  await by(page, "folder-input").setInputFiles(folder);
  await page.getByText(/step500: the engine could not be loaded\. You are offline/).first().waitFor();
  assert.equal(await page.getByText(/more memory/).count(), 0);
  rmSync(folder, { recursive: true });
  await opened.context.close();
  await server.close();
});

test("engine and example can be kept, and then work offline", async () => {
  const server = await mirror();
  const opened = await controlled(server.address);
  const { page } = opened;
  await page.keyboard.press("?");
  await by(page, "keep-offline").click();
  await by(page, "offline-state").getByText(/engine and example are kept/).waitFor();
  await page.keyboard.press("Escape");
  server.silence();
  await page.reload();
  await empty(page);
  await by(page, "open-example").click();
  await finished(page);
  assert.equal((await by(page, "errors").textContent()).trim(), "");
  await opened.context.close();
  await server.close();
});

/** A server of the page whose files get another build identifier on request. */
async function renewable() {
  const { origin, pathname } = new URL(PAGE);
  const [, build] = /style\.css\?v=(\w+)/.exec(await (await fetch(PAGE)).text());
  let now = build;
  const server = http.createServer(async (request, answer) => {
    const response = await fetch(origin + request.url.replaceAll(now, build));
    const type = response.headers.get("content-type") ?? "application/octet-stream";
    const body = Buffer.from(await response.arrayBuffer());
    const text = /html|javascript|json/.test(type);
    answer.writeHead(response.status, { "content-type": type, "cache-control": "no-cache" });
    answer.end(text ? body.toString().replaceAll(build, now) : body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}${pathname}`,
    renew: () => (now = "f".repeat(build.length)),
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

test("a new version is offered, and loaded only when the user asks", async () => {
  const server = await renewable();
  const opened = await controlled(server.address);
  const { page } = opened;
  const build = () => page.evaluate(() => document.querySelector("link[rel=stylesheet]").href.split("=")[1]);
  const old = await build();
  await give(page, runA());
  await finished(page);
  assert.equal(await by(page, "update").count(), 0);
  server.renew();
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  await by(page, "update").getByText("A new version is ready.").waitFor();
  await accessible(page, "the offer of a new version");
  assert.equal(await build(), old);
  await by(page, "report").waitFor();
  await by(page, "update").getByRole("button", { name: "Reload" }).click();
  await page.waitForFunction((old) => document.querySelector("link[rel=stylesheet]")?.href.split("=")[1] !== old, old);
  await empty(page);
  assert.equal(await build(), "f".repeat(old.length));
  await by(page, "continue").waitFor();
  assert.equal(await by(page, "update").count(), 0);
  await opened.context.close();
  await server.close();
});
