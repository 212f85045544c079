// Where somebody is signed in, and how to end that.
import { api, data } from "../api/client";
import { may } from "../api/session";
import { useAct } from "../ui/act";
import { Confirm } from "../ui/button";
import { ErrorNote } from "../ui/error-note";
import { useLoad } from "../ui/load";
import { Ago, At } from "../ui/time";

interface Props {
  /** Whose; without it one's own. */
  user?: string;
  /** This session is over, too. */
  onLeft: () => void | Promise<void>;
}

export function Sessions({ user = "", onLeft }: Props) {
  const query = { user };
  const list = useLoad(`sessions ${user}`, (signal) =>
    data(api.GET("/sessions", { params: { query }, signal })),
  );
  const { act, error } = useAct(list.reload);
  const found = list.data;
  const endAll = async () => {
    const isDone = await act(
      () => api.DELETE("/sessions", { params: { query } }),
      "All sessions are ended",
    );
    if (isDone && found?.some((one) => one.isCurrent)) await onLeft();
  };
  const end = (id: string) =>
    act(
      () => api.DELETE("/sessions/{id}", { params: { path: { id }, query } }),
      "The session is ended",
    );
  return (
    <section class="section" aria-label="Sessions">
      <h2>Sessions</h2>
      {list.error !== undefined && <ErrorNote error={list.error} retry={list.reload} />}
      {found?.length === 0 && <p class="muted">Nobody is signed in.</p>}
      {!!found?.length && (
        <table class="cards">
          <thead>
            <tr>
              <th scope="col">Browser or client</th>
              <th scope="col">Opened with</th>
              <th scope="col">Opened</th>
              <th scope="col">Ends</th>
              <th scope="col">
                <span class="unseen">End it</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {found.map((one) => (
              <tr key={one.id}>
                <td class="wide">
                  {one.client ?? (one.kind === "token" ? "Access token" : "Unknown browser")}
                </td>
                <td data-label="Opened with">{one.key ? `key ${one.key}` : "password"}</td>
                <td data-label="Opened">
                  <Ago at={one.createdAt} />
                </td>
                <td data-label="Ends">
                  <At at={one.endsAt} />
                </td>
                <td>
                  {one.isCurrent ? (
                    <span class="muted">This one</span>
                  ) : (
                    may("operate") && (
                      <Confirm
                        small
                        label="End"
                        question="End this session?"
                        yes="End the session"
                        onConfirm={async () => void (await end(one.id))}
                      />
                    )
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {error !== undefined && <ErrorNote error={error} />}
      {!!found?.length && may("operate") && (
        <p>
          <Confirm
            label="End all sessions"
            question={user ? `Sign ${user} out everywhere?` : "Sign out everywhere, here too?"}
            yes="End all sessions now"
            onConfirm={endAll}
          />
        </p>
      )}
    </section>
  );
}
