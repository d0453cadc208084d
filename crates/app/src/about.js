// Puts the text on the example run, which is a page of its own, into an element.

export async function about(into) {
  const answer = await fetch("./example.html");
  if (!answer.ok) {
    throw new Error(`the server answered with status ${answer.status}`);
  }
  const { body } = new DOMParser().parseFromString(await answer.text(), "text/html");
  const text = body.querySelector("main");
  // Its way back to this page, its contents, and its heading, which the dialog has.
  for (const part of text.querySelectorAll(":scope > p:first-child, :scope > nav, h1")) {
    part.remove();
  }
  for (const link of text.querySelectorAll("a[href]")) {
    link.target = "_blank";
    link.rel = "noreferrer";
  }
  for (const part of text.querySelectorAll("[id]")) {
    part.removeAttribute("id");
  }
  into.replaceChildren(...text.childNodes);
}
