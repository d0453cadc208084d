// The page in an iframe of another page: one view or one chart, and messages with its host.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { by, drawn, empty, exported, finished, give, launch, open, runA, shared, PAGE } from "../harness.mjs";

let session;
let host;
let link;
let json;
before(async () => {
  session = await launch();
  const opened = await open(session);
  await empty(opened.page);
  await give(opened.page, runA());
  await finished(opened.page);
  link = await shared(opened.page);
  json = await exported(opened.page);
  await opened.context.close();
  // Another origin: another port of this machine.
  const server = createServer((request, answer) => {
    answer.setHeader("Content-Type", "text/html");
    answer.end(`<!doctype html><title>Host</title><body><iframe name="report" width="900" height="700"></iframe><script>
      globalThis.heard = [];
      addEventListener("message", ({ source, data }) => {
        if (source === frames[0]) heard.push(data);
      });
    </script></body>`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
});
after(async () => {
  host.close();
  await session.close();
});

/** A host page with the page in its frame. */
async function embedded(fragment) {
  const opened = await open(session, { address: host.address });
  const { page } = opened;
  await page.evaluate((src) => { document.querySelector("iframe").src = src; }, `${PAGE}#${fragment}`);
  const frame = page.frameLocator("iframe");
  return { ...opened, frame };
}

/** Waits for a message of the embedded page. */
function heard(page, type) {
  return page.waitForFunction((type) => globalThis.heard.findLast((message) => message.type === type), type).then((found) => found.jsonValue());
}

const data = () => link.slice(link.indexOf("#") + 1);

test("an embedded view has no chrome and tells its height", async () => {
  const { page, frame, wrong, context } = await embedded(`${data()}&embed=1&view=delays&theme=dark`);
  await frame.getByTestId("report").waitFor();
  assert.deepEqual(await heard(page, "grokscope:ready"), { type: "grokscope:ready", version: 1 });
  await frame.locator(".drawing svg").first().waitFor();
  for (const part of [".bar", "[data-testid=verdict]", ".views", ".banner", ".fold", ".slider"]) {
    assert.equal(await frame.locator(`${part}:visible`).count(), 0, part);
  }
  const shown = await frame.locator("html").evaluate((root) => [root.dataset.theme, getComputedStyle(root).backgroundColor, getComputedStyle(document.body).backgroundColor]);
  assert.deepEqual(shown, ["dark", "rgba(0, 0, 0, 0)", "rgba(0, 0, 0, 0)"]);
  // The last told height is that of the content.
  await page.waitForFunction(() => globalThis.heard.some(({ type, height }) => type === "grokscope:size" && height > 100));
  let heights = [0, 1];
  for (let turn = 0; turn < 100 && heights[0] !== heights[1]; turn += 1) {
    await page.waitForTimeout(100);
    // Charts that are drawn meanwhile change both.
    heights = [
      await frame.locator("div.root").evaluate((root) => Math.ceil(root.getBoundingClientRect().height)),
      await page.evaluate(() => globalThis.heard.findLast(({ type }) => type === "grokscope:size").height),
    ];
  }
  assert.equal(heights[1], heights[0]);
  await page.evaluate(() => frames[0].postMessage({ type: "grokscope:theme", theme: "light" }, "*"));
  await frame.locator("html[data-theme=light]").waitFor();
  assert.deepEqual(wrong, []);
  await context.close();
});

test("an embedded chart stands alone", async () => {
  const { frame, wrong, context } = await embedded(`${data()}&embed=1&chart=accuracy`);
  await frame.locator("[data-testid=chart-accuracy] .drawing svg").waitFor();
  assert.equal(await frame.locator("article.chart:visible").count(), 1);
  assert.equal(await frame.locator(".toolbar:visible").count(), 0);
  const [chart, root] = [await frame.getByTestId("chart-accuracy").boundingBox(), await frame.locator("div.root").boundingBox()];
  assert.ok(root.height - chart.height < 60, `${root.height} pixels around ${chart.height}`);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("one of the charts of another view stands alone", async () => {
  const { page, frame, wrong, context } = await embedded("embed=1&view=delays&chart=delay-scores");
  await heard(page, "grokscope:ready");
  await page.evaluate((report) => frames[0].postMessage({ type: "grokscope:open", report }, "*"), json);
  await frame.getByTestId("embed-consent").getByRole("button", { name: "Open" }).click();
  await frame.locator("[data-testid=chart-delay-scores] .drawing svg").waitFor();
  assert.equal(await frame.locator("article.chart").count(), 2);
  assert.equal(await frame.locator("article.chart:visible").count(), 1);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a host's report is opened only after a click", async () => {
  const { page, frame, wrong, context } = await embedded("embed=1");
  await heard(page, "grokscope:ready");
  const consent = frame.getByTestId("embed-consent");
  // Messages of other windows do not count. This listener hears the message after that of the page.
  await frame.locator("div.root").evaluate(() => new Promise((resolve) => {
    addEventListener("message", () => resolve(), { once: true });
    self.postMessage({ type: "grokscope:open", report: "{}" }, "*");
  }));
  assert.equal(await consent.count(), 0);
  await page.evaluate((report) => frames[0].postMessage({ type: "grokscope:open", report }, "*"), json);
  await consent.waitFor();
  assert.equal(await consent.count(), 1);
  assert.match(await consent.innerText(), new RegExp(`^${host.address} wants to open a report here. Nothing is sent back.`));
  assert.equal(await frame.getByTestId("report").count(), 0);
  await consent.getByRole("button", { name: "Open" }).click();
  await frame.getByTestId("report").waitFor();
  assert.equal(await consent.count(), 0);
  assert.deepEqual(new Set(await page.evaluate(() => globalThis.heard.map(({ type }) => type))), new Set(["grokscope:ready", "grokscope:size"]), "nothing else is sent");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a host's files can be dismissed, or read", async () => {
  const { page, frame, wrong, context } = await embedded("embed=1");
  await heard(page, "grokscope:ready");
  const files = runA().map((path) => ({ name: path.split("/").at(-1), base64: readFileSync(path).toString("base64") }));
  const send = () => page.evaluate((files) => {
    const made = files.map(({ name, base64 }) => new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
    frames[0].postMessage({ type: "grokscope:open", files: made }, "*");
  }, files);
  await send();
  const consent = frame.getByTestId("embed-consent");
  await consent.getByRole("button", { name: "Dismiss" }).click();
  assert.equal(await consent.count(), 0);
  assert.equal(await frame.getByTestId("file-table").count(), 0);
  await send();
  assert.match(await consent.innerText(), new RegExp(`${files.length} files here`));
  await consent.getByRole("button", { name: "Open" }).click();
  await frame.locator("[data-testid=report][data-complete=true]").waitFor({ timeout: 60_000 });
  assert.deepEqual(wrong, []);
  await context.close();
});

test("after the consent, a host's files replace the report that is shown", async () => {
  const { page, frame, wrong, context } = await embedded(`${data()}&embed=1`);
  await frame.getByTestId("report").waitFor();
  await heard(page, "grokscope:ready");
  const title = "Sent by the host";
  await page.evaluate((report) => frames[0].postMessage({ type: "grokscope:open", report }, "*"), JSON.stringify({ ...JSON.parse(json), title }));
  const consent = frame.getByTestId("embed-consent");
  await consent.getByRole("button", { name: "Open" }).click();
  await frame.locator("h1", { hasText: title }).waitFor({ state: "attached" });
  const files = runA().map((path) => ({ name: path.split("/").at(-1), base64: readFileSync(path).toString("base64") }));
  await page.evaluate((files) => {
    const made = files.map(({ name, base64 }) => new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
    frames[0].postMessage({ type: "grokscope:open", files: made }, "*");
  }, files);
  await consent.getByRole("button", { name: "Open" }).click();
  await frame.locator("[data-testid=file-table]").waitFor({ state: "attached" });
  await frame.locator("[data-testid=report][data-complete=true]").waitFor({ timeout: 60_000 });
  assert.equal(await frame.locator("h1", { hasText: title }).count(), 0);
  assert.equal(await frame.getByTestId("second-run").isVisible(), false);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("Share copies an iframe of the view or of one chart, and Markdown", async () => {
  const opened = await open(session, { address: link, context: { permissions: ["clipboard-read", "clipboard-write"] } });
  const { page } = opened;
  await by(page, "report").waitFor();
  await drawn(page);
  await by(page, "share").click();
  await page.waitForFunction(() => document.querySelector("[data-testid=share-link]")?.value.includes("#r="));
  await by(page, "embed-what").selectOption({ label: "Accuracy" });
  await page.getByRole("button", { name: "Copy iframe" }).click();
  await page.getByText("iframe copied.").waitFor();
  const markup = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(markup, /^<iframe src="[^"]+#r=1d\.[^"]+embed=1&amp;chart=accuracy"/);
  // Markdown is short enough for a chat: the link, the headline and a line per domain.
  await page.getByRole("button", { name: "Copy Markdown" }).click();
  await page.getByText("Markdown copied.").waitFor();
  const [first, , ...lines] = (await page.evaluate(() => navigator.clipboard.readText())).split("\n");
  assert.match(first, /^\[.+\]\(http.+#r=1d\..+\)$/);
  assert.match(lines[0], /^- Pathway distance follows accuracy in no domain/);
  assert.deepEqual(lines.slice(1).map((line) => line.split(":")[0]), ["- math", "- code"]);
  await opened.context.close();
});

test("the host page of the examples shows chosen files after a question, and changes the theme", async () => {
  const example = readFileSync(new URL("../../../examples/embed.html", import.meta.url));
  const server = createServer((request, answer) => {
    answer.setHeader("Content-Type", "text/html");
    answer.end(request.url.startsWith("/embed.html") ? example : "");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const opened = await open(session, { address: `http://127.0.0.1:${server.address().port}/embed.html?page=${encodeURIComponent(PAGE)}` });
  const { page } = opened;
  const frame = page.frameLocator("iframe");
  await frame.locator("div.root.embedded").waitFor({ state: "attached" });
  await page.getByLabel("Theme").selectOption("dark");
  await frame.locator("html[data-theme=dark]").waitFor({ state: "attached" });
  await page.getByLabel("Traces or a report").setInputFiles(runA());
  await frame.getByText(/wants to open \d+ files here/).waitFor();
  assert.equal(await frame.getByTestId("report").count(), 0);
  await frame.getByRole("button", { name: "Open", exact: true }).click();
  await frame.locator("[data-testid=report][data-complete=true]").waitFor();
  // The frame is as high as the page says.
  await page.waitForFunction(() => parseFloat(document.querySelector("iframe").style.height) > 600);
  await opened.context.close();
  server.close();
});
