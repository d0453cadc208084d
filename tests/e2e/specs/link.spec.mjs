// A report opened from a link: another profile, no files, no network.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";
import jsQR from "jsqr";
import { PNG } from "pngjs";

import { by, clean, empty, exported, finished, give, launch, mirror, open, out, runA, shared, view, PAGE } from "../harness.mjs";

let session;
let link;
let sent;
before(async () => {
  session = await launch();
  const opened = await open(session);
  await empty(opened.page);
  await give(opened.page, runA());
  await finished(opened.page);
  link = await shared(opened.page);
  sent = JSON.parse(await exported(opened.page));
  clean(session, opened);
  await opened.context.close();
});
after(() => session.close());

test("the link has its data after the number sign", () => {
  assert.ok(link.startsWith(`${PAGE}#r=1d.`), link.slice(0, 80));
  assert.match(link.slice(PAGE.length), /^#[\w.=&-]+$/, "no character that chat programs cut or escape");
  assert.ok(link.length < 8000, `${link.length} characters`);
});

test("a new profile shows the same report, offline once the page is loaded", async () => {
  const server = await mirror();
  const opened = await open(session, { address: link.replace(PAGE, server.address) });
  const { page } = opened;
  await by(page, "report").waitFor();
  await page.waitForLoadState("networkidle");
  server.silence();
  await opened.context.setOffline(true);

  const got = JSON.parse(await exported(page));
  assert.deepEqual(got.checkpoints.map(({ step }) => step), sent.checkpoints.map(({ step }) => step));
  assert.deepEqual(got.domains.map(({ name }) => name), sent.domains.map(({ name }) => name));
  assert.equal(got.run.samples, sent.run.samples);
  assert.match(await page.locator(".banner").innerText(), /From a link/);
  for (const name of ["delays", "table", "timeline"]) {
    await view(page, name);
  }
  assert.equal((await by(page, "errors").textContent()).trim(), "");
  await opened.context.close();
  await server.close();
});

test("the link includes the view", async () => {
  const opened = await open(session, { address: `${link}&view=table` });
  await opened.page.locator("[data-testid=view-table][aria-current=page]").waitFor();
  clean(session, opened);
  await opened.context.close();
});

test("views that need traces or figures of layers are not offered", async () => {
  const opened = await open(session, { address: `${link}&view=map` });
  const { page } = opened;
  await by(page, "report").waitFor();
  await page.locator("[data-testid=view-timeline][aria-current=page]").waitFor();
  const offered = await page.locator(".views button:visible").evaluateAll((buttons) => buttons.map((one) => one.dataset.testid));
  assert.deepEqual(offered, ["view-timeline", "view-delays", "view-table"]);
  for (const key of ["2", "3", "4", "m", "/"]) {
    await page.keyboard.press(key);
    assert.equal(await by(page, "report").getAttribute("data-view"), "timeline", `after ${key}`);
  }
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  for (const [key, name] of [["ArrowRight", "delays"], ["ArrowRight", "table"], ["ArrowRight", "table"], ["ArrowLeft", "delays"]]) {
    await page.keyboard.press(key);
    await page.locator(`[data-testid=report][data-view=${name}]`).waitFor();
  }
  clean(session, opened);
  await opened.context.close();
});

test("a link with figures of layers offers their view", async () => {
  const opened = await open(session, { address: link });
  const { page } = opened;
  await by(page, "report").waitFor();
  assert.ok(await by(page, "view-layers").isHidden());
  await opened.context.close();

  const sender = await open(session);
  await empty(sender.page);
  await give(sender.page, runA());
  await finished(sender.page);
  await by(sender.page, "share").click();
  const field = by(sender.page, "share-link");
  await sender.page.waitForFunction(() => document.querySelector("[data-testid=share-link]")?.value.includes("#r="));
  const before = await field.inputValue();
  await sender.page.getByLabel("per-layer figures").check();
  await sender.page.waitForFunction((before) => document.querySelector("[data-testid=share-link]").value !== before, before);
  const other = await open(session, { address: `${await field.inputValue()}&view=layers` });
  await other.page.locator("[data-testid=view-layers][aria-current=page]").waitFor();
  clean(session, other);
  await other.context.close();
  await sender.context.close();
});

/** A link payload with deflated names and a valid length and checksum. */
function framed(packed) {
  const number = (value) => {
    const bytes = [];
    for (; value >= 128; value >>= 7) {
      bytes.push((value & 127) | 128);
    }
    return Buffer.from([...bytes, value]);
  };
  const rest = Buffer.concat([number(packed.length), packed, Buffer.alloc(8)]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(crc32(rest));
  return Buffer.concat([number(rest.length), sum, rest]).toString("base64url");
}

/** Expected messages, so that each link fails for its own reason. */
const EXPECTED = {
  "a link cut in half": /cut/,
  "a link with one letter changed": /checksum/,
  "a link of a later version": /version/,
  "a link that is no link": /link/,
  "a link whose content is no report": /The link is not valid/,
};

const BROKEN = {
  "a link cut in half": () => link.slice(0, PAGE.length + Math.floor((link.length - PAGE.length) / 2)),
  "a link with one letter changed": () => {
    const at = link.length - 40;
    return link.slice(0, at) + (link[at] === "A" ? "B" : "A") + link.slice(at + 1);
  },
  "a link of a later version": () => link.replace("#r=1d.", "#r=9d."),
  "a link that is no link": () => `${PAGE}#r=%3Cscript%3Ealert(1)%3C/script%3E`,
  "a link whose content is no report": () => `${PAGE}#r=1d.${framed(deflateRawSync(Buffer.alloc(64 << 20), { level: 9 }))}`,
};

for (const [name, make] of Object.entries(BROKEN)) {
  test(`${name} is reported, and the page stays usable`, async () => {
    const opened = await open(session, { address: await make() });
    const { page } = opened;
    const errors = by(page, "errors");
    await errors.locator("li").first().waitFor();
    const words = await errors.innerText();
    assert.match(words, EXPECTED[name]);
    console.log(`${name}: ${words.split("\n")[0]}`);
    await by(page, "drop-zone").waitFor();
    assert.equal(await by(page, "report").count(), 0);
    clean(session, opened);
    await opened.context.close();
  });
}

/** The headline of the report that a page shows. */
function headline(page) {
  return by(page, "verdict").locator(".headline").innerText();
}

test("the QR code on a projector is scanned, and opens a shortened report with the same headline", async () => {
  const opened = await open(session, { context: { viewport: { width: 1280, height: 720 } } });
  const { page } = opened;
  await empty(page);
  await by(page, "open-example").click();
  await finished(page);
  const said = await headline(page);
  await page.keyboard.press("p");
  await page.locator("div.root.presenting").waitFor();
  await page.keyboard.press("q");
  const code = page.locator("svg.qr");
  await code.waitFor();
  const { height } = await code.boundingBox();
  assert.equal(Math.round(height), 720, "the code is as high as the window");
  const content = await by(page, "code-content").innerText();
  assert.match(content, /\d+ of 33 checkpoints, all 4 domains, .*rounded to \d+ bits/);
  const [, kept] = /(\d+) of 33/.exec(content);

  const { data, width, height: rows } = PNG.sync.read(await page.screenshot({ path: out("qr.png") }));
  const scanned = jsQR(new Uint8ClampedArray(data), width, rows)?.data;
  assert.ok(scanned?.startsWith(`${PAGE}#r=1d.`), scanned);
  assert.ok(scanned.length <= 600, `${scanned.length} bytes`);

  const other = await open(session, { address: scanned });
  await by(other.page, "report").waitFor();
  assert.equal(await headline(other.page), said);
  assert.match(await other.page.locator(".banner").innerText(), new RegExp(`× ${kept} checkpoints.*Shortened.*33 checkpoints`, "s"));
  assert.equal((await by(other.page, "errors").textContent()).trim(), "");
  clean(session, other);
  await other.context.close();
  clean(session, opened);
  await opened.context.close();
});
