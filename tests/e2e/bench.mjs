// Opens a large run: seconds to the complete report, and peak memory of the page's process, which includes its workers.
// Then times the example run from the click. `node bench.mjs FOLDER`; the last line is JSON. `cargo xtask bench run`
// calls it.

import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { by, empty, give, launch, open } from "./harness.mjs";

const folder = process.argv[2];
const files = readdirSync(folder).filter((name) => name.endsWith(".safetensors")).map((name) => join(folder, name));

const session = await launch();
try {
  const { whole: seconds, opened } = await timed("file-input", "change", (page) => give(page, files));
  const memory = await peakOfRenderers();
  await opened.context.close();
  // Other load only adds time: the best of five counts.
  const example = { first: Infinity, complete: Infinity };
  for (let visit = 0; visit < 5; visit += 1) {
    const { first, whole, opened } = await timed("open-example", "click", (page) => by(page, "open-example").click());
    example.first = Math.min(example.first, first);
    example.complete = Math.min(example.complete, whole);
    await opened.context.close();
  }
  console.log(JSON.stringify({ seconds, memory, example }));
} finally {
  await session.close();
}

// Opens the page and acts. Returns the seconds from the page's event to the first and to the complete report.
async function timed(id, event, act) {
  const opened = await open(session);
  const { page, wrong } = opened;
  await empty(page);
  // The workers have started by then, as they have for a user who reads the first sentence.
  await page.waitForTimeout(1500);
  // Measured with the page's clock, to exclude browser automation.
  await page.evaluate(([id, event]) => {
    document.querySelector(`[data-testid=${id}]`).addEventListener(event, () => (globalThis.given = performance.now()), true);
    new MutationObserver(() => {
      const report = document.querySelector("[data-testid=report]");
      if (report) {
        globalThis.reported ??= performance.now();
        if (report.dataset.complete === "true") {
          globalThis.completed ??= performance.now();
        }
      }
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  }, [id, event]);
  await act(page);
  await page.waitForFunction(() => globalThis.completed, undefined, { timeout: 600_000, polling: 250 });
  const errors = (await by(page, "errors").textContent()).trim();
  if (errors !== "" || wrong.length > 0) {
    throw new Error([errors, ...wrong].join("\n"));
  }
  const [first, whole] = await page.evaluate(() => [globalThis.reported, globalThis.completed].map((at) => (at - globalThis.given) / 1000));
  return { first, whole, opened };
}

// Peak bytes of each renderer process; null if the system does not record them.
async function peakOfRenderers() {
  const cdp = await session.browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
  const peaks = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => {
    try {
      const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, "utf8"));
      return Number(kibibytes) * 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...peaks) || null;
}
