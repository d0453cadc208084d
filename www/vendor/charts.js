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
    tooltip: (_handler, event, item, value) => tip.show(event, value, view),
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
  return new Chart(view, element, spec);
}

/** A drawn chart. */
class Chart {
  #view;
  #element;
  #spec;

  constructor(view, element, spec) {
    this.#view = view;
    this.#element = element;
    this.#spec = spec;
  }

  /**
   * Shows another specification in place if only values of parameters and rows of named data sets differ, which is many
   * times faster than drawing anew.
   *
   * @returns {Promise<boolean>} whether it did
   */
  async update(spec) {
    const before = this.#spec;
    if (structure(before) !== structure(spec)) {
      return false;
    }
    const view = this.#view;
    const differs = (one, other) => JSON.stringify(one) !== JSON.stringify(other);
    (spec.params ?? []).forEach(({ name, value }, at) => {
      if (value !== undefined && differs(value, before.params[at].value)) {
        view.signal(name, value);
      }
    });
    for (const [name, rows] of Object.entries(spec.datasets ?? {})) {
      if (differs(rows, before.datasets[name])) {
        view.data(name, structuredClone(rows));
      }
    }
    this.#spec = spec;
    tip.hide();
    await view.runAsync();
    return true;
  }

  /** Width of the space beside the lines, in CSS pixels. */
  room() {
    return this.#view.getState().signals.room ?? 0;
  }

  /** Draws lines up to a checkpoint, given by index; all of them if there is none. */
  async upto(checkpoint) {
    if (this.#view.getState().signals.upto !== undefined) {
      await this.#view.signal("upto", checkpoint ?? 2 ** 32).runAsync();
    }
  }

  /** Copies the chart as an image. */
  async copy() {
    if (!navigator.clipboard?.write || !globalThis.ClipboardItem) {
      throw new Error("this browser copies no images");
    }
    // Safari wants the promise, within the click.
    await navigator.clipboard.write([new ClipboardItem({ "image/png": this.png() })]);
  }

  /** Opens the chart in the Vega editor, a page of another site, which receives its data. */
  edit() {
    const editor = window.open(EDITOR);
    if (!editor) {
      throw new Error("the browser blocked the window");
    }
    const { origin } = new URL(EDITOR);
    const spec = JSON.stringify(this.#spec, null, 2);
    // Sent until the editor answers that it has the specification, for at most ten seconds.
    let left = 40;
    const answered = ({ source }) => {
      if (source === editor) {
        left = 0;
        window.removeEventListener("message", answered);
      }
    };
    window.addEventListener("message", answered);
    const timer = setInterval(() => {
      if (left-- <= 0) {
        clearInterval(timer);
        window.removeEventListener("message", answered);
        return;
      }
      editor.postMessage({ mode: "vega-lite", renderer: "svg", spec }, origin);
    }, 250);
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

const EDITOR = "https://vega.github.io/editor/";

// What a specification draws, without the values of its parameters and the rows of its named data sets.
function structure({ params, datasets, ...rest }) {
  return JSON.stringify([rest, params?.map(({ value, ...param }) => param), Object.keys(datasets ?? {})]);
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

  show(event, value, view) {
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
      term.append(...swatch(view, name), name);
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

const MARKERS = {
  square: "M-4-4H4V4H-4Z",
  diamond: "M0-5L4 0 0 5-4 0Z",
  "triangle-up": "M0-4L5 4H-5Z",
  "triangle-down": "M0 4L5-4H-5Z",
  "triangle-right": "M4 0L-4 5V-5Z",
  "triangle-left": "M-4 0L4 5V-5Z",
  cross: "M-1.5-5H1.5V-1.5H5V1.5H1.5V5H-1.5V1.5H-5V-1.5H-1.5Z",
};

// The dash and marker of a line with this name, if the chart has one.
function swatch(view, name) {
  const key = name.replace(/\u00a0$/, "");
  const look = (channel) => {
    try {
      const scale = view.scale(channel);
      return scale.domain().includes(key) ? scale(key) : undefined;
    } catch {
      return undefined;
    }
  };
  const [color, dash, shape] = ["color", "strokeDash", "shape"].map(look);
  if (typeof color !== "string") {
    return [];
  }
  const part = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.entries(attributes).forEach((attribute) => element.setAttribute(...attribute));
    return element;
  };
  const svg = part("svg", { class: "swatch", viewBox: "-15 -6 30 12", width: 30, height: 12, "data-shape": shape ?? "" });
  svg.style.marginRight = "0.4rem";
  svg.append(part("path", { d: "M-14 0H14", stroke: color, "stroke-width": 2, "stroke-dasharray": dash ?? "" }));
  svg.append(shape === "circle" ? part("circle", { r: 4, fill: color }) : part("path", { d: MARKERS[shape] ?? "", fill: color }));
  return [svg];
}

function box() {
  const box = document.createElement("div");
  box.className = "tip";
  box.setAttribute("role", "tooltip");
  Object.assign(box.style, {
    position: "fixed",
    zIndex: "10",
    pointerEvents: "none",
    maxWidth: "30rem",
    padding: "0.25rem 0.5rem",
    border: "1px solid var(--edge, #8a94a1)",
    borderRadius: "4px",
    background: "var(--ground, Canvas)",
    color: "var(--ink, CanvasText)",
    fontSize: "0.85rem",
  });
  return box;
}

// Menus close after a choice, a click elsewhere and Escape.
const MENUS = "details.menu[open]";
document.addEventListener("click", ({ target }) => {
  for (const menu of document.querySelectorAll(MENUS)) {
    if (!menu.contains(target) || target.closest?.("[role=menuitem], .menu-list > button")) {
      menu.open = false;
    }
  }
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(MENUS);
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.preventDefault();
    event.stopPropagation();
  }
}, true);

/**
 * Reports what is dragged, turned and pinched over the plots in an element. Nothing is drawn anew while the pointer moves.
 *
 * @param {HTMLElement} element with a plot `.over` in each `.stacked`, and a strip `.overview`
 * @param {(kind: "range" | "whole" | "zoom" | "reset", a: number, b: number) => void} send `range`: start and end as shares
 *   of the range shown; `whole`: as shares of the whole axis; `zoom`: a factor and the share that stays in place
 */
export function watch(element, send) {
  const share = ({ clientX }, box) => (clientX - box.left) / box.width;
  const clamped = (value) => Math.min(1, Math.max(0, value));
  const plot = ({ target, clientX, clientY }) => {
    const box = target.closest?.(".canvas")?.querySelector(".over")?.getBoundingClientRect();
    const inside = box && box.width > 0 && clientX >= box.left - 8 && clientX <= box.right + 8 && clientY >= box.top && clientY <= box.bottom;
    return inside ? box : undefined;
  };
  let drag;
  let dragged = false;

  const mark = (from, to) => {
    for (const over of element.querySelectorAll(".over")) {
      let band = over.querySelector(".brush");
      if (!band) {
        band = document.createElement("div");
        band.className = "brush";
        over.append(band);
      }
      band.style.left = `${100 * from}%`;
      band.style.width = `${100 * (to - from)}%`;
    }
  };
  const end = () => {
    element.querySelectorAll(".brush").forEach((band) => band.remove());
    drag = undefined;
  };

  element.addEventListener("pointerdown", (event) => {
    dragged = false;
    const strip = event.target.closest?.(".overview");
    const box = strip?.getBoundingClientRect() ?? plot(event);
    if (event.button !== 0 || !event.isPrimary || !box) {
      return;
    }
    drag = { box, x: event.clientX, on: strip ?? event.target.closest(".stacked"), start: share(event, box) };
    const shown = strip?.querySelector(".window");
    if (shown) {
      const from = parseFloat(shown.style.left) / 100;
      Object.assign(drag, { shown, from, to: from + parseFloat(shown.style.width) / 100 });
      const near = (edge) => Math.abs(drag.start - edge) * box.width < 8;
      drag.edge = near(drag.from) ? "from" : near(drag.to) ? "to" : "both";
      // A click beside the window moves it there.
      if (drag.edge === "both" && (drag.start < drag.from || drag.start > drag.to)) {
        drag.jump = drag.start - (drag.from + drag.to) / 2;
      }
      event.preventDefault();
    }
  });
  element.addEventListener("pointermove", (event) => {
    if (!drag || (!dragged && Math.abs(event.clientX - drag.x) < 5)) {
      return;
    }
    if (!dragged) {
      dragged = true;
      drag.on.setPointerCapture(event.pointerId);
    }
    const here = share(event, drag.box);
    if (!drag.shown) {
      const [from, to] = [clamped(drag.start), clamped(here)].sort((a, b) => a - b);
      mark(from, to);
      return;
    }
    const [from, to] = moved(here - drag.start);
    drag.shown.style.left = `${100 * from}%`;
    drag.shown.style.width = `${100 * (to - from)}%`;
  });
  const moved = (by) => {
    by += drag.jump ?? 0;
    const { from, to, edge } = drag;
    if (edge === "both") {
      const kept = Math.max(-from, Math.min(1 - to, by));
      return [from + kept, to + kept];
    }
    return edge === "from" ? [clamped(Math.min(from + by, to - 0.002)), to] : [from, clamped(Math.max(to + by, from + 0.002))];
  };
  element.addEventListener("pointerup", (event) => {
    if (!drag) {
      return;
    }
    const here = share(event, drag.box);
    if (drag.shown) {
      send("whole", ...moved(dragged ? here - drag.start : 0));
    } else if (dragged) {
      send("range", ...[clamped(drag.start), clamped(here)].sort((a, b) => a - b));
    }
    end();
  });
  element.addEventListener("pointercancel", end);
  // A drag is no click that selects a checkpoint.
  element.addEventListener("click", (event) => {
    if (dragged) {
      dragged = false;
      event.stopPropagation();
    }
  }, true);
  element.addEventListener("dblclick", (event) => {
    if (plot(event) || event.target.closest?.(".overview")) {
      send("reset", 0, 0);
    }
  });

  let factor = 1;
  element.addEventListener("wheel", (event) => {
    const box = (event.ctrlKey || event.metaKey) && plot(event);
    if (!box) {
      return;
    }
    event.preventDefault();
    // Pinches come as small steps, wheels as large ones.
    if (factor === 1) {
      setTimeout(() => {
        send("zoom", factor, clamped(share(event, box)));
        factor = 1;
      }, 50);
    }
    factor *= Math.exp(event.deltaY * (Math.abs(event.deltaY) < 40 ? 0.01 : 0.002));
  }, { passive: false });
}
