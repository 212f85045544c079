// When a schedule fires and by which policies; its next times are shown while it is typed.
import { useEffect, useState } from "preact/hooks";
import { ApiError, api, data, type Schemas } from "../api/client";
import { useAct } from "../ui/act";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { Field } from "../ui/field";
import { Ago, At } from "../ui/time";
import { cronInWords, type Whole } from "./words";

const TYPING_MS = 250;
const SHOWN = 5;
type Timing = Schemas["Schedule"];
type Way = "cron" | "interval" | "at";

interface Draft {
  way: Way;
  text: string;
  timezone: string;
  overlap: string;
  catchUp: string;
  jitter: string;
}

export function EditForm({ schedule, reload }: { schedule: Whole; reload: () => void }) {
  const before = draftOf(schedule);
  const [draft, setDraft] = useState(before);
  const { act, error, isBusy } = useAct();
  const preview = usePreview(timingOf(draft, schedule));
  const isChanged = JSON.stringify(draft) !== JSON.stringify(before);
  const set = (change: Partial<Draft>) => setDraft({ ...draft, ...change });
  const save = async () => {
    const params = {
      path: { id: schedule.id },
      header: { "If-Match": `"${schedule.version}"` },
    };
    const body = { schedule: patchOf(draft, before) };
    const isSaved = await act(() => api.PATCH("/scheduled-jobs/{id}", { params, body }), "Saved");
    if (isSaved) reload(); // what is refused stays as it is typed
  };
  if (schedule.schedule.crons)
    return (
      <p>
        It has several expressions: edit them with the job.{" "}
        <a href={`/ui/submit?schedule=${schedule.id}`}>Edit the job</a>
      </p>
    );
  return (
    <form
      class="schedules-form"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <TimeFields draft={draft} set={set} error={preview.error} />
      <PolicyFields draft={draft} set={set} />
      <section class="schedules-whole" aria-live="polite">
        <h2>Would fire next</h2>
        <Times preview={preview} />
      </section>
      <div class="row schedules-whole">
        <Button
          type="submit"
          kind="primary"
          disabled={!isChanged || isBusy || preview.error !== undefined}
        >
          Save
        </Button>
        <Button disabled={!isChanged} onClick={() => setDraft(before)}>
          Undo changes
        </Button>
      </div>
      {error !== undefined && (
        <div class="schedules-whole">
          <ErrorNote error={error} />
        </div>
      )}
    </form>
  );
}

interface FieldsProps {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  error?: string | undefined;
}

const WAYS: Record<Way, { name: string; hint: string }> = {
  cron: { name: "Cron", hint: "Minute, hour, day, month, weekday: 0 9 * * 1-5" },
  interval: { name: "Interval", hint: "How long from one to the next: 90m, 36h" },
  at: { name: "Once, at", hint: "A time with its offset: 2026-06-01T12:00:00Z" },
};

function TimeFields({ draft, set, error }: FieldsProps) {
  const words = draft.way === "cron" ? cronInWords(draft.text) : "";
  const hint = words && words !== draft.text ? words : WAYS[draft.way].hint;
  return (
    <>
      <Field label="Fires by">
        <select
          value={draft.way}
          onChange={(event) => set({ way: event.currentTarget.value as Way, text: "" })}
        >
          {Object.entries(WAYS).map(([way, { name }]) => (
            <option key={way} value={way}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <Field label={WAYS[draft.way].name} hint={hint} error={draft.text ? error : undefined}>
        <input
          class="mono"
          spellcheck={false}
          required
          value={draft.text}
          onInput={(event) => set({ text: event.currentTarget.value })}
        />
      </Field>
      {draft.way === "cron" && (
        <Field label="Time zone" hint="Whose clocks it follows, as Europe/Berlin">
          <input
            list="schedules-zones"
            spellcheck={false}
            value={draft.timezone}
            onInput={(event) => set({ timezone: event.currentTarget.value.trim() })}
          />
        </Field>
      )}
      <datalist id="schedules-zones">
        {Intl.supportedValuesOf("timeZone").map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
    </>
  );
}

const OVERLAPS = [
  ["allow", "Run both"],
  ["skip", "Skip the new one"],
  ["bufferOne", "Hold one"],
  ["bufferAll", "Hold all"],
  ["cancelOther", "Cancel the old one"],
] as const;
const CATCH_UPS = [
  ["none", "Make nothing up"],
  ["one", "Make up one job"],
  ["all", "Make up each time"],
] as const;

function PolicyFields({ draft, set }: FieldsProps) {
  return (
    <>
      <Field label="While the last job runs">
        <Choice value={draft.overlap} of={OVERLAPS} onChange={(overlap) => set({ overlap })} />
      </Field>
      <Field label="After an outage">
        <Choice value={draft.catchUp} of={CATCH_UPS} onChange={(catchUp) => set({ catchUp })} />
      </Field>
      <Field label="Jitter" hint="Up to so much later, so that not all start at once: 5m">
        <input
          value={draft.jitter}
          onInput={(event) => set({ jitter: event.currentTarget.value.trim() })}
        />
      </Field>
    </>
  );
}

interface ChoiceProps {
  value: string;
  of: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}

function Choice({ value, of, onChange, ...rest }: ChoiceProps) {
  return (
    <select {...rest} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      {of.map(([name, words]) => (
        <option key={name} value={name}>
          {words}
        </option>
      ))}
    </select>
  );
}

interface Preview {
  times?: readonly Schemas["Firing"][];
  error?: string;
}

function Times({ preview }: { preview: Preview }) {
  const { times, error } = preview;
  if (error) return <p class="muted">Its times appear here once it can be read.</p>;
  if (times?.length === 0) return <p class="muted">It never fires.</p>;
  return (
    <ol class="schedules-next">
      {times?.map((firing) => (
        <li key={firing.scheduledAt}>
          <At at={firing.scheduledAt} />{" "}
          <span class="muted">
            <Ago at={firing.scheduledAt} />
          </span>
        </li>
      ))}
    </ol>
  );
}

/** Of what is typed, when the typing pauses; what was there stays until then. */
function usePreview(timing: Timing): Preview {
  const [preview, setPreview] = useState<Preview>({});
  const key = JSON.stringify(timing);
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const body = { schedule: timing, count: SHOWN };
      data(api.POST("/scheduled-jobs/preview", { body, signal: abort.signal })).then(
        (found) => setPreview({ times: found.firings }),
        (refused: unknown) => {
          if (!abort.signal.aborted) setPreview({ error: ruleOf(refused) });
        },
      );
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  return preview;
}

function ruleOf(refused: unknown): string {
  const rule = refused instanceof ApiError ? refused.errors[0]?.rule : undefined;
  return rule ?? (refused instanceof Error ? refused.message : String(refused));
}

function draftOf(schedule: Whole): Draft {
  const { interval, at, jitter, timezone } = schedule.schedule as Partial<Record<string, string>>;
  const way: Way = interval ? "interval" : at ? "at" : "cron";
  return {
    way,
    text: interval ?? at ?? schedule.cron ?? "",
    timezone: timezone ?? "",
    overlap: schedule.overlap,
    catchUp: schedule.catchUp,
    jitter: jitter ?? "",
  };
}

/** What the preview is asked for: with the bounds that stay as they are. */
function timingOf(draft: Draft, schedule: Whole): Timing {
  const { startAt, endAt } = schedule.schedule as Partial<Record<string, string>>;
  return {
    [draft.way]: draft.text,
    ...(draft.way === "cron" && draft.timezone ? { timezone: draft.timezone } : {}),
    ...(draft.jitter ? { jitter: draft.jitter } : {}),
    ...(startAt && draft.way !== "at" ? { startAt } : {}),
    ...(endAt && draft.way !== "at" ? { endAt } : {}),
  } as Timing;
}

/** A merge patch: null takes a field away. */
function patchOf(draft: Draft, before: Draft): Record<string, string | null> {
  const patch: Record<string, string | null> = {};
  if (draft.way !== before.way) patch[before.way] = null;
  if (draft.way !== before.way || draft.text !== before.text) patch[draft.way] = draft.text;
  const timezone = draft.way === "cron" ? draft.timezone : "";
  if (timezone !== before.timezone) patch.timezone = timezone || null;
  if (draft.overlap !== before.overlap) patch.overlap = draft.overlap;
  if (draft.catchUp !== before.catchUp) patch.catchUp = draft.catchUp;
  if (draft.jitter !== before.jitter) patch.jitter = draft.jitter || null;
  return patch;
}
