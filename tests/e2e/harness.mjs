// Shared by the specs: a browser whose outgoing requests are logged, pages that record errors, checks.

import assert from "node:assert/strict";
import { readFileSync, mkdirSync, readdirSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";

import { requestLog } from "./request-log.mjs";

/** `off`; `on`: WebGPU in software; `hardware`: WebGPU on this machine's graphics card, through Vulkan. */
const WEBGPU = process.env.GROKSCOPE_GPU;
export const GPU = WEBGPU === "on" || WEBGPU === "hardware";
export const PAGE = required("GROKSCOPE_PAGE", "the address of the page, such as http://127.0.0.1:8080/");
const CHROME = required("CHROME", "the path of a Chromium");
const OUT = process.env.GROKSCOPE_OUT ?? new URL("./test-results/", import.meta.url).pathname;
mkdirSync(OUT, { recursive: true });

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const FIXTURES = new URL("../fixtures/", import.meta.url).pathname;

function required(name, what) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: it names ${what}. \`cargo xtask test --only e2e-cpu\` sets everything.`);
  }
  return value;
}

/** The path of a screenshot or download. */
export function out(name) {
  return join(OUT, name);
}

/** The files of run-a. */
export function runA() {
  const folder = join(FIXTURES, "metrics/run-a");
  const steps = readdirSync(folder).filter((name) => /^step-\d+\.safetensors$/.test(name));
  return ["run.json", ...steps, "items-last.safetensors"].map((name) => join(folder, name));
}

/**
 * A browser. Requests of its pages and their workers to other machines go to a proxy that logs and refuses them; only this
 * machine is reached directly. The browser's own requests, such as update checks, resolve no host.
 */
export async function launch() {
  const log = await requestLog();
  const hardware = ["--use-angle=vulkan", "--enable-features=Vulkan", "--disable-vulkan-surface", "--ignore-gpu-blocklist"];
  const gpu = GPU ? ["--enable-unsafe-webgpu", ...(WEBGPU === "hardware" ? hardware : ["--use-webgpu-adapter=swiftshader"])] : [];
  // Features with which the browser sends requests of its own.
  const off = ["AutofillServerCommunication", "CertificateTransparencyComponentUpdater", "DestroyProfileOnBrowserClose",
    "InterestFeedContentSuggestions", "MediaRouter", "OptimizationHints", "Translate", ...(GPU ? [] : ["WebGPU", "WebGPUService"])];
  const browser = await chromium.launch({
    executablePath: CHROME,
    args: [
      "--no-sandbox", "--no-first-run", "--disable-dev-shm-usage", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      `--disable-features=${off.join()}`, ...gpu,
    ],
  });
  return {
    browser,
    /** The proxy settings of every profile. */
    proxy: { server: `http://127.0.0.1:${log.port}`, bypass: "127.0.0.1" },
    /** Requests to other machines so far. */
    outside: log.outside,
    async close() {
      await browser.close();
      await log.close();
    },
  };
}

/** A page in its own profile, with a record of its errors and requests. */
export async function open(session, { address = PAGE, context: options = {}, before } = {}) {
  const context = await session.browser.newContext({ proxy: session.proxy, serviceWorkers: "block", acceptDownloads: true, ...options });
  const requests = [];
  const wrong = [];
  context.on("request", (request) => requests.push(request.url()));
  context.on("weberror", (error) => wrong.push(`uncaught: ${error.error().stack ?? error.error()}`));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`);
    });
  });
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") {
      wrong.push(`console: ${message.text()}`);
    }
  });
  await before?.(page, context);
  await page.goto(address);
  return { page, context, requests, wrong };
}

/** Asserts that there were no hidden errors and no requests to other servers. */
export function clean(session, { requests, wrong }, { allow = [] } = {}) {
  assert.deepEqual(wrong.filter((line) => !allow.some((known) => known.test(line))), []);
  const { origin } = new URL(PAGE);
  const foreign = requests.filter((url) => !url.startsWith(origin + "/") && !/^(blob|data|about):/.test(url));
  assert.deepEqual(foreign, [], "the page sent requests elsewhere");
  assert.deepEqual(session.outside, [], "the browser sent requests elsewhere");
}

/** Finds an element by its test id. */
export function by(page, id) {
  return page.getByTestId(id);
}

/** Waits for the empty page, which is inert until the program has started. */
export async function empty(page) {
  await page.locator("#front:not([inert]) [data-testid=drop-zone]").waitFor();
}

/** Waits for the complete report. */
export async function finished(page, timeout = 60_000) {
  await page.locator("[data-testid=report][data-complete=true]").waitFor({ timeout });
}

/** Opens files through the hidden file input. */
export async function give(page, files) {
  await by(page, "file-input").setInputFiles(files);
}

/** Answers the question about a second run: the files are added to the run that is shown. */
export async function adding(page) {
  await by(page, "second-run-add").click();
  await by(page, "second-run").waitFor({ state: "hidden" });
}

/** The rows of the table of files: path, kind, step, state and messages. */
export function fileRows(page) {
  return page.locator("[data-testid=file-table] tbody tr").evaluateAll((rows) =>
    rows.map((row) => ({
      path: row.querySelector("th").textContent,
      kind: row.cells[1].textContent,
      step: row.querySelector("input")?.value,
      state: row.querySelector(".state").textContent,
      messages: [...row.querySelectorAll(".message")].map((message) => message.textContent),
    })),
  );
}

/** A safetensors file: `tensors` are `{ name, dtype, shape, data }` with `data` a typed array. */
export function safetensors(tensors, metadata = {}) {
  const header = { __metadata__: metadata };
  let end = 0;
  for (const { name, dtype, shape, data } of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const parts = tensors.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  return Buffer.concat([length, text, ...parts]);
}

/** A Grokscope trace of any size with random gates. Lower sharpness gives longer pathways. */
export function trace({ step, samples, layers, experts, domains = ["math", "code"], seed = step + 1, sharpness = 6, changed = {} }) {
  // A seeded generator, so that files are reproducible.
  let state = seed >>> 0;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const gates = new Float32Array(samples * layers * experts);
  for (let row = 0; row < samples * layers; row += 1) {
    const part = gates.subarray(row * experts, (row + 1) * experts);
    let sum = 0;
    for (let expert = 0; expert < experts; expert += 1) {
      part[expert] = random() ** sharpness;
      sum += part[expert];
    }
    for (let expert = 0; expert < experts; expert += 1) {
      part[expert] /= sum;
    }
  }
  const loss = Float32Array.from({ length: samples }, () => 0.5 + random() / (1 + step / 1000));
  const labels = Array.from({ length: samples }, (_, index) => ({ id: `s${index}`, domain: domains[index % domains.length] }));
  const metadata = { format: "grokscope.trace", version: "1", step: String(step), gate_kind: "softmax-mean", samples: JSON.stringify(labels) };
  const tensors = [
    { name: "gates", dtype: "F32", shape: [samples, layers, experts], data: gates },
    { name: "loss", dtype: "F32", shape: [samples], data: loss },
  ];
  return safetensors(changed.tensors?.(tensors) ?? tensors, { ...metadata, ...changed.metadata });
}

/** A page with work that takes minutes on any machine: a map of many long pathways, of which some are measured. */
export async function busy(session) {
  const opened = await open(session);
  const { page } = opened;
  await empty(page);
  const large = { samples: 6000, layers: 16, experts: 32, domains: ["all"], sharpness: 1 };
  await give(page, [1, 2].map((step) => made(`large-${step}.safetensors`, trace({ step, ...large }))));
  await finished(page, 120_000);
  await page.keyboard.press("m");
  await measuring(page);
  return opened;
}

/** Waits until some pairs of a map are measured. */
export async function measuring(page) {
  await by(page, "progress").filter({ hasText: /[1-9][\d,]* of [\d,]+ pairs/ }).waitFor({ timeout: 120_000 });
}

/** An in-memory file for the file input. */
export function made(name, buffer) {
  return { name, mimeType: "application/octet-stream", buffer };
}

/** A real drop event with files that are created in the page. */
export async function drop(page, files) {
  const transfer = await page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const { name, base64 } of files) {
      const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
      transfer.items.add(new File([bytes], name));
    }
    return transfer;
  }, files.map(({ name, content }) => ({ name, base64: Buffer.from(content).toString("base64") })));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    await page.dispatchEvent("body", kind, { dataTransfer: transfer });
  }
}

/**
 * A second server on this machine. `give` maps a path to its bytes, to `{ status, headers }`, or to nothing if there is
 * no such file. The server supports ranges and CORS unless disabled. `sent` logs the responses.
 */
export async function server(give, { ranges = true, readable = true } = {}) {
  const sent = [];
  const serving = http.createServer((request, answer) => {
    const { pathname } = new URL(request.url, "http://x");
    const given = give(pathname);
    if (readable) {
      answer.setHeader("Access-Control-Allow-Origin", "*");
      answer.setHeader("Access-Control-Expose-Headers", "Content-Range, Retry-After");
    }
    if (!Buffer.isBuffer(given)) {
      const { status, headers } = given ?? { status: 404 };
      sent.push({ path: pathname, bytes: 0 });
      answer.writeHead(status, headers);
      // The announced body is never sent.
      if (headers?.["Content-Length"] === undefined) {
        answer.end();
      } else {
        answer.flushHeaders();
      }
      return;
    }
    const [, first, last] = (ranges && /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "")) || [];
    const part = first === undefined ? given : given.subarray(Number(first), Number(last) + 1);
    sent.push({ path: pathname, bytes: part.length });
    if (first !== undefined) {
      answer.setHeader("Content-Range", `bytes ${first}-${Number(first) + part.length - 1}/${given.length}`);
    }
    answer.writeHead(first === undefined ? 200 : 206, { "Content-Type": "application/octet-stream" }).end(part);
  });
  await new Promise((resolve) => serving.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${serving.address().port}`,
    sent,
    async close() {
      serving.closeAllConnections();
      await new Promise((resolve) => serving.close(resolve));
    },
  };
}

/** Enters URLs in the dialog. */
export async function fromAddresses(page, addresses) {
  await page.getByRole("button", { name: "Load from URL" }).first().click();
  await page.locator("#addresses").fill(addresses.join("\n"));
  await by(page, "address-dialog").getByRole("button", { name: "Load" }).click();
}

/** Opens a view. */
export async function view(page, name) {
  await by(page, `view-${name}`).click();
}

/** Waits until there is a chart and all charts are drawn. */
export async function drawn(page) {
  await page.locator(".drawing svg").first().waitFor({ timeout: 30_000 });
  await page.waitForFunction(() => [...document.querySelectorAll(".drawing")].every((one) => one.querySelector("svg")), undefined, {
    timeout: 30_000,
  });
}

/** Saves a full-page screenshot for manual review. */
export async function picture(page, name) {
  await page.screenshot({ path: out(`${name}.png`), fullPage: true, animations: "disabled" });
}

/** Asserts that axe finds no violations. */
export async function accessible(page, what) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, impact, help, nodes }) => ({
      id, impact, help, where: nodes.slice(0, 5).map(({ html, failureSummary }) => `${html.slice(0, 160)}: ${failureSummary.slice(0, 300)}`),
    }));
  });
  assert.deepEqual(found, [], `axe on ${what}`);
}

/** The download that a button starts. If there is none, the error has what the page says. */
export async function downloaded(page, button) {
  try {
    // Waited for together, so that the error names the one that did not happen.
    const [download] = await Promise.all([page.waitForEvent("download", { timeout: 120_000 }), button.click({ timeout: 120_000 })]);
    return download;
  } catch (error) {
    const said = await page.locator("dialog[open] [role=status], [data-testid=errors], [data-testid=progress], [data-testid=backend-badge]").allTextContents();
    throw new Error(`${error.message}\nThe page says: ${said.join(" | ")}`, { cause: error });
  }
}

/** The report's JSON export. */
export async function exported(page) {
  await page.keyboard.press("d");
  const dialog = by(page, "export-dialog");
  await dialog.waitFor();
  const download = await downloaded(page, dialog.getByRole("button", { name: "Save JSON", exact: true }));
  await page.keyboard.press("Escape");
  return readFileSync(await download.path(), "utf8");
}

/** The link in the share dialog. */
export async function shared(page) {
  await by(page, "share").click();
  const field = by(page, "share-link");
  await field.waitFor();
  // A worker writes the link.
  await page.waitForFunction(() => document.querySelector("[data-testid=share-link]")?.value.includes("#r="));
  const link = await field.inputValue();
  await page.keyboard.press("Escape");
  return link;
}

/** A proxy of the page's server that can drop all connections, to simulate a lost network. */
export async function mirror() {
  const { hostname, port } = new URL(PAGE);
  let silent = false;
  const server = net.createServer((socket) => {
    if (silent) {
      socket.destroy();
      return;
    }
    const onward = net.connect(Number(port), hostname);
    socket.pipe(onward).pipe(socket);
    socket.on("error", () => onward.destroy());
    onward.on("error", () => socket.destroy());
    open.add(socket);
    // An upstream connection left open would keep the process alive.
    socket.on("close", () => {
      open.delete(socket);
      onward.destroy();
    });
  });
  const open = new Set();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = new URL(PAGE);
  address.port = String(server.address().port);
  return {
    address: address.href,
    silence() {
      silent = true;
      for (const socket of open) {
        socket.destroy();
      }
    },
    async close() {
      this.silence();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * A server of the page that prepends code to one of its scripts: Playwright cannot reach nested workers.
 */
export async function prefixed(name, code) {
  const { pathname, origin } = new URL(PAGE);
  const server = http.createServer(async (request, answer) => {
    const response = await fetch(origin + request.url);
    const body = Buffer.from(await response.arrayBuffer());
    const type = response.headers.get("content-type");
    answer.writeHead(response.status, type ? { "content-type": type } : {});
    answer.end(new URL(request.url, origin).pathname.endsWith(`/${name}`) ? code + body : body);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}${pathname}`,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
