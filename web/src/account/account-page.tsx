// Who is signed in: roles, sessions, password, API keys.
import "./account.css";
import { useLocation } from "preact-iso";
import { loadSession, may, session } from "../api/session";
import { EmptyState } from "../ui/empty-state";
import { Fact } from "../ui/fact";
import { PageHead } from "../ui/page-head";
import { Keys } from "./keys";
import { PasswordForm } from "./password-form";
import { Sessions } from "./sessions";

export default function AccountPage() {
  const { route } = useLocation();
  const found = session.value;
  if (!found?.isAuthenticationOn)
    return (
      <>
        <PageHead title="Account" />
        <EmptyState
          title="Nobody signs in here"
          text="Authentication is off (CONVEYOR_AUTH_TYPE=none): everyone may do everything."
        />
      </>
    );
  const leave = async () => {
    await loadSession();
    route("/ui/sign-in");
  };
  return (
    <>
      <PageHead title="Account" />
      <div class="stack">
        <dl class="facts">
          <Fact name="Signed in as">
            {found.user ?? (found.key ? "an API key" : "the operator")}
          </Fact>
          {found.key && (
            <Fact name="Key">
              <code>{found.key}</code>
            </Fact>
          )}
          <Fact name="Roles">{found.roles.join(", ") || "none"}</Fact>
          <Fact name="May">{may("admin") ? "do everything" : found.scopes.join(", ")}</Fact>
        </dl>
        {may("read") && <Sessions onLeft={leave} />}
        {found.user && found.takesPasswords && may("operate") && <PasswordForm user={found.user} />}
        {found.takesKeys && may("read") && <Keys />}
      </div>
    </>
  );
}
