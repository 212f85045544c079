// A bar with its figure.

export function Progress({ percent, label }: { percent: number; label: string }) {
  const whole = Math.floor(percent);
  return (
    <span class="progress">
      <progress value={whole} max={100} aria-label={label} />
      {whole} %
    </span>
  );
}

/** So much of so much: `8 of 16`. */
export function Meter({ of, held, text }: { of: number; held: number; text: string }) {
  return (
    <span class="progress">
      <progress value={of > 0 ? Math.min(held, of) : 0} max={of > 0 ? of : 1} aria-label={text} />
      {text}
    </span>
  );
}
