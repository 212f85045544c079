// Buttons; what can't be undone asks first, in its place.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

type Props = JSX.IntrinsicElements["button"] & {
  kind?: "plain" | "primary" | "danger" | "quiet";
  small?: boolean;
  children?: ComponentChildren;
};

export function Button({ kind = "plain", small, class: more, ...rest }: Props) {
  const classes = ["button", kind !== "plain" && `button-${kind}`, small && "button-small", more];
  return <button type="button" {...rest} class={classes.filter(Boolean).join(" ")} />;
}

interface ConfirmProps {
  /** The button: "Cancel". */
  label: string;
  /** "Cancel 3 jobs?" */
  question: string;
  /** The second button: "Cancel 3 jobs". */
  yes: string;
  /** It may take a while; the buttons wait. Refusals are for the caller to show. */
  onConfirm: () => void | Promise<void>;
  kind?: Props["kind"];
  small?: boolean;
  disabled?: boolean;
  /** More to say or to fill in, between question and buttons. */
  children?: ComponentChildren;
}

export function Confirm(props: ConfirmProps) {
  const [isAsking, setAsking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const first = useRef<HTMLButtonElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  useEffect(() => {
    if (isAsking) first.current?.focus();
    else if (wasAsking.current) opener.current?.focus();
    wasAsking.current = isAsking;
  }, [isAsking]);
  const { label, question, yes, onConfirm, kind = "danger", small, disabled, children } = props;
  if (!isAsking)
    return (
      <Button
        ref={opener}
        kind={kind}
        small={small}
        disabled={disabled}
        onClick={() => setAsking(true)}
      >
        {label}
      </Button>
    );
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
    } finally {
      setBusy(false);
      setAsking(false);
    }
  };
  return (
    <fieldset
      class="confirm"
      aria-label={question}
      onKeyDown={(event) => event.key === "Escape" && setAsking(false)}
    >
      <span>{question}</span>
      {children}
      <Button
        ref={first}
        kind={kind}
        small={small}
        disabled={isBusy}
        onClick={() => void confirm()}
      >
        {yes}
      </Button>
      <Button small={small} disabled={isBusy} onClick={() => setAsking(false)}>
        No
      </Button>
    </fieldset>
  );
}
