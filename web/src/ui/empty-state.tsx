// Where there is nothing to show: says so, and what to do next.
import type { ComponentChildren } from "preact";

interface Props {
  title: string;
  text?: ComponentChildren;
  /** Links, buttons, commands. */
  children?: ComponentChildren;
}

export function EmptyState({ title, text, children }: Props) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {children && <div class="empty-acts">{children}</div>}
    </div>
  );
}
