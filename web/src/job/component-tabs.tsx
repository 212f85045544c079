// Tabs that other features fill.
import { Log } from "../log/log";
import { Graph } from "../timeline/graph";
import { Timeline } from "../timeline/timeline";
import { JobDeliveries } from "../webhooks/job-deliveries";
import type { TabProps } from "./job-page";

export const TimelineTab = ({ job, changes }: TabProps) => (
  <Timeline jobId={job.id} changes={changes} />
);
export const GraphTab = ({ job, changes }: TabProps) => <Graph jobId={job.id} changes={changes} />;
export const LogTab = ({ job }: TabProps) => <Log jobId={job.id} />;
export const WebhooksTab = ({ job }: TabProps) => <JobDeliveries jobId={job.id} />;
