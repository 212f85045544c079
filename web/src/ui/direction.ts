// Shows the characters that turn the direction of a text, so that no name looks like another.
import { options } from "preact";

const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

export function legible(text: string): string {
  return text.replace(TURNING, (c) => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase()}⟩`);
}

/** From now on in all that is drawn, but for what is typed and what is sent. */
export function showTurningCharacters(): void {
  const before = options.vnode;
  options.vnode = (vnode) => {
    const props: unknown = vnode.props;
    if (typeof props === "string")
      Object.assign(vnode, { props: legible(props) }); // of a text node
    else if (typeof vnode.type === "string") drawTitle(vnode.props as { title?: unknown });
    before?.(vnode);
  };
}

function drawTitle(props: { title?: unknown }): void {
  if (typeof props.title === "string") props.title = legible(props.title);
}
