// The frame around all pages: navigation, who is signed in, the page itself.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { ErrorBoundary, LocationProvider, Route, Router, useLocation } from "preact-iso";
import { holder, isSignedIn, loadSession, may, session } from "../api/session";
import { OWN } from "../signin/destination";
import { SignInForm } from "../signin/sign-in-form";
import { LiveRegion } from "../ui/announce";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { ROUTES } from "./routes";
import { Shell } from "./shell";

/** `asked`: the first question who is signed in. */
export function App({ asked }: { asked: Promise<void> }) {
  const [error, setError] = useState<unknown>();
  const load = (session: Promise<void>) => session.then(() => setError(undefined), setError);
  useEffect(() => void load(asked), []);
  return (
    <LocationProvider scope={OWN}>
      <Shell>
        {session.value ? (
          <Door />
        ) : (
          !!error && <ErrorNote error={error} retry={() => void load(loadSession())} />
        )}
      </Shell>
      <LiveRegion />
    </LocationProvider>
  );
}

/** Pages, for who is signed in. When a session ends they wait, with all that was typed, until the
 * same user signs in again; another user gets pages of their own. */
function Door() {
  const { path } = useLocation();
  const isShut = !isSignedIn.value && path !== "/ui/sign-in";
  const focused = useRef<Element | null>(null);
  useLayoutEffect(() => {
    if (isShut) focused.current = document.activeElement;
    else if (focused.current instanceof HTMLElement) focused.current.focus();
  }, [isShut]);
  const hasPages = holder.value !== "" || path === "/ui/sign-in";
  return (
    <>
      {isShut && <SignInForm hasEnded={holder.value !== ""} />}
      <div hidden={isShut}>{hasPages && <Pages key={holder.value} path={path} />}</div>
    </>
  );
}

function Pages({ path }: { path: string }) {
  const isForAll = path === "/ui/submit" || path === "/ui/sign-in";
  if (holder.value && !may("read") && !isForAll)
    return (
      <EmptyState
        title="You may submit jobs, but not read them"
        text="Your key lacks the scope read."
      >
        {may("submit") && (
          <a class="button" href="/ui/submit">
            Submit a job
          </a>
        )}
      </EmptyState>
    );
  return (
    <ErrorBoundary onError={reloadOnce}>
      <Router>
        {ROUTES.map(({ path, component }) => (
          <Route key={path} path={path} component={component} />
        ))}
        <Route default component={NotFound} />
      </Router>
    </ErrorBoundary>
  );
}

function NotFound() {
  return (
    <EmptyState title="There is no such page">
      <a class="button" href="/">
        See all jobs
      </a>
    </EmptyState>
  );
}

/** After an upgrade the parts of the old page are gone: the new page has them. */
function reloadOnce(error: Error): void {
  if (!/dynamically imported module|Importing a module/.test(error.message)) throw error;
  if (sessionStorage.getItem("conveyor.reloaded") === error.message) throw error;
  sessionStorage.setItem("conveyor.reloaded", error.message);
  location.reload();
}
