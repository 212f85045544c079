// What the keys of the list do.
import { WhenIdle } from "../ui/idle";
import { KEYS } from "./row-keys";

export function KeysHelp() {
  return (
    <details class="menu jobs-keys">
      <summary class="button button-quiet">Keys</summary>
      <div class="menu-items">
        <WhenIdle>{() => <Keys />}</WhenIdle>
      </div>
    </details>
  );
}

function Keys() {
  return (
    <table>
      <caption class="unseen">Keys of the list</caption>
      <tbody>
        {KEYS.map(([key, meaning]) => (
          <tr key={key}>
            <th scope="row">
              <kbd>{key}</kbd>
            </th>
            <td>{meaning}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
