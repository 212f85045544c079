// Who is signed in, the theme, the way out.
import { useRef } from "preact/hooks";
import { useLocation } from "preact-iso";
import { isSignedIn, may, type Session, session, signOut } from "../api/session";
import { useAct } from "../ui/act";
import { Button } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { WhenIdle } from "../ui/idle";
import { chooseTheme, type Theme, theme } from "./theme";

export function Account() {
  const menu = useRef<HTMLDetailsElement>(null);
  const found = session.value;
  const close = () => {
    if (menu.current) menu.current.open = false;
  };
  return (
    <details
      class="menu"
      ref={menu}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !menu.current?.open) return;
        close();
        menu.current.querySelector("summary")?.focus();
      }}
      onFocusOut={(event) => {
        const to = event.relatedTarget;
        if (to instanceof Node && !event.currentTarget.contains(to)) close();
      }}
    >
      <summary class="button button-quiet">
        <span class="cut">{found && isSignedIn.value ? nameOf(found) : "Menu"}</span>
      </summary>
      <div class="menu-items">
        <WhenIdle>{() => <Items close={close} />}</WhenIdle>
      </div>
    </details>
  );
}

function Items({ close }: { close: () => void }) {
  const found = session.value;
  return (
    <>
      {found?.isAuthenticationOn && isSignedIn.value && <WhoAmI found={found} />}
      {found?.isAuthenticationOn && isSignedIn.value && (
        <a class="button button-quiet" href="/ui/account" onClick={close}>
          Account
        </a>
      )}
      {isSignedIn.value && may("admin") && (
        <a class="button button-quiet" href="/ui/users" onClick={close}>
          Users
        </a>
      )}
      <label class="field">
        Theme
        <select
          value={theme.value}
          onChange={(event) => chooseTheme(event.currentTarget.value as Theme)}
        >
          <option value="system">As the system</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
      <a class="button button-quiet" href="/docs">
        API documentation
      </a>
      {found?.isAuthenticationOn && isSignedIn.value && <SignOut />}
      {found && <p class="menu-note muted small">Conveyor {found.version}</p>}
    </>
  );
}

function nameOf(found: Session): string {
  if (found.user) return found.user;
  if (found.key) return "API key";
  return found.isAuthenticationOn ? "Operator" : "Menu";
}

function WhoAmI({ found }: { found: Session }) {
  return (
    <dl class="menu-note account-facts">
      <dt>Signed in as</dt>
      <dd>{nameOf(found)}</dd>
      {found.key && (
        <>
          <dt>Key</dt>
          <dd class="mono">{found.key}</dd>
        </>
      )}
      {found.roles.length > 0 && (
        <>
          <dt>Roles</dt>
          <dd>{found.roles.join(", ")}</dd>
        </>
      )}
      <dt>May</dt>
      <dd>{found.scopes.includes("admin") ? "do everything" : found.scopes.join(", ")}</dd>
    </dl>
  );
}

function SignOut() {
  const { route } = useLocation();
  const { act, error } = useAct();
  const leave = async () => {
    if (await act(signOut)) route("/ui/sign-in");
  };
  return (
    <>
      <Button kind="quiet" onClick={() => void leave()}>
        Sign out
      </Button>
      {!!error && <ErrorNote error={error} />}
    </>
  );
}
