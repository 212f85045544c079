// Colours of terminals, moved towards black or white until they can be read in either theme.
import type { Colour, Style } from "./ansi";

/** Enough for 4.5 on a line that is selected, too. */
const LEAST_CONTRAST = 6;
const LIGHT: Colour = [255, 255, 255];
const DARK: Colour = [18, 19, 22];
const BLACK: Colour = [0, 0, 0];

export type Css = {
  color?: string;
  backgroundColor?: string;
  fontWeight?: string;
  fontStyle?: string;
  textDecoration?: string;
};

export function cssOf(style: Style): Css | undefined {
  const css: Css = {};
  const [fg, bg] = style.inverse ? [style.bg, style.fg ?? [128, 128, 128]] : [style.fg, style.bg];
  if (bg) {
    css.backgroundColor = text(bg as Colour);
    const on =
      fg ?? (contrast(bg as Colour, BLACK) > contrast(bg as Colour, LIGHT) ? BLACK : LIGHT);
    css.color = text(readable(on, bg as Colour));
  } else if (fg)
    css.color = `light-dark(${text(readable(fg, LIGHT))}, ${text(readable(fg, DARK))})`;
  else if (style.dim) css.color = "var(--muted)";
  if (style.bold) css.fontWeight = "600";
  if (style.italic) css.fontStyle = "italic";
  const lines = [style.underline && "underline", style.strike && "line-through"].filter(Boolean);
  if (lines.length) css.textDecoration = lines.join(" ");
  return Object.keys(css).length ? css : undefined;
}

/** `colour`, changed no more than it must be to be read on `ground`. */
export function readable(colour: Colour, ground: Colour): Colour {
  const end = contrast(ground, BLACK) > contrast(ground, LIGHT) ? BLACK : LIGHT;
  for (let share = 0; share < 1; share += 0.05) {
    const mixed = mix(colour, end, share);
    if (contrast(mixed, ground) >= LEAST_CONTRAST) return mixed;
  }
  return end;
}

const mix = (a: Colour, b: Colour, share: number): Colour => {
  const part = (n: 0 | 1 | 2) => Math.round(a[n] + (b[n] - a[n]) * share);
  return [part(0), part(1), part(2)];
};

/** As WCAG has it. */
export function contrast(a: Colour, b: Colour): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: Colour): number {
  const [r, g, b] = colour.map((n) => {
    const share = n / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const text = (colour: Colour): string => `rgb(${colour.join(" ")})`;
