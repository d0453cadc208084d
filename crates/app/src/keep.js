// Runs that this browser keeps in the page's private file system (OPFS): one folder per run with its report, its small
// files, and `about.json`, which names them. Contents are never overwritten: `about.json` is written after new ones, so
// that an interrupted save leaves the run as it was, and what it no longer names is removed after that.

const FOLDER = "runs";
const MOST_RUNS = 8;
// Files are kept if all of a run's have at most this many bytes together.
const MOST_BYTES = 256 * 1024 * 1024;

// Bytes that are written at once. The browser does not say how much room there is (its estimate of the quota is coarse), but
// a write that fails shows it to within a piece.
const PIECE = 1024 * 1024;

// Changes are made one after the other.
let turn = Promise.resolve();
function inTurn(work) {
  const done = turn.then(work);
  turn = done.catch(() => {});
  return done;
}

export function available() {
  return Boolean(globalThis.isSecureContext && navigator.storage?.getDirectory && globalThis.FileSystemFileHandle?.prototype.createWritable);
}

async function folder() {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}

// Writes a file; `done` is told of every piece that found room.
async function write(place, name, content, done) {
  const handle = await place.getFileHandle(name, { create: true });
  const stream = await handle.createWritable();
  try {
    for (let from = 0; from < content.size; from += PIECE) {
      const piece = content.slice(from, from + PIECE);
      await stream.write(piece);
      done(piece.size);
    }
    await stream.close();
  } catch (error) {
    await stream.abort().catch(() => {});
    throw error;
  }
}

async function text(place, name) {
  const handle = await place.getFileHandle(name);
  return (await handle.getFile()).text();
}

async function entries(place) {
  const names = [];
  for await (const name of place.keys()) {
    names.push(name);
  }
  return names;
}

// When a file was changed last. Traces that were computed here have no such time; theirs is when they were first kept.
const firstKept = new WeakMap();
function modified(file) {
  if (file.lastModified === undefined && !firstKept.has(file)) {
    firstKept.set(file, Date.now());
  }
  return file.lastModified ?? firstKept.get(file);
}

// Removes what an interrupted save has written, which would take the room that the next attempt needs.
async function discard(runs, id, written) {
  const place = await runs.getDirectoryHandle(String(id)).catch(() => undefined);
  for (const name of written) {
    await place?.removeEntry(name).catch(() => {});
  }
  if (place && (await entries(place)).length === 0) {
    await runs.removeEntry(String(id)).catch(() => {});
  }
}

export function save(id, [title, facts, report], paths, files, urls) {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const kept = total <= MOST_BYTES ? files : [];
  return inTurn(async () => {
    const runs = await folder();
    for (;;) {
      let written = [];
      let [found, needed] = [0, 0];
      const put = (place, name, content) => write(place, name, content, (bytes) => (found += bytes));
      try {
        const place = await runs.getDirectoryHandle(String(id), { create: true });
        const old = await text(place, "about.json").then(JSON.parse).catch(() => undefined);
        const saved = Math.max(Date.now(), (Number(old?.saved) || 0) + 1);
        const stamps = kept.map((file, at) => [paths[at], file.size, modified(file)].join("\n"));
        const names = stamps.map((stamp, at) => old?.names?.[old?.stamps?.indexOf(stamp) ?? -1] ?? `${saved}-${at}`);
        const fresh = kept.map((file, at) => [names[at], file]).filter(([name], at) => name === `${saved}-${at}`);
        const reportName = `${saved}.json`;
        fresh.push([reportName, new Blob([report])]);
        const about = { title, facts, urls, stamps, names, reportName, saved, paths: kept.length > 0 ? paths : [], bytes: total + report.length };
        fresh.push(["about.json", new Blob([JSON.stringify(about)])]);
        needed = fresh.reduce((sum, [, content]) => sum + content.size, 0);
        for (const [name, content] of fresh) {
          // A description that is there stays until it is replaced whole.
          if (name !== "about.json" || old === undefined) {
            written.push(name);
          }
          await put(place, name, content);
        }
        written = [];
        const named = new Set([...names, reportName, "about.json"]);
        for (const name of await entries(place)) {
          if (!named.has(name)) {
            await place.removeEntry(name).catch(() => {});
          }
        }
        break;
      } catch (error) {
        await discard(runs, id, written);
        const others = (await read(runs)).filter((run) => run.id !== id);
        if (error.name !== "QuotaExceededError" || others.length === 0) {
          throw error;
        }
        const taken = await Promise.all(others.map(async ({ id }) => size(await runs.getDirectoryHandle(String(id)))));
        // Not even with all of them gone would it fit.
        if (needed > taken.reduce((sum, bytes) => sum + bytes, found + PIECE)) {
          throw error;
        }
        await runs.removeEntry(String(others.at(-1).id), { recursive: true });
      }
    }
    for (const { id } of (await read(runs)).slice(MOST_RUNS)) {
      await runs.removeEntry(String(id), { recursive: true });
    }
  });
}

// Bytes of all files of a run.
async function size(place) {
  let sum = 0;
  for await (const handle of place.values()) {
    sum += handle.kind === "file" ? (await handle.getFile()).size : 0;
  }
  return sum;
}

// All runs, newest first; `broken` are those that cannot be opened.
async function read(runs) {
  const found = [];
  for await (const [name, place] of runs.entries()) {
    const id = Number(name);
    if (place.kind !== "directory" || !(id > 0) || String(id) !== name) {
      continue;
    }
    let about = {};
    try {
      about = JSON.parse(await text(place, "about.json")) ?? {};
    } catch {
      // Listed as broken.
    }
    const list = (value) => Array.isArray(value) && value.every((one) => typeof one === "string");
    const words = [about.title, about.facts, about.reportName].every((one) => typeof one === "string");
    const broken = !words || ![about.paths, about.urls, about.names].every(list) || about.names.length !== about.paths.length;
    const saved = Number(about.saved) || 0;
    found.push({ ...about, id, broken, saved, when: saved > 0 ? new Date(saved).toLocaleString() : "" });
  }
  return found.sort((a, b) => b.saved - a.saved || b.id - a.id);
}

export async function list() {
  return read(await folder());
}

export async function load(id) {
  const runs = await folder();
  const about = (await read(runs)).find((run) => run.id === id);
  if (!about || about.broken) {
    throw new Error("its description is missing or not valid");
  }
  const place = await runs.getDirectoryHandle(String(id));
  const files = await Promise.all(about.paths.map(async (path, at) => {
    const handle = await place.getFileHandle(about.names[at]);
    const lastModified = Number(String(about.stamps?.[at] ?? "").split("\n").at(-1)) || 0;
    return new File([await handle.getFile()], path.split("/").at(-1), { lastModified });
  }));
  return { ...about, files, report: await text(place, about.reportName) };
}

/** The reports of all runs that can be opened, newest first; empty where a report cannot be read. */
export async function reports() {
  const runs = await folder();
  const found = (await read(runs)).filter((run) => !run.broken);
  return Promise.all(found.map(async ({ id, reportName }) => text(await runs.getDirectoryHandle(String(id)), reportName).catch(() => "")));
}

export function remove(id) {
  return inTurn(async () => {
    if (id > 0) {
      await (await folder()).removeEntry(String(id), { recursive: true });
    } else {
      const root = await navigator.storage.getDirectory();
      await root.removeEntry(FOLDER, { recursive: true });
    }
  });
}

export async function usage() {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate();
  const size = (bytes) => bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
  return `${size(usage)} used, ${size(Math.max(quota - usage, 0))} available`;
}
