// Opens a checkpoint and its samples: seconds that the engine takes, and peak memory of the page's process.
// `node engine.mjs FOLDER BACKEND`; the last line is JSON. `cargo xtask bench engine` calls it.

import { readFileSync } from "node:fs";

import { PAGE, by, empty, launch, open } from "./harness.mjs";

const [folder, backend] = process.argv.slice(2);
const session = await launch();
try {
  const { page, wrong } = await open(session, { address: `${PAGE}#backend=${backend}` });
  await empty(page);
  await by(page, "folder-input").setInputFiles(folder);
  const told = page.locator("[data-testid=file-table] .message", { hasText: /tokens in [\d.]+ s/ }).first();
  await told.waitFor({ timeout: 580_000, state: "attached" });
  const [, tokens, seconds] = /(\d+) tokens in ([\d.]+) s/.exec(await told.textContent());
  if (wrong.length > 0) {
    throw new Error(wrong.join("\n"));
  }
  const processor = await by(page, "processor").textContent();
  console.log(JSON.stringify({ tokens: Number(tokens), seconds: Number(seconds), processor, memory: await peak() }));
} finally {
  await session.close();
}

async function peak() {
  const cdp = await session.browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
  const peaks = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => {
    try {
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${id}/status`, "utf8"))[1]) * 1024;
    } catch {
      return 0;
    }
  });
  return Math.max(0, ...peaks) || null;
}
