// Draws Vega-Lite specifications for the page. Written for Grokscope; the other scripts in this folder are Vega's.
//
// The content security policy forbids `eval`, so expressions are parsed to syntax trees and interpreted. Nothing is
// fetched: specifications contain their data, and every URL in one is refused.

const FILES = ["./vega.js", "./vega-lite.js"];
const address = new URL(import.meta.url);
const ofThisBuild = (file) => new URL(file + address.search, address).href;

let loading;

// Loads Vega for the first chart; after a failure, the next chart tries again.
function libraries() {
  loading ??= load().catch((error) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load() {
  for (const file of FILES) {
    await loadScript(ofThisBuild(file));
  }
  const { expressionInterpreter } = await import(ofThisBuild("./vega-interpreter.js"));
  return { vega: globalThis.vega, vegaLite: globalThis.vegaLite, expressionInterpreter };
}

function loadScript(src) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = src;
    script.onload = resolve;
    script.onerror = () => {
      script.remove();
      reject(new Error(`${src} could not be loaded`));
    };
    document.head.append(script);
  });
}

// A loader that refuses every URL.
const refuse = async () => {
  throw new Error("charts contain their data and load nothing");
};
const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };

/** Preloads Vega. A failure is reported by the first drawing. */
export function prepare() {
  libraries().catch(() => {});
}

let last = Promise.resolve();

/**
 * Resolves when it is the caller's turn to draw. A drawing takes a tenth of a second or more; between two drawings the
 * page handles input, and callers whose drawing is outdated can skip it.
 *
 * @returns {Promise<void>}
 */
export function turn() {
  last = last.then(() => new Promise((done) => setTimeout(done)));
  return last;
}

/**
 * Draws a specification into an element, replacing its content.
 *
 * @param {HTMLElement} element
 * @param {object} spec a Vega-Lite specification that contains its data
 * @returns {Promise<Chart>} once it is drawn
 */
export async function embed(element, spec) {
  const { vega, vegaLite, expressionInterpreter } = await libraries();
  const warnings = [];
  const logger = quiet(warnings);
  // Vega modifies the specification, so it gets a copy.
  const compiled = vegaLite.compile(structuredClone(spec), { logger }).spec;
  const view = new vega.View(vega.parse(compiled, undefined, { ast: true }), {
    expr: expressionInterpreter,
    loader,
    logger,
    renderer: "svg",
    hover: true,
    tooltip: (_handler, event, item, value) => tip.show(event, value),
  });
  try {
    element.replaceChildren();
    view.initialize(element);
    await view.runAsync();
  } catch (error) {
    view.finalize();
    throw error;
  }
  if (warnings.length > 0) {
    console.info("Vega:", ...warnings);
  }
  return new Chart(view, element);
}

/** A drawn chart. */
class Chart {
  #view;
  #element;

  constructor(view, element) {
    this.#view = view;
    this.#element = element;
  }

  /** The chart as SVG text. @returns {Promise<string>} */
  svg() {
    return this.#view.toSVG();
  }

  /** The chart as a PNG file, `scale` times its size on the page. @returns {Promise<Blob>} */
  async png(scale = 2) {
    const canvas = await this.#view.toCanvas(scale);
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the chart is too large for an image"))), "image/png");
    });
  }

  /** Sets the width of a responsive chart, in CSS pixels. */
  async resize(width) {
    if (width > 0 && this.#view.getState().signals.width !== undefined) {
      await this.#view.signal("width", width).runAsync();
    }
  }

  /** Sets a named parameter of the specification. */
  async setSignal(name, value) {
    await this.#view.signal(name, value).runAsync();
  }

  /** Removes the chart and frees its memory. */
  finalize() {
    tip.hide();
    this.#view.finalize();
    this.#element.replaceChildren();
  }
}

// Collects Vega's warnings, which are logged in one line.
function quiet(warnings) {
  const logger = {
    level: () => logger,
    error: (...words) => (warnings.push(...words), logger),
    warn: (...words) => (warnings.push(...words), logger),
    info: () => logger,
    debug: () => logger,
  };
  return logger;
}

// The tooltip with the values under the pointer. Text only: names of samples and files are never parsed as HTML.
const tip = {
  box: undefined,

  show(event, value) {
    const rows = Object.entries(value !== null && typeof value === "object" ? value : { "": value ?? "" });
    if (rows.every(([, text]) => text === "")) {
      this.hide();
      return;
    }
    this.box ??= box();
    const list = document.createElement("dl");
    list.style.margin = "0";
    for (const [name, text] of rows) {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const words = document.createElement("dd");
      term.textContent = name;
      words.textContent = String(text);
      Object.assign(row.style, { display: "flex", justifyContent: "space-between", gap: "1rem" });
      words.style.margin = "0";
      row.append(term, words);
      list.append(row);
    }
    this.box.replaceChildren(list);
    // Only descendants of an open dialog or full-screen element are visible.
    const host = event.target?.closest?.("dialog, :fullscreen") ?? document.body;
    host.append(this.box);
    this.place(event);
  },

  // Next to the pointer, on the side with enough room.
  place(event) {
    const gap = 14;
    const { width, height } = this.box.getBoundingClientRect();
    const fits = event.clientX + gap + width < window.innerWidth;
    const left = fits ? event.clientX + gap : event.clientX - gap - width;
    const top = Math.min(event.clientY + gap, window.innerHeight - height - 4);
    const { style } = this.box;
    style.left = `${Math.max(4, left)}px`;
    style.top = `${Math.max(4, top)}px`;
  },

  hide() {
    this.box?.remove();
  },
};

function box() {
  const box = document.createElement("div");
  box.className = "tip";
  box.setAttribute("role", "tooltip");
  Object.assign(box.style, {
    position: "fixed",
    zIndex: "10",
    pointerEvents: "none",
    maxWidth: "22rem",
    padding: "0.25rem 0.5rem",
    border: "1px solid var(--edge, #8a94a1)",
    borderRadius: "4px",
    background: "var(--ground, Canvas)",
    color: "var(--ink, CanvasText)",
    fontSize: "0.85rem",
  });
  return box;
}
