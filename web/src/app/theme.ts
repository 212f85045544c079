// Light or dark: as the system has it, unless chosen.
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "conveyor.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<Theme>(stored());
/** What is shown now; charts and editors draw anew when it changes. */
export const shownTheme = signal<"light" | "dark">("light");

export function applyTheme(): void {
  shownTheme.value = theme.value === "system" ? (dark.matches ? "dark" : "light") : theme.value;
  document.documentElement.dataset.theme = shownTheme.value;
}

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // private windows may have no storage: it holds until they are closed
  }
  applyTheme();
}

dark.addEventListener("change", applyTheme);

function stored(): Theme {
  try {
    const found = localStorage.getItem(KEY);
    return found === "light" || found === "dark" ? found : "system";
  } catch {
    return "system";
  }
}
