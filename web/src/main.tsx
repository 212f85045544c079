// Starts the page.
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/components.css";
import "./styles/forced-colours.css";
import { render } from "preact";
import { loadSession } from "./api/session";
import { App } from "./app/app";
import { open } from "./app/routes";
import { applyTheme } from "./app/theme";
import { showTurningCharacters } from "./ui/direction";

/** So long nothing is drawn: what comes by then is there at once, without a frame before it. */
const PATIENCE_MS = 400;

async function start(root: HTMLElement): Promise<void> {
  const asked = loadSession();
  const opened = open(new URL(location.href), asked);
  await Promise.race([opened, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
  render(<App asked={asked} />, root);
}

applyTheme();
showTurningCharacters();
const root = document.getElementById("page");
if (root) void start(root);
