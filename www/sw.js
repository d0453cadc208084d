// The service worker: after the first visit, the page works offline.
//
// It caches only the page's own files. Requests to other origins are not intercepted. Each build has its own cache; a
// new build fills a new cache and deletes the old one once no tab uses it.

// xtask/src/page/finish.rs writes these three.
const BUILD = "";
const FILES = [];
// Kept when they are first used, or when the page asks: the engine and the example run.
const MORE = [];

const PREFIX = "grokscope ";
const CACHE = PREFIX + BUILD;
const SCOPE = new URL("./", self.location);
// After this time without a response, the cached page is used.
const PATIENCE_MS = 4000;
// A range request for a file of the example run caches the whole file, up to this size.
const MAX_CACHED_BYTES = 32 * 1024 * 1024;

self.addEventListener("install", (event) => event.waitUntil(fill()));
self.addEventListener("activate", (event) => event.waitUntil(deleteOldCaches()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const isOwn = url.origin === SCOPE.origin && url.pathname.startsWith(SCOPE.pathname);
  if (request.method !== "GET" || !isOwn || BUILD === "") {
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

self.addEventListener("message", (event) => {
  const ask = event.data?.ask;
  const keep = () => keepMore().then(() => ({}), ({ message }) => ({ error: message }));
  const answer = { kept, keep, activate }[ask];
  if (answer) {
    event.waitUntil(answer().then((found) => event.ports[0]?.postMessage(found)));
  }
});

// Whether everything of a list is in the cache.
async function kept() {
  const cache = await caches.open(CACHE);
  const whole = async (files) => {
    const found = await Promise.all(files.map((file) => cache.match(new URL(file, SCOPE))));
    return files.length > 0 && found.every(Boolean);
  };
  return { build: BUILD, page: await whole(FILES), more: await whole(MORE) };
}

async function keepMore() {
  const cache = await caches.open(CACHE);
  for (const file of MORE) {
    const url = new URL(file, SCOPE);
    if (!(await cache.match(url))) {
      await cache.add(new Request(url, { cache: "reload" }));
    }
  }
}

// The user loads the new version. Another tab with the old one keeps its files until it is closed.
async function activate() {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const active = windows.filter(({ url }) => url.startsWith(SCOPE.href)).length <= 1;
  if (active) {
    await self.skipWaiting();
  }
  return { active };
}

async function fill() {
  const cache = await caches.open(CACHE);
  // Bypasses the browser's HTTP cache, which may have files of an older build.
  await cache.addAll(FILES.map((file) => new Request(new URL(file, SCOPE), { cache: "reload" })));
}

async function deleteOldCaches() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// A page: network first, so that a new build shows at once.
async function page(request) {
  const cached = (await cachedResponse(request)) ?? (await cachedResponse(new Request(SCOPE)));
  if (!cached) {
    return fetch(request);
  }
  const timeout = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, cached));
  const response = fetch(request).then((response) => (response.ok ? response : cached)).catch(() => cached);
  return Promise.race([response, timeout]);
}

// A file with a build in its URL never changes: cache first. The engine is cached here when it is first used.
async function fixed(request) {
  const cached = await cachedResponse(request);
  if (cached) {
    return cached;
  }
  const response = await fetch(request);
  if (response.ok) {
    const cache = await caches.open(CACHE);
    // If the cache is full, the file is fetched again next time.
    await cache.put(request, response.clone()).catch(() => {});
  }
  return response;
}

// A file whose URL is the same in every build: network first, with the cache as fallback.
async function fresh(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const cached = await cachedResponse(request);
    if (cached) {
      return part(cached, request.headers.get("range"));
    }
    throw error;
  }
}

// A file of the example run: cached on the first request.
async function example(request) {
  const range = request.headers.get("range");
  const cached = await cachedResponse(request);
  if (cached) {
    return part(cached, range);
  }
  const whole = await fetch(request.url, { cache: "no-cache" });
  const size = Number(whole.headers.get("content-length") ?? Infinity);
  if (whole.status !== 200 || size > MAX_CACHED_BYTES) {
    await whole.body?.cancel();
    return fetch(request);
  }
  const cache = await caches.open(CACHE);
  await cache.put(request.url, whole.clone());
  return part(whole, range);
}

async function cachedResponse(request) {
  const cache = await caches.open(CACHE);
  return cache.match(request.url);
}

// The requested range of a cached file, or the whole file without a `Range` header.
async function part(whole, range) {
  const requested = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  if (!requested) {
    return whole;
  }
  const bytes = await whole.blob();
  const start = Number(requested[1]);
  const end = requested[2] === "" ? bytes.size : Math.min(Number(requested[2]) + 1, bytes.size);
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
