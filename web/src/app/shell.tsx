// The bar at the top and the main part.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { isSignedIn, may } from "../api/session";
import { Account } from "./account";
import { Away } from "./away";

const SECTIONS = [
  { href: "/", name: "Jobs", isOf: (path: string) => path === "/" || path.startsWith("/ui/jobs") },
  { href: "/ui/templates", name: "Templates" },
  { href: "/ui/schedules", name: "Schedules" },
  { href: "/ui/webhooks", name: "Webhooks" },
  { href: "/ui/secrets", name: "Secrets" },
  { href: "/ui/cluster", name: "Cluster" },
];

export function Shell({ children }: { children: ComponentChildren }) {
  const { path } = useLocation();
  return (
    <div class="shell">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="shell-bar">
        <div class="shell-bar-inner">
          <a class="shell-name" href="/">
            <Logo />
            Conveyor
          </a>
          {isSignedIn.value && may("read") && <Sections path={path} />}
          <div class="shell-end">
            {may("submit") && path !== "/ui/submit" && (
              <a class="button button-primary" href="/ui/submit">
                Submit a job
              </a>
            )}
            <Account />
          </div>
        </div>
      </header>
      <Main path={path}>
        <Away />
        {children}
      </Main>
    </div>
  );
}

function Sections({ path }: { path: string }) {
  return (
    <nav class="shell-nav" aria-label="Sections">
      <ul>
        {SECTIONS.map(({ href, name, isOf }) => {
          const isHere = isOf ? isOf(path) : path.startsWith(href);
          return (
            <li key={href}>
              <a href={href} aria-current={isHere ? "page" : undefined}>
                {name}
              </a>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

/** Takes the focus when another page is opened, so that a screen reader begins there. */
function Main({ path, children }: { path: string; children: ComponentChildren }) {
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);
  return (
    <main class="shell-main" id="main" ref={main} tabIndex={-1}>
      {children}
    </main>
  );
}

function Logo() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <path d="M3 6h14M3 10h14M3 14h14" stroke="currentColor" stroke-width="2" opacity=".35" />
      <path d="M3 6h6M7 10h7M12 14h5" stroke="currentColor" stroke-width="2" />
    </svg>
  );
}
