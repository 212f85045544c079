// Asks before a page with unsaved edits is left.
import { useEffect, useRef, useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { Button } from "../ui/button";

export function LeaveGuard({ isDirty }: { isDirty: boolean }) {
  const { route } = useLocation();
  const [href, setHref] = useState<string>();
  const stay = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isDirty) return;
    const onUnload = (event: BeforeUnloadEvent) => event.preventDefault();
    const onClick = (event: MouseEvent) => {
      const link = linkOf(event);
      if (!link) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      setHref(link.pathname + link.search + link.hash);
    };
    window.addEventListener("beforeunload", onUnload);
    window.addEventListener("click", onClick, true);
    return () => {
      window.removeEventListener("beforeunload", onUnload);
      window.removeEventListener("click", onClick, true);
    };
  }, [isDirty]);
  useEffect(() => stay.current?.focus(), [href]);
  if (href === undefined) return null;
  return (
    <section class="note row submit-leave" role="alertdialog" aria-label="Leave this page?">
      <span>Leave without submitting? The draft stays in this browser, without secrets.</span>
      <Button small onClick={() => route(href)}>
        Leave
      </Button>
      <Button small ref={stay} onClick={() => setHref(undefined)}>
        Stay
      </Button>
    </section>
  );
}

/** A link within the page that is followed in this window. */
function linkOf(event: MouseEvent): HTMLAnchorElement | undefined {
  if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return undefined;
  const target = event.target instanceof Element ? event.target.closest("a[href]") : null;
  const isOwn =
    target instanceof HTMLAnchorElement &&
    target.origin === location.origin &&
    !target.target &&
    (target.pathname !== location.pathname || target.search !== location.search);
  return isOwn ? target : undefined;
}
