import { h, options, type VNode } from "preact";
import { expect, test } from "vitest";
import { showTurningCharacters } from "./direction";

test("a name that turns the direction of its text is drawn with what turns it", () => {
  showTurningCharacters();
  const name = "photo\u202egnp.exe";
  const drawn = "photo⟨U+202E⟩gnp.exe";
  const text = { type: null, props: name }; // as Preact makes it of a text
  options.vnode?.(text as unknown as VNode);
  expect(text.props).toBe(drawn);
  expect(h("td", { title: name }).props.title).toBe(drawn);
  expect(h("input", { value: name }).props.value).toBe(name);
});
