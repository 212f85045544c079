// Who asks, and what they may do.
import { computed, signal } from "@preact/signals";
import { ApiError, api, data, type Schemas, useSessionFor } from "./client";

export type Session = Schemas["Session"];
export type Scope = Session["scopes"][number];

const NO_SCOPES = "You are signed in, but this key allows nothing: make one with other scopes.";
const NO_COOKIE =
  "The browser has not kept the cookie of the session. Allow cookies for this address, then sign in again.";

/** Undefined until it is known. */
export const session = signal<Session | undefined>(undefined);

/** Whether anything may be asked; where authentication is off, everyone is. */
export const isSignedIn = computed(() => (session.value?.scopes.length ?? 0) > 0);

/** Who signed in last; empty for nobody. What they had open is for nobody else. */
export const holder = signal("");

/** What they may do. When a session ends it stays: what is open waits as it is. */
const scopes = signal<readonly Scope[]>([]);

/** Whether a button that needs the scope is to be shown. */
export function may(scope: Scope): boolean {
  return scopes.value.includes("admin") || scopes.value.includes(scope);
}

/** Asks who the cookie stands for. Throws ApiError. */
export async function loadSession(): Promise<void> {
  adopt(await data(api.GET("/session")));
}

/** Throws ApiError. */
export async function signIn(credentials: Schemas["SignIn"]): Promise<void> {
  const found = await data(api.POST("/session", { body: credentials }));
  if (!found.scopes.length) throw new ApiError(403, NO_SCOPES);
  await loadSession();
  if (!isSignedIn.value) throw new ApiError(0, NO_COOKIE);
}

/** Throws ApiError. */
export async function signOut(): Promise<void> {
  await data(api.DELETE("/session"));
  holder.value = "";
  scopes.value = [];
  await loadSession();
}

function adopt(found: Session): void {
  useSessionFor(found.csrfToken ?? "", forget);
  if (found.scopes.length) {
    holder.value = JSON.stringify([found.user, found.key, found.roles]);
    if (`${found.scopes}` !== `${scopes.value}`) scopes.value = found.scopes;
  }
  if (JSON.stringify(found) !== JSON.stringify(session.value)) session.value = found;
}

/** The session has ended; the page waits for whoever had it. */
function forget(): void {
  const { user, key, csrfToken, ...rest } = session.value ?? {};
  if (isSignedIn.value) session.value = { ...(rest as Session), roles: [], scopes: [] };
}

/** Another tab may have signed in or out. */
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && session.value) loadSession().catch(() => undefined); // the next act says it
});
