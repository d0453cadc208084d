// Follows the files of a folder: one that a server lists, by its events and by asking again, or one of this machine that
// the user chose.

let end = () => {};
// The folder of this machine that the user chose, and its files by their paths.
let chosen;
let handles = new Map();

// Names of files that are not finished, as `grokscope watch` has them.
const UNFINISHED = [".tmp", ".part", ".partial", ".incomplete", ".crdownload"];
// What `grokscope watch` writes into a folder.
const WRITTEN = ["report.json", "index.json", "events.jsonl"];
// A file that changed in the last seconds is read once a second look finds it the same.
const SETTLED_MS = 10_000;
const MOST_FILES = 10_000;
const DEEPEST = 4;

export function stop() {
  end();
}

// Asks for a folder. Its name; nothing if the user chose none.
export async function choose() {
  if (!("showDirectoryPicker" in globalThis)) {
    throw new Error("this browser cannot look into a folder again; Chrome and Edge can, and so can `grokscope watch`");
  }
  try {
    chosen = await showDirectoryPicker({ id: "traces" });
    return chosen.name;
  } catch (error) {
    if (error.name === "AbortError") {
      return undefined;
    }
    throw error;
  }
}

// The files at these paths of the chosen folder.
export function read(paths) {
  return Promise.all(paths.map((path) => handles.get(path).getFile()));
}

// Calls `tell` with the addresses in the list of a server and when each was changed (seconds; none if unknown), or with
// what failed. Without a folder, with the paths in the folder that the user chose.
export function follow(folder, seconds, tell) {
  end();
  let ended = false;
  let looking = Promise.resolve();
  const lookAgain = () => (looking = looking.then(look));
  const source = folder ? served(new URL("index.json", folder), lookAgain) : onDisk(chosen);
  const look = async () => {
    try {
      const { names, times, title } = await source.list();
      if (!ended) {
        tell(names, times, title, "");
      }
    } catch (error) {
      if (!ended) {
        tell([], [], "", error.message || String(error));
      }
    }
  };
  const timer = setInterval(lookAgain, seconds * 1000);
  end = () => {
    ended = true;
    clearInterval(timer);
    source.close();
    end = () => {};
  };
  lookAgain();
}

// The list of a server; `changed` is called when the server tells of a change.
function served(index, changed) {
  let events;
  const list = async () => {
    const answer = await fetch(index, { cache: "no-cache" });
    if (!answer.ok) {
      throw new Error(`the server answered with status ${answer.status}`);
    }
    const list = await answer.json();
    const names = Array.isArray(list) ? list : list.files;
    if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) {
      throw new Error("it lists no files");
    }
    const addresses = names.map((name) => new URL(name, index).href);
    // Files on other servers were not named by the user.
    const inside = addresses.map((address) => address.startsWith(new URL(".", index).href));
    const own = (values) => values.filter((_, at) => inside[at]);
    const times = Array.isArray(list.modified) && list.modified.length === names.length ? list.modified.map(Number) : [];
    if (!events && typeof list.events === "string") {
      const address = new URL(list.events, index);
      if (address.origin === index.origin) {
        events = new EventSource(address);
        events.onmessage = changed;
      }
    }
    return { names: own(addresses), times: times.length > 0 ? own(times) : [], title: String(list.title ?? "") };
  };
  return { list, close: () => events?.close() };
}

// The finished files of a folder of this machine.
function onDisk(folder) {
  let before = new Map();
  const list = async () => {
    const found = new Map();
    await walk(folder, "", 1, found);
    const now = new Map();
    const names = [];
    const times = [];
    for (const [path, handle] of found) {
      const { size, lastModified } = await handle.getFile();
      const state = `${size} ${lastModified}`;
      now.set(path, state);
      if (Date.now() - lastModified > SETTLED_MS || before.get(path) === state) {
        names.push(path);
        times.push(lastModified / 1000);
      }
    }
    before = now;
    handles = found;
    return { names, times, title: folder.name };
  };
  return { list, close: () => {} };
}

async function walk(folder, path, depth, found) {
  for await (const [name, handle] of folder.entries()) {
    if (name.startsWith(".") || UNFINISHED.some((ending) => name.endsWith(ending))) {
      continue;
    }
    if (handle.kind === "directory") {
      if (depth < DEEPEST) {
        await walk(handle, `${path}${name}/`, depth + 1, found);
      }
    } else if (depth > 1 || !WRITTEN.includes(name)) {
      if (found.size >= MOST_FILES) {
        throw new Error(`it has more than ${MOST_FILES} files`);
      }
      found.set(path + name, handle);
    }
  }
}
