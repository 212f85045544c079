// The timelines of a job and of its sub-jobs that are unfolded, kept fresh while they change.
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { api, data } from "../api/client";
import { follow } from "../api/live";
import { isFinal } from "../ui/state";
import { type TaskNode, type TimelineData, treeOf } from "./model";

const AT_MOST_EVERY_MS = 1000;
/** A timeline of 10,000 attempts is not asked for each second. */
const LOAD_SHARE = 8;

interface Loaded {
  data: TimelineData;
  tree: TaskNode[];
}

export class Timelines {
  /** Rises whenever there is something new to draw. */
  readonly version = signal(0);
  error: unknown;
  /** By how much the clock of the server is ahead, in ms. */
  aheadMs = 0;
  private readonly loaded = new Map<string, Loaded>();
  private readonly asked = new Map<
    string,
    { timer?: number; isLoading: boolean; costMs: number }
  >();
  private stop: () => void = () => undefined;
  private isDisposed = false;

  /** `followedByPage`: a job of whose changes its page tells. */
  constructor(
    readonly jobId: string,
    private readonly followedByPage?: string,
  ) {}

  get(jobId: string = this.jobId): Loaded | undefined {
    return this.loaded.get(jobId);
  }

  now(): number {
    return Date.now() + this.aheadMs;
  }

  get isLive(): boolean {
    const state = this.get()?.data.state;
    return state !== undefined && !isFinal(state);
  }

  /** A sub-job's, when it is unfolded. */
  subjob = (jobId: string): readonly TaskNode[] | undefined => {
    if (!this.asked.has(jobId)) this.open(jobId);
    return this.loaded.get(jobId)?.tree;
  };

  open(jobId: string = this.jobId): void {
    this.asked.set(jobId, { isLoading: false, costMs: 0 });
    void this.load(jobId);
    this.stop();
    const followed = [...this.asked.keys()].filter((id) => id !== this.followedByPage);
    if (followed.length === 0) return;
    const jobs = encodeURIComponent(followed.join(","));
    this.stop = follow(`/events?types=job,task&every=500ms&jobs=${jobs}`, {
      onEvent: (_, event) => this.refresh(event.jobId),
      onOpen: () => {
        for (const id of followed) this.refresh(id);
      },
    });
  }

  dispose(): void {
    this.isDisposed = true;
    this.stop();
    for (const { timer } of this.asked.values()) clearTimeout(timer);
  }

  /** Soon; many events are one refresh. */
  refresh(jobId: string): void {
    const asked = this.asked.get(jobId);
    if (!asked || asked.timer !== undefined || !this.loaded.has(jobId)) return;
    const wait = Math.max(AT_MOST_EVERY_MS, asked.costMs * LOAD_SHARE);
    asked.timer = window.setTimeout(() => {
      asked.timer = undefined;
      void this.load(jobId);
    }, wait);
  }

  private async load(jobId: string): Promise<void> {
    const asked = this.asked.get(jobId);
    if (!asked || asked.isLoading) return;
    asked.isLoading = true;
    const began = performance.now();
    try {
      const found = await data(api.GET("/jobs/{id}/timeline", { params: { path: { id: jobId } } }));
      this.aheadMs = Date.parse(found.now) - Date.now();
      this.loaded.set(jobId, { data: found, tree: treeOf(found, jobId) });
      this.error = undefined;
    } catch (error) {
      this.error = error;
      if (!this.isDisposed) asked.timer = window.setTimeout(() => this.again(jobId), 5000);
    }
    asked.isLoading = false;
    asked.costMs = performance.now() - began;
    if (!this.isDisposed) this.version.value += 1;
  }

  private again(jobId: string): void {
    const asked = this.asked.get(jobId);
    if (asked) asked.timer = undefined;
    void this.load(jobId);
  }
}

/** `changes` rises when something of the job has changed; without it the job is followed here. */
export function useTimelines(jobId: string, changes?: number): Timelines {
  const isFollowed = changes !== undefined;
  const timelines = useMemo(
    () => new Timelines(jobId, isFollowed ? jobId : undefined),
    [jobId, isFollowed],
  );
  useEffect(() => {
    timelines.open();
    return () => timelines.dispose();
  }, [timelines]);
  useEffect(() => {
    if (changes) timelines.refresh(jobId);
  }, [timelines, changes]);
  return timelines;
}
