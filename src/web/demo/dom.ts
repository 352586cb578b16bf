/** Elements of the demo's page: found by id, made with attributes and children. */
import { assert } from "../../base/assert.js";

type Attributes = Readonly<Record<string, string>>;

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  assert(found !== null, `the page has no element "${id}"`);
  return found as T;
}

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(name: string, attributes: Attributes, ...children: (Node | string)[]): Element {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** 12345 → "12,345". */
export function count(value: number): string {
  return value.toLocaleString("en");
}
