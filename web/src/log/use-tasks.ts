// What the tasks of a job are called, each attempt by itself.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, data, type Schemas } from "../api/client";

export type TaskRow = Schemas["TaskRow"] & { id: string };

const MOST = 500;
const AGAIN_MS = 2000;

export interface Tasks {
  rows: readonly TaskRow[];
  total: number;
  nameOf: (id: string) => string;
}

export function useTasks(jobId: string): Tasks {
  const [rows, setRows] = useState<readonly TaskRow[]>([]);
  const [total, setTotal] = useState(0);
  const asked = useRef(0);
  const load = useCallback(async () => {
    asked.current = Date.now();
    const query = { attempts: "all", size: MOST, counts: false } as const;
    const answer = api.GET("/jobs/{id}/tasks", { params: { path: { id: jobId }, query } });
    const found = await data(answer).catch(() => undefined); // names are an extra
    if (!found) return;
    setRows(found.items.filter((row): row is TaskRow => Boolean(row.id)));
    setTotal(found.totalItems ?? found.items.length);
  }, [jobId]);
  useEffect(() => void load(), [load]);
  const nameOf = (id: string) => {
    const row = rows.find((each) => each.id === id);
    if (!row && Date.now() - asked.current > AGAIN_MS) void load();
    return row ? nameOfRow(row) : id.slice(0, 8);
  };
  return { rows, total, nameOf };
}

/** `build`, `build (attempt 2)`, `each #3`. */
export function nameOfRow(row: TaskRow): string {
  const name = row.name || `task ${row.position}`;
  const child = row.childIndex === undefined ? "" : ` #${row.childIndex}`;
  return `${name}${child}${row.attempt ? ` (attempt ${row.attempt + 1})` : ""}`;
}
