// How the editor looks: of the page's own colours, which reach into its shadow root.
import { HighlightStyle } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export const highlighting = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], fontWeight: "600" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: "var(--muted)" },
]);

const marked = (colour: string) => ({
  backgroundImage: "none",
  textDecoration: `underline wavy ${colour}`,
  textUnderlineOffset: "3px",
});

export const theme = EditorView.theme({
  "&": {
    height: "100%",
    fontSize: "13px",
    color: "var(--text)",
    backgroundColor: "var(--background)",
  },
  "&.cm-focused": { outline: "none" }, // the host has it
  ".cm-content:focus": { outline: "2px solid transparent" }, // seen where colours are forced
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px" },
  ".cm-content": { caretColor: "var(--text)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": {
    backgroundColor: "var(--surface)",
    color: "var(--muted)",
    borderRight: "1px solid var(--line)",
  },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--selected)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "var(--running-soft)" },
  ".cm-selectionMatch": { backgroundColor: "var(--warned-soft)" },
  "&.cm-focused .cm-matchingBracket": {
    backgroundColor: "transparent",
    outline: "1px solid var(--line-strong)",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
    borderRadius: "6px",
    maxWidth: "min(480px, 90vw)",
    fontFamily: "var(--font)",
    fontSize: "13px",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "240px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--text)",
    color: "var(--inverse)",
  },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "1", color: "var(--muted)" },
  "li[aria-selected] .cm-completionDetail": { color: "var(--inverse)" },
  ".cm-completionInfo": { padding: "8px 12px", maxWidth: "320px", whiteSpace: "normal" },
  ".cm-help": { padding: "8px 12px" },
  ".cm-help p": { margin: "4px 0 0" },
  ".cm-diagnostic": { padding: "6px 12px" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--failed)" },
  ".cm-diagnostic-warning": { borderLeft: "3px solid var(--warned)" },
  ".cm-lintRange-error": marked("var(--failed)"),
  ".cm-lintRange-warning": marked("var(--warned)"),
  ".cm-lint-marker": { width: "12px", height: "12px", content: "none" },
  ".cm-lint-marker-error::before": { content: "'×'", color: "var(--failed)", fontWeight: "700" },
  ".cm-lint-marker-warning::before": { content: "'!'", color: "var(--warned)", fontWeight: "700" },
  ".cm-panels": {
    backgroundColor: "var(--surface)",
    color: "var(--text)",
    borderColor: "var(--line)",
  },
  ".cm-textfield, .cm-button": {
    backgroundColor: "var(--background)",
    backgroundImage: "none",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
    borderRadius: "4px",
  },
  "@media (pointer: coarse)": { "&": { fontSize: "16px" } },
});
