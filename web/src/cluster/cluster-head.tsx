// The head of the cluster's pages, with the ways between them.
import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { may } from "../api/session";
import { PageHead } from "../ui/page-head";
import { Tabs } from "../ui/tabs";

const PAGES = [
  { name: "Overview", href: "/ui/cluster" },
  { name: "Nodes", href: "/ui/cluster/nodes" },
  { name: "Queues", href: "/ui/cluster/queues" },
];
const ADMINS_PAGE = { name: "Dead letters", href: "/ui/cluster/dead-letters" };

export function ClusterHead({ title, children }: { title: string; children?: ComponentChildren }) {
  const { path } = useLocation();
  const pages = may("admin") ? [...PAGES, ADMINS_PAGE] : PAGES;
  return (
    <>
      <PageHead title={title}>{children}</PageHead>
      <Tabs
        label="Cluster"
        tabs={pages.map((page) => ({ ...page, isCurrent: page.href === path }))}
      />
    </>
  );
}
