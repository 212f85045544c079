// The table of the page's addresses.
import type { ComponentType } from "preact";
import { lazy } from "preact-iso";
import { exec } from "preact-iso/router";
import { isSignedIn } from "../api/session";
import * as jobsPage from "../jobs/jobs-page";

/** What pages get of their address. */
export interface Params {
  id?: string;
}

export interface PageRoute {
  path: string;
  component: ComponentType<Params> & { preload?: () => Promise<unknown> };
  load: () => Promise<Page>;
}

interface Page {
  default: ComponentType<Params>;
  /** Asks early for what the page at this address shows first. */
  begin?: (at: URL, params: Params) => Promise<unknown>;
}

/** A page that is loaded when it is opened. */
const page = (load: () => Promise<Page>): Omit<PageRoute, "path"> => ({
  load,
  component: lazy(load),
});

export const ROUTES: readonly PageRoute[] = [
  // Opened most: it comes with the frame, in one request.
  { path: "/", component: jobsPage.default, load: async () => jobsPage },
  { path: "/ui/jobs/:id", ...page(() => import("../job/job-page")) },
  { path: "/ui/submit", ...page(() => import("../submit/submit-page")) },
  { path: "/ui/schedules", ...page(() => import("../schedules/schedules-page")) },
  { path: "/ui/schedules/:id", ...page(() => import("../schedules/schedule-page")) },
  { path: "/ui/templates", ...page(() => import("../templates/templates-page")) },
  { path: "/ui/templates/:id", ...page(() => import("../templates/template-page")) },
  { path: "/ui/webhooks", ...page(() => import("../webhooks/webhooks-page")) },
  { path: "/ui/webhooks/:id", ...page(() => import("../webhooks/webhook-page")) },
  { path: "/ui/secrets", ...page(() => import("../secrets/secrets-page")) },
  { path: "/ui/cluster", ...page(() => import("../cluster/overview-page")) },
  { path: "/ui/cluster/nodes", ...page(() => import("../cluster/nodes-page")) },
  { path: "/ui/cluster/nodes/:id", ...page(() => import("../cluster/node-page")) },
  { path: "/ui/cluster/queues", ...page(() => import("../cluster/queues-page")) },
  { path: "/ui/cluster/queues/:id", ...page(() => import("../cluster/queue-page")) },
  { path: "/ui/cluster/dead-letters", ...page(() => import("../cluster/dead-letters-page")) },
  { path: "/ui/account", ...page(() => import("../account/account-page")) },
  { path: "/ui/users", ...page(() => import("../account/users-page")) },
  { path: "/ui/sign-in", ...page(() => import("../signin/sign-in-page")) },
];

/** Loads the page at an address and, for who is signed in, what it shows first; `asked`: the
 * question who that is. Never throws: the router tries again, and tells. */
export async function open(at: URL, asked: Promise<void>): Promise<void> {
  for (const { path, load, component } of ROUTES) {
    const found = exec(at.pathname, path);
    if (!found) continue;
    const loading = Promise.all([load(), component.preload?.(), asked]);
    await loading
      .then(([page]) => (isSignedIn.value ? page.begin?.(at, found.params) : undefined))
      .catch(() => undefined);
    return;
  }
}
