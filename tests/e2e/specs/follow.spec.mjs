// A run that is being trained: files appear in a folder while the page is open.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { PAGE, accessible, by, clean, exported, fileRows, finished, launch, open, server, trace } from "../harness.mjs";

let session;
before(async () => (session = await launch()));
after(() => session.close());

const at = (step) => trace({ step, samples: 40, layers: 2, experts: 8 });

/** `grokscope watch` on a folder; `said` is what it printed so far. */
async function watching(folder) {
  const cli = spawn(process.env.GROKSCOPE_CLI, ["watch", folder, "--page", process.env.GROKSCOPE_BUILT, "--port", "0", "--every", "1"]);
  const watch = { cli, said: "" };
  const more = [];
  for (const stream of [cli.stdout, cli.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      watch.said += text;
      more.splice(0).forEach((look) => look());
    });
  }
  watch.until = async (pattern) => {
    while (!pattern.test(watch.said)) {
      await new Promise((resolve, reject) => {
        more.push(resolve);
        cli.once("exit", (code) => reject(new Error(`it ended with ${code}: ${watch.said}`)));
      });
    }
    return pattern.exec(watch.said);
  };
  watch.end = async () => {
    const gone = new Promise((resolve) => cli.once("exit", resolve));
    cli.kill();
    await gone;
  };
  return watch;
}

/** Waits until the page shows a report of this many checkpoints. */
async function checkpoints(page, number) {
  await page.waitForFunction((number) => {
    const slider = document.querySelector("[data-testid=report][data-complete=true] .sticky input[type=range]");
    return slider && Number(slider.max) === number - 1;
  }, number, { timeout: 120_000 });
}

test("a folder that grows is followed from its first checkpoints", async () => {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  writeFileSync(join(folder, "step-100.safetensors"), at(100));
  writeFileSync(join(folder, "step-200.safetensors"), at(200));
  // Half of a file, as a writer leaves it that does not rename.
  const third = at(300);
  writeFileSync(join(folder, "step-300.safetensors"), third.subarray(0, third.length / 2));
  const watch = await watching(folder);
  const [address] = await watch.until(/http:\S+/);
  await watch.until(/step 200 \(2 checkpoints\): \S/);
  const own = { ...session };
  const opened = await open(own, { address });
  const { page } = opened;
  await checkpoints(page, 2);
  assert.match(await by(page, "followed").textContent(), /Following http:\/\/127.0.0.1:\d+\/run\//);
  await accessible(page, "a followed run");
  // The file is complete now, and another one arrives whole.
  writeFileSync(join(folder, "step-300.safetensors"), third);
  await watch.until(/step 300 \(3 checkpoints\): \S/);
  await checkpoints(page, 3);
  assert.deepEqual((await fileRows(page)).map(({ state }) => state), ["used", "used", "used"]);
  // Frozen for a talk: new files wait.
  await by(page, "pause-following").click();
  writeFileSync(join(folder, "step-400.safetensors.tmp"), at(400));
  renameSync(join(folder, "step-400.safetensors.tmp"), join(folder, "step-400.safetensors"));
  await by(page, "followed").filter({ hasText: "New files: 1." }).waitFor();
  await checkpoints(page, 3);
  await by(page, "pause-following").click();
  await checkpoints(page, 4);
  await watch.until(/step 400 \(4 checkpoints\): \S/);
  // The report beside the traces is the page's.
  const { checkpoints: listed, courses } = JSON.parse(readFileSync(join(folder, "report.json"), "utf8"));
  const here = JSON.parse(await exported(page));
  assert.deepEqual(here.checkpoints.map(({ step }) => step), listed.map(({ step }) => step));
  assert.deepEqual(here.courses, courses);
  // After a reload the page follows again.
  await page.reload();
  await checkpoints(page, 4);
  await by(page, "followed").waitFor();
  await page.getByRole("button", { name: "Stop following" }).click();
  await by(page, "followed").waitFor({ state: "detached" });
  assert.doesNotMatch(page.url(), /watch=/);
  const { origin } = new URL(address);
  assert.deepEqual(opened.requests.filter((url) => !url.startsWith(origin + "/") && !/^(blob|data|about):/.test(url)), []);
  assert.deepEqual(opened.wrong, []);
  await opened.context.close();
  await watch.end();
  rmSync(folder, { recursive: true });
});

test("the server answers only under the names of this machine", async () => {
  const folder = mkdtempSync(join(tmpdir(), "grokscope-"));
  const watch = await watching(folder);
  const [, origin] = await watch.until(/(http:\/\/127.0.0.1:\d+)\//);
  const { default: http } = await import("node:http");
  const status = (host, path) =>
    new Promise((resolve) => http.get(origin + path, { headers: { Host: host } }, (answer) => resolve(answer.resume().statusCode)));
  assert.equal(await status("127.0.0.1", "/run/index.json"), 200);
  assert.equal(await status("attacker.example", "/run/index.json"), 403);
  assert.equal(await status("localhost", "/run/../../etc/passwd"), 404);
  assert.equal(await status("localhost", "/"), 200);
  await watch.end();
  rmSync(folder, { recursive: true });
});

test("a folder on another server is followed after a question, and waited for while it cannot be reached", async () => {
  const files = new Map([100, 200].map((step) => [`/run/step-${step}.safetensors`, at(step)]));
  let gone = false;
  const list = () => Buffer.from(JSON.stringify([...files.keys()].map((path) => path.replace("/run/", ""))));
  const other = await server((path) => (gone ? { status: 503 } : path === "/run/index.json" ? list() : files.get(path)));
  const opened = await open(session, { address: `${PAGE}#src=${other.address}/run/&watch=1` });
  const { page } = opened;
  const dialog = page.locator("#source-dialog");
  await dialog.filter({ hasText: "asked for new files every 1 s" }).waitFor();
  assert.deepEqual(other.sent, [], "nothing is sent before the answer");
  await dialog.getByRole("button", { name: "Load" }).click();
  await checkpoints(page, 2);
  gone = true;
  await by(page, "followed").filter({ hasText: "cannot be reached (the server answered with status 503)" }).waitFor();
  files.set("/run/step-300.safetensors", at(300));
  gone = false;
  await checkpoints(page, 3);
  await by(page, "followed").filter({ hasNotText: "cannot be reached" }).waitFor();
  await page.getByRole("button", { name: "Stop following" }).click();
  await by(page, "followed").waitFor({ state: "detached" });
  await opened.context.close();
  await other.close();
});

test("a folder of this machine is followed, and its name stays out of the address", async () => {
  // The browser's own folder dialog cannot be operated; a folder of the page's storage is the same to the page.
  const choose = (page) => page.addInitScript(() => {
    globalThis.showDirectoryPicker = async () => (await navigator.storage.getDirectory()).getDirectoryHandle("private-run", { create: true });
  });
  const opened = await open(session, { before: choose });
  const { page } = opened;
  const put = (name, bytes) => page.evaluate(async ([name, bytes]) => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle("private-run", { create: true });
    const file = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await file.write(Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0)));
    await file.close();
  }, [name, bytes.toString("base64")]);
  await put("step-100.safetensors", at(100));
  await put("step-200.safetensors", at(200));
  await put("step-300.safetensors.tmp", at(300));
  await put("report.json", Buffer.from("{}"));
  await page.getByRole("button", { name: "Follow folder" }).click();
  await checkpoints(page, 2);
  await by(page, "followed").filter({ hasText: "Following the folder private-run: last file" }).waitFor();
  assert.doesNotMatch(page.url(), /private|watch|src/);
  await accessible(page, "a followed folder of this machine");
  await put("step-300.safetensors", at(300));
  await checkpoints(page, 3);
  assert.deepEqual((await fileRows(page)).map(({ path, state }) => `${path} ${state}`), [100, 200, 300].map((step) => `step-${step}.safetensors used`));
  // What waits while frozen is read when it is resumed.
  await by(page, "pause-following").click();
  await put("step-400.safetensors", at(400));
  await by(page, "followed").filter({ hasText: "New files: 1." }).waitFor();
  await by(page, "pause-following").click();
  await checkpoints(page, 4);
  await page.getByRole("button", { name: "Stop following" }).click();
  await by(page, "followed").waitFor({ state: "detached" });
  clean(session, opened);
  await opened.context.close();
});
