// The service worker: after the first visit the page opens without a network.
//
// It keeps the page's own files and nothing else. Requests to other origins are never touched: the browser makes
// them as if this file were not there. One cache belongs to one build; a new build fills its own and throws the old
// one away once no tab uses it.

// xtask/src/page/finish.rs writes these two.
const BUILD = "";
const FILES = [];

const PREFIX = "grokscope ";
const CACHE = PREFIX + BUILD;
const SCOPE = new URL("./", self.location);
// A network that has not answered a page by then is treated as absent.
const PATIENCE_MS = 4000;
// Files of the example run are kept whole when a part of one is asked for; larger files are not.
const KEPT_WHOLE_BYTES = 32 * 1024 * 1024;

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const ours = url.origin === SCOPE.origin && url.pathname.startsWith(SCOPE.pathname);
  if (request.method !== "GET" || !ours || BUILD === "") {
    return;
  }
  if (request.mode === "navigate") {
    event.respondWith(page(request));
  } else if (url.searchParams.has("v")) {
    event.respondWith(fixed(request));
  } else if (url.pathname.startsWith(SCOPE.pathname + "example/")) {
    event.respondWith(example(request));
  } else {
    event.respondWith(fresh(request));
  }
});

async function fill() {
  const cache = await caches.open(CACHE);
  // Past the browser's own cache, which may hold files of an older build.
  await cache.addAll(FILES.map((file) => new Request(new URL(file, SCOPE), { cache: "reload" })));
}

async function takeOver() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// A page: from the network while there is one, so that a new build shows at once.
async function page(request) {
  const kept = (await keptAnswer(request)) ?? (await keptAnswer(new Request(SCOPE)));
  if (!kept) {
    return fetch(request);
  }
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  const answer = fetch(request).then((answer) => (answer.ok ? answer : kept)).catch(() => kept);
  return Promise.race([answer, late]);
}

// A file whose address names its build never changes. One that was not kept from the start (the engine) is kept now.
async function fixed(request) {
  const kept = await keptAnswer(request);
  if (kept) {
    return kept;
  }
  const answer = await fetch(request);
  if (answer.ok) {
    const cache = await caches.open(CACHE);
    // A full disk only means that it is fetched again the next time.
    await cache.put(request, answer.clone()).catch(() => {});
  }
  return answer;
}

// A file whose address stays the same from build to build: the kept one only where there is no network.
async function fresh(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await keptAnswer(request);
    if (kept) {
      return part(kept, request.headers.get("range"));
    }
    throw error;
  }
}

// A file of the example run: kept when first asked for.
async function example(request) {
  const range = request.headers.get("range");
  const kept = await keptAnswer(request);
  if (kept) {
    return part(kept, range);
  }
  const whole = await fetch(request.url, { cache: "no-cache" });
  const size = Number(whole.headers.get("content-length") ?? Infinity);
  if (whole.status !== 200 || size > KEPT_WHOLE_BYTES) {
    await whole.body?.cancel();
    return fetch(request);
  }
  const cache = await caches.open(CACHE);
  await cache.put(request.url, whole.clone());
  return part(whole, range);
}

async function keptAnswer(request) {
  const cache = await caches.open(CACHE);
  return cache.match(request.url);
}

// The part of a whole file that a `Range` header asks for; the file as it is where there is no such header.
async function part(whole, range) {
  const asked = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  if (!asked) {
    return whole;
  }
  const bytes = await whole.blob();
  const start = Number(asked[1]);
  const end = asked[2] === "" ? bytes.size : Math.min(Number(asked[2]) + 1, bytes.size);
  if (start >= end) {
    return new Response(null, { status: 416, headers: { "content-range": `bytes */${bytes.size}` } });
  }
  const headers = {
    "content-range": `bytes ${start}-${end - 1}/${bytes.size}`,
    "content-length": String(end - start),
    "content-type": whole.headers.get("content-type") ?? "application/octet-stream",
    "accept-ranges": "bytes",
  };
  return new Response(bytes.slice(start, end), { status: 206, headers });
}
