// Sends a file for the job, with its progress: `fetch` can't tell how much is sent.
import { ApiError } from "../api/client";
import { session } from "../api/session";

export interface Uploaded {
  id: string;
  name: string;
  size: number;
}

/** Throws ApiError, and AbortError when `signal` ends it. */
export function upload(
  file: File,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Uploaded> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-Requested-With", "conveyor-page");
    if (session.value?.csrfToken) request.setRequestHeader("X-CSRF-Token", session.value.csrfToken);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    request.onload = () =>
      request.status === 200
        ? resolve(JSON.parse(request.responseText) as Uploaded)
        : reject(new ApiError(request.status, messageOf(request)));
    request.onerror = () => reject(new ApiError(0, "The connection broke: send the file again."));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** What a job calls the file: a name that YAML and expressions take without quotes. */
export function nameFor(file: string, taken: readonly string[]): string {
  const base = file
    .replace(/\.[^.]*$/, "")
    .replace(/\W+/g, "_")
    .replace(/^(\d|$)/, "file_$1");
  let name = base;
  for (let n = 2; taken.includes(name); n += 1) name = `${base}_${n}`;
  return name;
}

function messageOf(request: XMLHttpRequest): string {
  try {
    return (JSON.parse(request.responseText) as { message: string }).message;
  } catch {
    return request.statusText; // a proxy's words
  }
}
