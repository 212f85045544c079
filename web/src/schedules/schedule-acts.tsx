// Run now, pause, resume, delete.
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, data } from "../api/client";
import { may } from "../api/session";
import type { Values } from "../templates/inputs";
import { useAct } from "../ui/act";
import { Button, Confirm } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { Trigger } from "./trigger";
import type { Whole } from "./words";

interface Props {
  schedule: Whole;
  reload: () => void;
  /** Set while it is deleted: what has gone must not be read again. */
  isGoing: { current: boolean };
}

export function ScheduleActs({ schedule, reload, isGoing }: Props) {
  const { route } = useLocation();
  const [note, setNote] = useState("");
  const [made, setMade] = useState<{ id?: string; text: string }>();
  const { act: attempt, error } = useAct();
  const path = { id: schedule.id };
  const act = async (call: () => Promise<unknown>, text: string) => {
    setMade(undefined);
    if (await attempt(call, text)) reload();
  };
  const trigger = (inputs: Values) =>
    act(async () => {
      const body = Object.keys(inputs).length ? { inputs } : {};
      const run = await data(api.POST("/scheduled-jobs/{id}/trigger", { params: { path }, body }));
      setMade(run.jobId ? { id: run.jobId, text: "Job created" } : { text: "The job is held" });
    }, "Triggered");
  const pause = () =>
    act(
      () => api.PUT("/scheduled-jobs/{id}/pause", { params: { path }, body: note ? { note } : {} }),
      "Paused",
    ).then(() => setNote(""));
  const resume = () =>
    act(() => api.PUT("/scheduled-jobs/{id}/resume", { params: { path } }), "Resumed");
  const remove = async () => {
    isGoing.current = true;
    const call = () => api.DELETE("/scheduled-jobs/{id}", { params: { path } });
    if (await attempt(call, "Deleted")) route("/ui/schedules");
    else isGoing.current = false;
  };
  return (
    <>
      <Trigger schedule={schedule} onTrigger={trigger} />
      {schedule.state === "ACTIVE" && (
        <Confirm label="Pause" question="Pause it?" yes="Yes, pause" kind="plain" onConfirm={pause}>
          <input
            aria-label="Why it is paused"
            placeholder="Why? (optional)"
            maxLength={1000}
            value={note}
            onInput={(event) => setNote(event.currentTarget.value)}
          />
        </Confirm>
      )}
      {schedule.state === "PAUSED" && <Button onClick={() => void resume()}>Resume</Button>}
      {may("submit") && (
        <a class="button" href={`/ui/submit?schedule=${schedule.id}`}>
          Edit the job
        </a>
      )}
      <Confirm
        label="Delete"
        question="Delete it? Its jobs stay."
        yes="Yes, delete"
        onConfirm={remove}
      />
      {made && (
        <p role="status">
          {made.id ? <a href={`/ui/jobs/${made.id}`}>{made.text}: open it</a> : made.text}
        </p>
      )}
      {error !== undefined && <ErrorNote error={error} />}
    </>
  );
}
