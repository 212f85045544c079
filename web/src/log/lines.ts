// The lines of a log that are in memory: some windows of it, and what comes while it is followed.
import { api, data, type Schemas } from "../api/client";
import type { Source as EarlySource } from "../ui/load";
import { Settling } from "../ui/settling";

export type Line = Schemas["LogLine"];

/** A part of a log, as events bring it. */
export interface Part {
  taskId: string;
  number: number;
  contents: string;
  createdAt: string;
  stderr?: [number, number][];
  continues?: boolean;
}

const PAGE = 200;
const MOST_PAGES = 50;
const LONGEST = 64 * 1024;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

export interface Source {
  jobId: string;
  taskId: string | undefined;
}

type Read = (first: number, size: number, signal: AbortSignal) => Promise<Schemas["LogLines"]>;

export const reader =
  ({ jobId, taskId }: Source): Read =>
  (first, size, signal) => {
    const query = { first, size };
    return taskId
      ? data(api.GET("/tasks/{id}/log/lines", { params: { path: { id: taskId }, query }, signal }))
      : data(api.GET("/jobs/{id}/log/lines", { params: { path: { id: jobId }, query }, signal }));
  };

/** The end of a log, which is read first. */
export const endOf = (source: Source): EarlySource<Schemas["LogLines"]> => [
  `end of the log ${source.jobId} ${source.taskId}`,
  (signal) => reader(source)(-PAGE, PAGE, signal),
];

export class LogLines {
  total = 0;
  bytes = 0;
  isComplete = false;
  isTrimmed = false;
  isLoaded = false;
  cursor = "";
  error: unknown;
  /** So long nothing is asked for after what could not be read; longer each time. */
  pauseMs = 0;
  /** The end has been read (again): what follows it can be followed. */
  onRead: () => void = () => undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private readonly pages = new Map<number, Line[]>();
  private readonly loading = new Map<number, AbortController>();
  private readonly newest = new Map<string, Line>();
  private readonly settling = new Settling();
  private wanted = "";
  private hasEnd = false;

  constructor(
    private readonly read: Read,
    private readonly onChange: () => void,
    private early?: Promise<Schemas["LogLines"]>,
  ) {}

  /** Reads the end, and where the log is now; what was there stays until then. */
  async reload(): Promise<void> {
    this.abort();
    const abort = new AbortController();
    this.loading.set(-1, abort);
    this.hasEnd = false;
    try {
      const early = this.early;
      this.early = undefined;
      const found = await (early ?? this.read(-PAGE, PAGE, abort.signal));
      this.pages.clear();
      this.newest.clear();
      this.cursor = found.cursor;
      this.isComplete = found.complete;
      this.isTrimmed = found.trimmed;
      this.bytes = found.totalBytes;
      this.total = found.totalLines;
      this.isLoaded = true;
      this.hasEnd = true;
      this.succeed();
      for (const line of found.items) this.put(line);
      this.onRead();
    } catch (error) {
      if (abort.signal.aborted) return;
      this.error = error;
      this.rest();
    }
    this.loading.delete(-1);
    this.onChange();
  }

  line(number: number): Line | undefined {
    return this.pages.get(pageOf(number))?.[(number - 1) % PAGE];
  }

  /** Those of these lines that are not here are loaded. */
  want(first: number, last: number): void {
    if (this.again !== undefined) return;
    const missing: number[] = [];
    for (
      let page = pageOf(Math.max(first, 1));
      page <= pageOf(Math.min(last, this.total));
      page++
    ) {
      const lines = this.pages.get(page);
      if (lines) {
        this.pages.delete(page); // what was looked at last goes last
        this.pages.set(page, lines);
      }
      if (!this.isWhole(page) && !this.loading.has(page)) missing.push(page);
    }
    if (this.wanted === missing.join()) return;
    this.wanted = missing.join();
    this.settling.run(() => {
      this.wanted = "";
      for (const page of missing) if (!this.loading.has(page)) void this.load(page);
    });
  }

  /** Asks for what could not be read without waiting any longer. */
  retry(): void {
    this.stopResting();
    if (this.hasEnd) this.onChange();
    else void this.reload();
  }

  /** What a log event brings; the numbers of the lines that begin in it. */
  append(part: Part): number[] {
    const pieces = part.contents.replace(/\n$/, "").split("\n");
    this.bytes += part.contents.length;
    const stderr = (n: number) => part.stderr?.some(([first, last]) => first <= n && n <= last);
    if (part.continues) {
      const line = this.newest.get(part.taskId);
      if (line) line.text = bounded(line.text + pieces[0]);
    }
    const begun: number[] = [];
    for (let n = part.continues ? 1 : 0; n < pieces.length; n++) {
      this.total += 1;
      begun.push(this.total);
      this.put({
        number: this.total,
        taskId: part.taskId,
        taskLine: this.total,
        text: bounded(pieces[n] ?? ""),
        createdAt: part.createdAt,
        ...(stderr(n + 1) ? { stderr: true } : {}),
      });
    }
    return begun;
  }

  abort(): void {
    this.stopResting();
    this.settling.stop();
    this.wanted = "";
    for (const each of this.loading.values()) each.abort();
    this.loading.clear();
  }

  private isWhole(page: number): boolean {
    const size = Math.min(PAGE, this.total - page * PAGE);
    const lines = this.pages.get(page);
    if (!lines) return false;
    for (let n = size - 1; n >= 0; n--) if (!lines[n]) return false;
    return true;
  }

  private async load(page: number): Promise<void> {
    const abort = new AbortController();
    this.loading.set(page, abort);
    try {
      let first = page * PAGE + 1;
      while (first <= Math.min((page + 1) * PAGE, this.total)) {
        const found = await this.read(first, (page + 1) * PAGE - first + 1, abort.signal);
        if (!found.items.length) break;
        for (const line of found.items) this.put(line);
        first = (found.items.at(-1)?.number ?? first) + 1;
      }
      this.succeed();
      if (!this.isWhole(page)) this.rest(); // they are gone, or not there yet
    } catch (error) {
      if (abort.signal.aborted) return;
      this.error = error;
      this.rest();
    }
    this.loading.delete(page);
    this.onChange();
  }

  private succeed(): void {
    this.error = undefined;
    if (this.again === undefined) this.pauseMs = 0;
  }

  /** What is drawn anew asks again for what it lacks: without a pause, at once and for ever. */
  private rest(): void {
    if (this.again !== undefined) return; // another page of the same attempt
    this.pauseMs = Math.min(this.pauseMs * 2 || FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    this.again = setTimeout(() => this.retry(), this.pauseMs);
  }

  private stopResting(): void {
    clearTimeout(this.again);
    this.again = undefined;
  }

  private put(line: Line): void {
    const page = pageOf(line.number);
    const lines = this.pages.get(page) ?? [];
    lines[(line.number - 1) % PAGE] = line;
    this.pages.set(page, lines);
    if ((this.newest.get(line.taskId)?.number ?? 0) <= line.number)
      this.newest.set(line.taskId, line);
    if (this.pages.size > MOST_PAGES) this.pages.delete(this.pages.keys().next().value as number);
  }
}

const pageOf = (number: number): number => Math.floor((number - 1) / PAGE);

/** As the API shows long lines: of a progress bar the newest. */
function bounded(text: string): string {
  if (text.length <= LONGEST) return text;
  return text.slice(text.replace(/\r+$/, "").lastIndexOf("\r") + 1).slice(0, LONGEST);
}
