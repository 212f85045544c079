// The keys of the editor.

export function Help() {
  return (
    <details class="small muted">
      <summary>Keys</summary>
      <ul>
        <li>
          <kbd>Ctrl</kbd> <kbd>Space</kbd> shows what can be written here; hovering a field explains
          it.
        </li>
        <li>
          <kbd>Ctrl</kbd> <kbd>Enter</kbd> submits. On a Mac, <kbd>⌘</kbd> stands for{" "}
          <kbd>Ctrl</kbd>.
        </li>
        <li>
          <kbd>Tab</kbd> indents. <kbd>Esc</kbd>, then <kbd>Tab</kbd>, leaves the editor.
        </li>
        <li>
          <kbd>F8</kbd> goes to the next problem, <kbd>Ctrl</kbd> <kbd>F</kbd> searches.
        </li>
      </ul>
    </details>
  );
}
