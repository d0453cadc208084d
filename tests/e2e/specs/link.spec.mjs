// A report opened from a link: another profile, no files, no network.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";

import { by, clean, empty, exported, finished, give, launch, mirror, open, runA, shared, view, PAGE } from "../harness.mjs";

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
  for (const name of ["layers", "pathways", "delays", "table", "timeline"]) {
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
