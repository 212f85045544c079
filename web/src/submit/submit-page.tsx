// The page to submit a job, to run one again with edits, and to edit a schedule.
import "./submit.css";
import { useLocation } from "preact-iso";
import { may, session } from "../api/session";
import { EmptyState } from "../ui/empty-state";
import { ErrorNote } from "../ui/error-note";
import { useLoad } from "../ui/load";
import { PageHead } from "../ui/page-head";
import { begin, sourceOf } from "./source";
import { Workbench } from "./workbench";

export default function SubmitPage() {
  const { query } = useLocation();
  const source = sourceOf(query);
  const key = JSON.stringify(source);
  const { data, error, reload } = useLoad(key, (signal) => begin(source, signal));
  if (!may("submit")) return <MayNot />;
  if (data) return <Workbench key={key} source={source} begin={data} />;
  return (
    <>
      <PageHead title="Submit a job" />
      {error ? <ErrorNote error={error} retry={reload} /> : null}
    </>
  );
}

function MayNot() {
  const user = session.value?.user;
  return (
    <>
      <PageHead title="Submit a job" />
      <EmptyState
        title="You can't submit jobs"
        text={`${user ? `The account ${user}` : "This sign-in"} lacks the permission “submit”. Ask an administrator for it, or sign in as somebody who has it.`}
      >
        <a class="button" href="/">
          See all jobs
        </a>
        <a class="button" href="/ui/sign-in">
          Sign in
        </a>
      </EmptyState>
    </>
  );
}
