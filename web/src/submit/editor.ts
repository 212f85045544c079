// The editor: CodeMirror 6, which is the well-kept one that keyboards and screen readers can use.
//
// It is in a shadow root, where its styles are adopted style sheets: the Content-Security-Policy
// takes no <style>. This file is the only one that loads it.
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, Prec } from "@codemirror/state";
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { completionSource } from "./completion";
import { highlighting, theme } from "./editor-theme";
import { type Edit, isJson } from "./edits";
import { placeAt } from "./position";
import type { Problem } from "./problems";
import { fieldAt, type Schema } from "./schema";

export interface Editor {
  apply: (edit: Edit) => void;
  setText: (text: string) => void;
  show: (problems: readonly Problem[]) => void;
  goTo: (line: number, column: number) => void;
  focus: () => void;
  /** The offset of the cursor. */
  cursor: () => number;
  destroy: () => void;
}

export interface EditorOptions {
  text: string;
  schema: () => Schema | undefined;
  onChange: (text: string) => void;
  onSubmit: () => void;
}

const LABEL = "Job file. Escape, then Tab, leaves the editor.";

export function createEditor(host: HTMLElement, options: EditorOptions): Editor {
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const language = new Compartment();
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: options.text,
      extensions: [...extensions(options), language.of(languageOf(options.text))],
    }),
    dispatch: (transaction) => {
      view.update([transaction]);
      if (!transaction.docChanged) return;
      const was = isJson(transaction.startState.doc.toString());
      const text = transaction.newDoc.toString();
      if (isJson(text) !== was) view.dispatch({ effects: language.reconfigure(languageOf(text)) });
      options.onChange(text);
    },
  });
  return {
    apply: ({ from, to, insert }) => view.dispatch({ changes: { from, to, insert } }),
    setText: (insert) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert } }),
    show: (problems) => view.dispatch(setDiagnostics(view.state, diagnostics(view, problems))),
    goTo: (line, column) => {
      const at = offsetOf(view.state, line, column);
      view.dispatch({
        selection: { anchor: at },
        effects: EditorView.scrollIntoView(at, { y: "center" }),
      });
      view.focus();
    },
    focus: () => view.focus(),
    cursor: () => view.state.selection.main.head,
    destroy: () => view.destroy(),
  };
}

function extensions(options: EditorOptions): Extension[] {
  const submit = () => {
    options.onSubmit();
    return true;
  };
  return [
    Prec.highest(keymap.of([{ key: "Mod-Enter", run: submit }])),
    lineNumbers(),
    history(),
    drawSelection(),
    EditorState.tabSize.of(2),
    indentUnit.of("  "),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ override: [completionSource(options.schema)], icons: false }),
    hoverTooltip((view, offset) => help(view, offset, options.schema())),
    highlightActiveLine(),
    highlightSelectionMatches(),
    lintGutter(),
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": LABEL, spellcheck: "false" }),
    typedOverSelection,
    keymap.of([
      ...closeBracketsKeymap,
      ...completionKeymap,
      ...lintKeymap,
      ...searchKeymap,
      ...historyKeymap,
      ...defaultKeymap,
      indentWithTab,
    ]),
    syntaxHighlighting(highlighting),
    theme,
  ];
}

// Left to themselves, browsers keep the looks of what is typed over in a style attribute, which the
// Content-Security-Policy refuses.
const typedOverSelection = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { data: text, inputType, isComposing } = event;
    const { from, to, empty } = view.state.selection.main;
    if (inputType !== "insertText" || text === null || isComposing) return false;
    if (empty && !text.includes("\n")) return false;
    const insert = () =>
      view.state.update(view.state.replaceSelection(text), { scrollIntoView: true });
    const handlers = view.state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, from, to, text, insert))) view.dispatch(insert());
    return true;
  },
});

const languageOf = (text: string): Extension => (isJson(text) ? json() : yaml());

function diagnostics(view: EditorView, problems: readonly Problem[]): Diagnostic[] {
  return problems
    .filter(({ line }) => line !== undefined)
    .map(({ line = 1, column = 1, severity, message, field }) => {
      const from = offsetOf(view.state, line, column);
      const rest = view.state.doc.lineAt(from).text.slice(from - view.state.doc.lineAt(from).from);
      const length = /^[^\s:,\]}]+/.exec(rest)?.[0].length ?? rest.length;
      const said = field && !message.startsWith(field) ? `${field}: ${message}` : message;
      return { from, to: from + length, severity, message: said };
    })
    .sort((a, b) => a.from - b.from);
}

function offsetOf(state: EditorState, line: number, column: number): number {
  const found = state.doc.line(Math.min(Math.max(line, 1), state.doc.lines));
  return Math.min(found.from + Math.max(column - 1, 0), found.to);
}

function help(view: EditorView, offset: number, schema: Schema | undefined) {
  const found = placeAt(view.state.doc.toString(), offset);
  const field = found && schema && fieldAt(schema, found.place);
  if (!found || !field) return null;
  return {
    pos: found.from,
    end: found.to,
    create: () => {
      const dom = document.createElement("div");
      dom.className = "cm-help";
      const head = document.createElement("strong");
      head.textContent = field.name;
      dom.append(head, ` ${field.isRequired ? `${field.type}, required` : field.type}`);
      const text = document.createElement("p");
      text.textContent = field.description;
      dom.append(text);
      return { dom };
    },
  };
}
