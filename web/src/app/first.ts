// What the head of the page tells the browser to ask for at once, beside the script that would ask
// for it later: of the pages that are opened most. The build writes it down for the coordinator.

export interface First {
  /** `{id}` and the like stand for a whole id, `*` for anything. The first that fits counts. */
  address: string;
  /** The page, where it does not come with the frame. */
  modules: readonly string[];
  /** What it reads first, in the very words of `api`. */
  data: readonly string[];
}

const JOB = "src/job/job-page.tsx";
const HEADER = "/jobs/{id}/summary?details=true";
const PAGE = "counts=true&page=1&size=100";

export const FIRST: readonly First[] = [
  { address: "/", modules: [], data: ["/jobs?size=50"] },
  {
    address: "/ui/jobs/{id}",
    modules: [JOB],
    data: [HEADER, `/jobs/{id}/tasks?parent=top&q=&order=position&state=&${PAGE}`],
  },
  {
    address: "/ui/jobs/{id}?parent={parent}",
    modules: [JOB],
    data: [HEADER, `/jobs/{id}/tasks?parent={parent}&q=&order=failed-first&state=&${PAGE}`],
  },
  {
    address: "/ui/jobs/{id}?tab=log",
    modules: [JOB, "src/job/component-tabs.tsx"],
    data: [HEADER, "/jobs/{id}/log/lines?first=-200&size=200"],
  },
  { address: "/ui/jobs/{id}?*", modules: [JOB], data: [HEADER] },
];
