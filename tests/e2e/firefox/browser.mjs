// A stock Firefox without a window, started for one specification, and its pages.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { requestLog } from "../request-log.mjs";
import { connect } from "./bidi.mjs";
import { Page } from "./page.mjs";
import { HEED_SETTINGS, write } from "./profile.mjs";

export const PAGE = required("GROKSCOPE_PAGE", "the address of the page, such as http://127.0.0.1:8080/");
const FIREFOX = required("FIREFOX", "the path of a Firefox");
const OUT = process.env.GROKSCOPE_OUT ?? new URL("../test-results/", import.meta.url).pathname;

function required(name, what) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: it names ${what}. \`cargo xtask test --only e2e-firefox\` sets everything.`);
  }
  return value;
}

/** Starts Firefox with a profile of its own. */
export async function launch() {
  // In OUT, because a Firefox that is a snap has no access to the folder for temporary files.
  mkdirSync(OUT, { recursive: true });
  const folder = mkdtempSync(join(OUT, "firefox-"));
  const [profile, downloads] = ["profile", "downloads"].map((name) => join(folder, name));
  [profile, downloads].forEach((name) => mkdirSync(name));
  const log = await requestLog();
  write(profile, { proxy: log.port, downloads });
  const program = spawn(FIREFOX, ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...HEED_SETTINGS, MOZ_CRASHREPORTER_DISABLE: "1" },
  });
  const ended = once(program, "exit");
  process.on("exit", () => program.kill());
  const address = await listening(program);
  // Unread output would stop the browser once the pipe is full.
  program.stderr.resume();
  const bidi = await connect(address);
  await bidi.send("session.new", { capabilities: {} });
  const [lines, requests] = [[], []];
  bidi.on("log.entryAdded", ({ level, type, text, stackTrace }) => lines.push({ level, text: `${type}: ${text}${at(stackTrace)}` }));
  bidi.on("network.beforeRequestSent", ({ request }) => requests.push(request.url));
  await bidi.send("session.subscribe", { events: ["log.entryAdded", "network.beforeRequestSent"] });
  return {
    /** A folder that is removed at the end. */
    folder,
    /** The path of a complete download whose name ends like that, if there is one. */
    saved(ending) {
      const names = readdirSync(downloads);
      // A download that goes on is a file with `.part` beside an empty one.
      return names.some((name) => name.endsWith(".part")) ? undefined : names.filter((name) => name.endsWith(ending)).map((name) => join(downloads, name))[0];
    },
    /** Opens an address in a new tab. */
    async open(address = PAGE) {
      const { context } = await bidi.send("browsingContext.create", { type: "tab" });
      await bidi.send("browsingContext.navigate", { context, url: address, wait: "complete" });
      return new Page(bidi, context);
    },
    /** Runs a test and prints what the pages wrote to the console if it fails. */
    async tested(steps) {
      try {
        await steps();
      } catch (error) {
        console.log(`The console:\n${lines.map(({ level, text }) => `${level}: ${text}`).join("\n") || "nothing"}`);
        throw error;
      }
    },
    /** Asserts that there were no hidden errors and no requests to other servers. */
    clean() {
      assert.deepEqual(lines.filter(({ level }) => level === "error"), []);
      const { origin } = new URL(PAGE);
      assert.ok(requests.length > 0, "requests are recorded");
      assert.deepEqual(requests.filter((url) => !url.startsWith(`${origin}/`) && !/^(blob|data|about):/.test(url)), [], "the page sent requests elsewhere");
      assert.deepEqual(log.outside, [], "the browser sent requests elsewhere");
    },
    async close() {
      await bidi.send("browser.close").catch(() => program.kill());
      await ended;
      bidi.close();
      await log.close();
      rmSync(folder, { recursive: true, maxRetries: 5 });
    },
  };
}

/** The address that Firefox prints once it can be steered. */
async function listening(program) {
  const printed = [];
  for await (const line of createInterface({ input: program.stderr })) {
    const [, address] = /^WebDriver BiDi listening on (ws:\S+)/.exec(line) ?? [];
    if (address) {
      return address;
    }
    printed.push(line);
  }
  throw new Error(`Firefox ended before it could be steered:\n${printed.join("\n")}`);
}

function at(trace) {
  const [frame] = trace?.callFrames ?? [];
  return frame ? ` (${frame.url}:${frame.lineNumber + 1})` : "";
}
