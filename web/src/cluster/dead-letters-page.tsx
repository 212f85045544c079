// Messages that could not be processed: why, whose, and what to do with each.
import "./cluster.css";
import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api, data, type Schemas } from "../api/client";
import { may } from "../api/session";
import { useAct } from "../ui/act";
import { announce } from "../ui/announce";
import { Button, Confirm } from "../ui/button";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { Fact } from "../ui/fact";
import { bytes, counted, indented } from "../ui/format";
import { useLoad, useRefresh } from "../ui/load";
import { Pager, pageOf } from "../ui/pager";
import { Ago, At } from "../ui/time";
import { ClusterHead } from "./cluster-head";
import { advice } from "./words";

type Letter = Schemas["DeadLetter"];

const PATH = "/ui/cluster/dead-letters";
const REFRESH_MS = 15_000;
const PAGE = 20;

function addressOf(queue: string, page: number): string {
  const given = new URLSearchParams({
    ...(queue && { queue }),
    ...(page > 1 && { page: `${page}` }),
  });
  return given.size ? `${PATH}?${given}` : PATH;
}

export default function DeadLettersPage() {
  if (!may("admin"))
    return (
      <>
        <ClusterHead title="Dead letters" />
        <EmptyState
          title="Dead letters are for administrators"
          text="They may hold anything. Ask somebody with the scope admin."
        />
      </>
    );
  return <Letters />;
}

function Letters() {
  const { query } = useLocation();
  const queue = query.queue ?? "";
  const page = pageOf(query.page);
  const asked = { queue, page, size: PAGE };
  const loaded = useLoad(`${queue} ${page}`, (signal) =>
    data(api.GET("/dead-letters", { params: { query: asked }, signal })),
  );
  useRefresh(loaded.reload, REFRESH_MS);
  const found = loaded.data;
  return (
    <>
      <ClusterHead title="Dead letters" />
      {loaded.error !== undefined && <ErrorNote error={loaded.error} retry={loaded.reload} />}
      {found && (found.totalItems > 0 || queue) && (
        <Toolbar
          queue={queue}
          total={found.totalItems}
          letters={found.items}
          onDone={loaded.reload}
        />
      )}
      {found && found.totalItems === 0 && <None queue={queue} />}
      {found?.items.map((letter) => (
        <OneLetter key={letter.id} letter={letter} onDone={loaded.reload} />
      ))}
      {found && (
        <Pager page={page} pages={found.totalPages} at={(number) => addressOf(queue, number)} />
      )}
    </>
  );
}

function None({ queue }: { queue: string }) {
  return queue ? (
    <EmptyState title={`No dead letter came from ${queue}`}>
      <a class="button" href={PATH}>
        Show those of all queues
      </a>
    </EmptyState>
  ) : (
    <EmptyState
      title="No dead letters"
      text="That is good: every message was processed. Nothing is to be done."
    />
  );
}

interface ToolbarProps {
  queue: string;
  total: number;
  letters: Letter[];
  onDone: () => void;
}

function Toolbar({ queue, total, letters, onDone }: ToolbarProps) {
  const { act, error } = useAct(onDone);
  const [result, setResult] = useState("");
  const { route } = useLocation();
  const queues = [...new Set([queue, ...letters.map((letter) => letter.queue ?? "")])];
  const what = queue
    ? `${counted(total, "dead letter")} of ${queue}`
    : counted(total, "dead letter");
  const requeue = async () => {
    await act(async () => {
      const query = { queue };
      const { requeued, kept } = await data(
        api.POST("/dead-letters/requeue", { params: { query } }),
      );
      const said = `${counted(requeued, "message")} requeued${kept ? `, ${kept} without a queue kept` : ""}.`;
      setResult(said);
      announce(said);
    });
  };
  return (
    <>
      <div class="toolbar">
        <select
          aria-label="Queue"
          value={queue}
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            route(addressOf(chosen, 1), true);
          }}
        >
          <option value="">From all queues</option>
          {queues.filter(Boolean).map((name) => (
            <option key={name} value={name}>
              From {name}
            </option>
          ))}
        </select>
        <span class="muted">{counted(total, "message")}</span>
        <span class="toolbar-grow" />
        {total > 0 && (
          <Confirm
            label="Requeue all"
            kind="plain"
            question={`Requeue ${what}? Those whose cause is not mended come back.`}
            yes={`Requeue ${what}`}
            onConfirm={requeue}
          />
        )}
      </div>
      {result && <p class="muted">{result}</p>}
      {error !== undefined && <ErrorNote error={error} />}
    </>
  );
}

function OneLetter({ letter, onDone }: { letter: Letter; onDone: () => void }) {
  const { act, error } = useAct(onDone);
  const [isOpen, setOpen] = useState(false);
  const path = { id: letter.id };
  const from = letter.queue ?? "an unknown queue";
  return (
    <article class="cluster-letter" aria-label={`Dead letter from ${from}`}>
      <div class="cluster-letter-head">
        <h2 class="cluster-letter-reason">{letter.reason ?? "No reason was given."}</h2>
        <span class="small muted">
          <Ago at={letter.at} />
        </span>
      </div>
      <p class="small muted">{advice(letter.reason)}</p>
      <dl class="facts">
        <Fact name="From queue">{from}</Fact>
        <Fact name="Kind">{letter.kind ?? "can't be read"}</Fact>
        <Fact name="Since">{letter.at ? <At at={letter.at} /> : "unknown"}</Fact>
        <Fact name="Size">{bytes(letter.size)}</Fact>
        {letter.jobId && (
          <Fact name="Job">
            <a href={`/ui/jobs/${letter.jobId}${letter.taskId ? `?task=${letter.taskId}` : ""}`}>
              <code>{letter.jobId}</code>
            </a>
          </Fact>
        )}
        {letter.messageId && (
          <Fact name="Message">
            <code>{letter.messageId}</code>
          </Fact>
        )}
      </dl>
      <div class="row">
        <Button small aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Hide contents" : "Show contents"}
        </Button>
        {letter.queue && (
          <Button
            small
            onClick={() =>
              void act(
                () => api.POST("/dead-letters/{id}/requeue", { params: { path } }),
                `Requeued to ${from}`,
              )
            }
          >
            Requeue
          </Button>
        )}
        <Confirm
          small
          label="Delete"
          question="Delete this message? Nothing brings it back."
          yes="Delete the message"
          onConfirm={async () => {
            await act(() => api.DELETE("/dead-letters/{id}", { params: { path } }), "Deleted");
          }}
        />
      </div>
      {error !== undefined && <ErrorNote error={error} />}
      {isOpen && <Contents id={letter.id} />}
    </article>
  );
}

function Contents({ id }: { id: string }) {
  const loaded = useLoad(id, (signal) =>
    data(api.GET("/dead-letters/{id}", { params: { path: { id } }, signal })),
  );
  if (loaded.error !== undefined) return <ErrorNote error={loaded.error} retry={loaded.reload} />;
  if (!loaded.data) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be in the keyboard's reach
    <section class="cluster-contents" tabIndex={0} aria-label="Contents">
      <pre>{indented(loaded.data.contents)}</pre>
    </section>
  );
}
