// Tabs that are links: each has an address.
import { useEffect, useRef } from "preact/hooks";

/** What is seen of the tab before the current one, where they don't fit. */
const EDGE_PX = 48;

export interface Tab {
  name: string;
  href: string;
  isCurrent: boolean;
}

export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const nav = useRef<HTMLElement>(null);
  const current = tabs.find(({ isCurrent }) => isCurrent)?.name;
  useEffect(() => {
    const link = nav.current?.querySelector<HTMLElement>("[aria-current]");
    // The page itself must not move, as it would by scrollIntoView.
    if (link) nav.current?.scrollTo({ left: link.offsetLeft - nav.current.offsetLeft - EDGE_PX });
  }, [current]);
  return (
    <nav class="tabs" aria-label={label} ref={nav}>
      {tabs.map(({ name, href, isCurrent }) => (
        <a key={href} href={href} aria-current={isCurrent ? "page" : undefined}>
          {name}
        </a>
      ))}
    </nav>
  );
}
