// The head of a page, and its title in the browser.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { legible } from "./direction";

interface Props {
  title: string;
  /** Beside the title: its state. */
  beside?: ComponentChildren;
  /** Acts, at the end of the line. */
  children?: ComponentChildren;
}

export function PageHead({ title, beside, children }: Props) {
  useTitle(title);
  return (
    <div class="page-head">
      <h1>{title}</h1>
      {beside}
      {children && <div class="page-acts">{children}</div>}
    </div>
  );
}

function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${legible(title)} · Conveyor`;
  }, [title]);
}
