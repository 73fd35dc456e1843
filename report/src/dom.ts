// Makes elements. What comes from files gets into the page as text alone.

type Child = Node | string | null | undefined | false;

export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name, attributes: Record<string, string> = {}, ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  for (const child of children) if (child) made.append(child);
  return made;
}

/** A text in which `backticks` mark what is to be typed. */
export function prose(text: string): Child[] {
  return text.split("`").map((part, i) => (i % 2 === 1 ? element("code", {}, part) : part));
}

export function button(text: string, label: string, act: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", title: label, "aria-label": label }, text);
  made.addEventListener("click", act);
  return made;
}

/** A table whose first column is its rows' heading. */
export function table(caption: string, head: string[], rows: string[][]): HTMLElement {
  return element("div", { class: "scroll" },
    element("table", {},
      element("caption", {}, caption),
      element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
      element("tbody", {}, ...rows.map((cells) => element("tr", {},
        ...cells.map((text, i) => i === 0 ? element("th", { scope: "row" }, text) : element("td", {}, text)))))));
}
