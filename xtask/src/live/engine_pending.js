// Only on pages of `cargo xtask serve` and `cargo xtask dev`: waits until the engine is built.
for (let engine; engine !== "ready"; ) {
  const answer = await fetch(new URL("./live.json", import.meta.url), { cache: "no-store" });
  ({ engine } = await answer.json());
  const refused = {
    absent: "this page was built without the checkpoint engine; start `cargo xtask dev --engine`",
    failed: "the checkpoint engine could not be built; see the terminal",
  }[engine];
  if (refused) {
    // Outside the module: only then the worker's owner gets an error event with this text.
    setTimeout(() => { throw new Error(refused); });
    await new Promise(() => {});
  }
  if (engine === "building") {
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

