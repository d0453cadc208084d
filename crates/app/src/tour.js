// The chart that a step of the tour is about: outlined, and scrolled to where neither the bar nor the tour covers it.

let marked;
let stopWatching = () => {};

// Outlines the chart with this id as soon as the view has it; an empty id removes the outline.
export function mark(chart) {
  stopWatching();
  marked?.classList.remove("toured");
  marked = undefined;
  if (chart === "") {
    return;
  }
  const id = CSS.escape(chart);
  const find = () => document.querySelector(`[data-testid="chart-${id}"], canvas[data-testid="${id}"]`);
  const show = () => {
    const found = find();
    if (found && (found !== marked || !found.classList.contains("toured"))) {
      marked?.classList.remove("toured");
      marked = found;
      found.classList.add("toured");
    }
    if (found) {
      reveal(found);
    }
  };
  // Charts above are drawn later and move this one. The user's first scroll or key ends this.
  const sizes = new ResizeObserver(show);
  const changes = new MutationObserver(show);
  const stop = () => {
    sizes.disconnect();
    changes.disconnect();
  };
  stopWatching = stop;
  sizes.observe(document.getElementById("main") ?? document.body);
  changes.observe(document.body, { childList: true, subtree: true });
  for (const input of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    addEventListener(input, stop, { once: true, capture: true, passive: true });
  }
  show();
}

function reveal(element) {
  const covered = (selector) => document.querySelector(selector)?.getBoundingClientRect();
  const bar = document.querySelector(".sticky");
  const top = bar && getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
  const bottom = covered(".tour")?.top ?? innerHeight;
  const box = element.getBoundingClientRect();
  if (box.top < top || box.bottom > bottom) {
    // Charts higher than the free part show their upper end.
    const free = Math.max(0, (bottom - top - box.height) / 2);
    scrollBy({ top: box.top - top - free, behavior: "instant" });
  }
}
