// A tab: functions that run in it, conditions that are waited for, clicks, and files.

/** How long a condition is waited for, in milliseconds: longer than any machine takes. */
const PATIENCE = 280_000;

const HANDLE = { resultOwnership: "root" };

/** Asks again until the answer is something else than nothing, and returns it. */
export async function until(ask, what) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await ask();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`not so after ${PATIENCE / 1000} s: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A tab of Firefox. */
export class Page {
  constructor(bidi, context) {
    this.bidi = bidi;
    this.context = context;
  }

  /** The value of a function that is called in the page; arguments and value are JSON. */
  async evaluate(what, ...given) {
    const json = await this.call(`async (given) => JSON.stringify(await (${what})(...JSON.parse(given)))`, [{ type: "string", value: JSON.stringify(given) }]);
    return json.type === "string" ? JSON.parse(json.value) : undefined;
  }

  /** Waits until a function that is called in the page returns something else than nothing, and returns that. */
  async until(what, { of = [] } = {}) {
    try {
      return await until(() => this.evaluate(what, ...of), `${what} of ${JSON.stringify(of)}`);
    } catch (error) {
      const words = await this.evaluate(() => document.body.innerText.slice(0, 4000)).catch(() => "nothing");
      throw new Error(`${error.message}. The page says:\n${words}`);
    }
  }

  /** Waits for an element. */
  async present(selector) {
    await this.until((selector) => document.querySelector(selector) !== null, { of: [selector] });
  }

  /** Waits for the page without files, which is inert until the program has started. */
  empty() {
    return this.present("[data-testid=drop-zone]:not([inert] *)");
  }

  /** Waits for the complete report. */
  finished() {
    return this.present("[data-testid=report][data-complete=true]");
  }

  /** Clicks the first element, or the first with that text, once it is there. */
  async click(selector, text) {
    const click = (selector, text) => {
      const found = [...document.querySelectorAll(selector)].find((element) => text === null || element.textContent.trim() === text);
      found?.click();
      return Boolean(found);
    };
    await this.until(click, { of: [selector, text ?? null] });
  }

  /** Presses a key. */
  async press(key) {
    const actions = ["keyDown", "keyUp"].map((type) => ({ type, value: key }));
    await this.bidi.send("input.performActions", { context: this.context, actions: [{ type: "key", id: "keyboard", actions }] });
  }

  /** Sets the files of a file input. */
  async give(selector, files) {
    const element = await this.call("(selector) => document.querySelector(selector)", [{ type: "string", value: selector }], HANDLE);
    await this.bidi.send("input.setFiles", { context: this.context, element: { sharedId: element.sharedId }, files });
  }

  async call(functionDeclaration, given, options = {}) {
    const { type, result, exceptionDetails } = await this.bidi.send("script.callFunction", {
      functionDeclaration, arguments: given, awaitPromise: true, target: { context: this.context }, ...options,
    });
    if (type === "exception") {
      throw new Error(`${exceptionDetails.text} in ${functionDeclaration}`);
    }
    return result;
  }
}
