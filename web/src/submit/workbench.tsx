// The editor with all around it: check, problems, inputs and secrets, files, templates.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { holder } from "../api/session";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { PageHead } from "../ui/page-head";
import { At } from "../ui/time";
import { asTemplate } from "./as-template";
import { savedDraft } from "./draft";
import { formatted, valuesOf, withSource, withValue } from "./edits";
import { Files } from "./files";
import { Help } from "./help";
import { LeaveGuard } from "./leave-guard";
import { dropped, OpenFile } from "./open-file";
import { ProblemList } from "./problem-list";
import { advice, ordered, refusals } from "./problems";
import { type Begin, keyOfDraft, type Source } from "./source";
import { isScheduled, isTemplate, missingSecrets, planOf, type Work } from "./submission";
import { Templates } from "./templates";
import { nameFor } from "./upload";
import { useCheck } from "./use-check";
import { differing, useDraft } from "./use-draft";
import { useEditor } from "./use-editor";
import { useSubmit } from "./use-submit";
import { Values } from "./values";
import { Verdict } from "./verdict";

export function Workbench({ source, begin }: { source: Source; begin: Begin }) {
  const key = keyOfDraft(holder.value, source);
  const [before, setBefore] = useState(begin.text);
  const [text, setText] = useState(
    () => differing(savedDraft(key), begin.text)?.text ?? begin.text,
  );
  const [secrets, setSecrets] = useState<Record<string, string>>({});
  const [showsTemplates, setShowsTemplates] = useState(false);
  const host = useRef<HTMLDivElement>(null);
  const typed = useRef(text);
  const pause = useRef<ReturnType<typeof setTimeout>>(undefined);
  const onChange = (now: string) => {
    typed.current = now;
    clearTimeout(pause.current);
    if (now.length < MOST_AT_ONCE) setText(now);
    else pause.current = setTimeout(() => setText(now), PAUSE_MS);
  };
  const work: Work = { source, before, etag: begin.etag, text, secrets };
  const draft = useDraft(key, before, text);
  const check = useCheck(work);
  const sending = useSubmit(() => ({ ...work, text: typed.current }), draft.forget);
  const { editor, isReady, error } = useEditor(host, text, {
    onChange,
    onSubmit: () => void sending.submit(),
  });
  const refused = sending.error instanceof ApiError ? refusals(sending.error, text) : [];
  const problems = check.problems.length ? check.problems : ordered(refused);
  useEffect(() => editor.current?.show(problems), [problems, isReady]);
  const open = (next: string, name: string) => {
    editor.current?.setText(next);
    announce(`${name} is in the editor`);
    editor.current?.focus();
  };
  const useTemplate = (next: string, name: string) => {
    if (source.kind === "new" || source.kind === "example") setBefore(next);
    setShowsTemplates(false);
    open(next, name);
  };
  const onSent = (id: string, file: string) => {
    const name = nameFor(
      file,
      valuesOf(typed.current, "uploads").map((upload) => upload.name),
    );
    const edit = withValue(typed.current, "uploads", name, id);
    if (edit) editor.current?.apply(edit);
    return name;
  };
  const onUse = (name: string, file: string) => {
    const edit = withSource(typed.current, editor.current?.cursor() ?? 0, name, file);
    if (edit) editor.current?.apply(edit);
    return edit !== undefined;
  };
  const isDirty = !sending.isDone && text !== before;
  return (
    <div class="submit">
      <PageHead title={TITLES[source.kind]}>
        <Button aria-expanded={showsTemplates} onClick={() => setShowsTemplates((shown) => !shown)}>
          Examples
        </Button>
        <OpenFile onOpen={open} />
        <Button onClick={() => format(typed.current, open)}>Format</Button>
        {!isTemplate(text) && !isScheduled(text) && (
          <Button disabled={!isReady} onClick={() => saveAsTemplate(typed.current, open)}>
            Save as template
          </Button>
        )}
      </PageHead>
      <Origin source={source} />
      {showsTemplates && <Templates isDirty={isDirty} onUse={useTemplate} />}
      {draft.restored && (
        <p class="note row">
          <span>
            Your draft of <At at={new Date(draft.restored.at).toISOString()} /> is back, without its
            secrets.
          </span>
          <Button
            small
            onClick={() => {
              draft.forget();
              open(before, "The beginning");
            }}
          >
            Discard the draft
          </Button>
        </p>
      )}
      <LeaveGuard isDirty={isDirty} />
      <div class="submit-grid">
        <div class="submit-main">
          {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping has a button beside it */}
          <div
            class="submit-editor"
            ref={host}
            data-ready={isReady}
            onDragOver={(event) => event.preventDefault()}
            onDropCapture={(event) => void dropped(event, open)}
          />
          {error ? <ErrorNote error={error} /> : null}
          <div class="submit-bar">
            <Verdict check={check} text={text} />
            <span class="row submit-act">
              <span class="small muted submit-keys">
                <kbd>Ctrl</kbd> <kbd>Enter</kbd>
              </span>
              <Button
                kind="primary"
                disabled={sending.isBusy || !isReady}
                onClick={() => void sending.submit()}
              >
                {sending.isBusy ? "Submitting…" : actOf(work)}
              </Button>
            </span>
          </div>
          {sending.error ? <ErrorNote error={new Error(advice(sending.error))} /> : null}
          <SecretsNote work={work} />
          <ProblemList
            problems={problems}
            onGo={(line, column) => editor.current?.goTo(line, column)}
          />
          {draft.said && <p class="small muted">{draft.said}</p>}
          <Help />
        </div>
        <div class="submit-side stack">
          <Values
            text={text}
            secrets={secrets}
            keepsSecrets={planOf(work).keepsSecrets}
            onInput={(name, value) => {
              const edit = withValue(typed.current, "inputs", name, value);
              if (edit) editor.current?.apply(edit);
            }}
            onSecret={(name, value) => setSecrets((old) => ({ ...old, [name]: value }))}
          />
          <Files onSent={onSent} onUse={onUse} />
        </div>
      </div>
    </div>
  );
}

/** A longer text is looked at only when the typing pauses: keys go before. */
const MOST_AT_ONCE = 4_000;
const PAUSE_MS = 250;

const TITLES: Record<Source["kind"], string> = {
  new: "Submit a job",
  example: "Submit a job",
  job: "Run again with edits",
  schedule: "Edit a scheduled job",
  template: "Edit a template",
};

function actOf(work: Work): string {
  if (work.source.kind === "schedule") return "Save the schedule";
  if (isTemplate(work.text)) return "Save the template";
  if (isScheduled(work.text)) return "Create the schedule";
  return work.source.kind === "job" ? "Run again" : "Submit the job";
}

function Origin({ source }: { source: Source }) {
  if (source.kind === "job")
    return (
      <p class="muted submit-origin">
        What <a href={`/ui/jobs/${source.id}`}>job {source.id.slice(0, 8)}</a> was, as a new job.
      </p>
    );
  if (source.kind === "schedule")
    return (
      <p class="muted submit-origin">
        <a href={`/ui/schedules/${source.id}`}>Schedule {source.id.slice(0, 8)}</a>: its jobs from
        now on. Jobs that it has created stay as they are.
      </p>
    );
  return null;
}

/** Of a job that is more than the stored one with other values. */
function SecretsNote({ work }: { work: Work }) {
  if (work.source.kind !== "job" || planOf(work).keepsSecrets || !missingSecrets(work).length)
    return null;
  return (
    <p class="note">
      More than inputs differs from the job it comes from, so its secrets are not taken over: fill
      them in.
    </p>
  );
}

function saveAsTemplate(text: string, open: (text: string, name: string) => void): void {
  const made = asTemplate(text);
  if (made === undefined) announce("No template is made: the text must be valid first");
  else open(made, "The template");
}

function format(text: string, open: (text: string, name: string) => void): void {
  const made = formatted(text);
  if (made === undefined) announce("Not formatted: the text must be valid first");
  else if (made !== text) open(made, "The formatted text");
}
