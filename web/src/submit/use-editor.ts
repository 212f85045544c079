// The editor in its place on the page, loaded when it is opened.
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { send } from "../api/client";
import type { Editor } from "./editor";
import type { Schema } from "./schema";

interface Options {
  onChange: (text: string) => void;
  onSubmit: () => void;
}

export interface Mounted {
  editor: { readonly current: Editor | null };
  isReady: boolean;
  error: unknown;
}

/** Begins with `text`; later changes of it are for `editor` to make. */
export function useEditor(
  host: RefObject<HTMLDivElement | null>,
  text: string,
  options: Options,
): Mounted {
  const editor = useRef<Editor>(null);
  const newest = useRef(options);
  newest.current = options;
  const [isReady, setReady] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    let isOver = false;
    let schema: Schema | undefined;
    loadSchema().then((found) => {
      schema = found;
    }, setError);
    import("./editor").then(({ createEditor }) => {
      if (isOver || !host.current) return;
      editor.current = createEditor(host.current, {
        text,
        schema: () => schema,
        onChange: (now) => newest.current.onChange(now),
        onSubmit: () => newest.current.onSubmit(),
      });
      setReady(true);
    }, setError);
    return () => {
      isOver = true;
      editor.current?.destroy();
      editor.current = null;
    };
  }, []);
  return { editor, isReady, error };
}

/** That of jobs, the `schedule` of scheduled ones, and the `template` of stored ones. */
async function loadSchema(): Promise<Schema> {
  const [job, scheduled, stored] = await Promise.all(
    ["/schema/job.json", "/schema/scheduled-job.json", "/schema/template.json"].map(
      async (path) => (await (await send(path)).json()) as Schema,
    ),
  );
  const schedule = scheduled?.properties?.schedule;
  const template = stored?.properties?.template;
  return {
    ...job,
    $defs: { ...scheduled?.$defs, ...stored?.$defs, ...job?.$defs },
    properties: {
      ...job?.properties,
      ...(schedule && { schedule }),
      ...(template && { template }),
    },
  };
}
