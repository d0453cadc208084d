// Draws Vega-Lite specifications for the page. Written for Grokscope; the scripts beside it are Vega's own.
//
// Everything runs under a policy without `eval`: specifications are parsed to syntax trees and interpreted. Nothing is
// ever fetched: a specification carries its data, and every address in one is refused.

const FILES = ["./vega.js", "./vega-lite.js"];
const address = new URL(import.meta.url);
const ofThisBuild = (file) => new URL(file + address.search, address).href;

let loading;

// Loads Vega when the first chart is drawn; where that fails, the next chart tries again.
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

// A loader that loads nothing.
const refuse = async () => {
  throw new Error("a chart carries its data and loads nothing");
};
const loader = { load: refuse, sanitize: refuse, http: refuse, file: refuse };

/** Loads what drawing needs, before there is anything to draw. A failure comes back with the first drawing. */
export function prepare() {
  libraries().catch(() => {});
}

let last = Promise.resolve();

/**
 * Resolves when it is the caller's turn to draw. A drawing takes a tenth of a second or more: between two of them keys
 * and pointer are heard, and whoever waited for a drawing that is no longer wanted can give its turn up.
 *
 * @returns {Promise<void>}
 */
export function turn() {
  last = last.then(() => new Promise((done) => setTimeout(done)));
  return last;
}

/**
 * Draws a specification into an element, in place of what is there.
 *
 * @param {HTMLElement} element
 * @param {object} spec a Vega-Lite specification with its data in it
 * @returns {Promise<Chart>} once it is drawn
 */
export async function embed(element, spec) {
  const { vega, vegaLite, expressionInterpreter } = await libraries();
  const warnings = [];
  const logger = quiet(warnings);
  // The page lets go of its own object; Vega changes what it is given.
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

  /** The drawing as the text of an SVG file. @returns {Promise<string>} */
  svg() {
    return this.#view.toSVG();
  }

  /** The drawing as a PNG file, `scale` times its size on the page. @returns {Promise<Blob>} */
  async png(scale = 2) {
    const canvas = await this.#view.toCanvas(scale);
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the drawing is too large for a picture"))), "image/png");
    });
  }

  /** Gives a drawing that follows its container a new width, in CSS pixels. */
  async resize(width) {
    if (width > 0 && this.#view.getState().signals.width !== undefined) {
      await this.#view.signal("width", width).runAsync();
    }
  }

  /** Sets a named parameter of the specification. */
  async setSignal(name, value) {
    await this.#view.signal(name, value).runAsync();
  }

  /** Takes the drawing away and lets go of its memory. */
  finalize() {
    tip.hide();
    this.#view.finalize();
    this.#element.replaceChildren();
  }
}

// What Vega warns of goes to the console in one line, for whoever writes specifications.
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

// One small box for the values under the pointer. Text only, whatever a sample or a file is called.
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
    // Inside a dialog or a full-screen element nothing outside of it is seen.
    const host = event.target?.closest?.("dialog, :fullscreen") ?? document.body;
    host.append(this.box);
    this.place(event);
  },

  // Beside the pointer, on the side where there is room.
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
