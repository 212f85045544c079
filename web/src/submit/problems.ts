// What is wrong with a job file, and where: found here while it is typed, or by the server.
import { ApiError } from "../api/client";
import { counted } from "../ui/format";
import { isJson } from "./edits";
import { parsed } from "./parsed";
import { MOST_CHARS, placeOfField, rangeAt } from "./position";

export interface Problem {
  severity: "error" | "warning";
  message: string;
  /** "" for the file as a whole. */
  field: string;
  /** Counted from 1; undefined where no line is to blame. */
  line?: number;
  column?: number;
}

export interface Warned {
  field: string;
  message: string;
  line?: number;
  column?: number;
}

/** Mistakes of YAML or JSON itself, told without a server. */
export function syntaxProblems(text: string): Problem[] {
  if (text.length > MOST_CHARS) return [];
  const doc = parsed(text);
  return doc.errors.slice(0, 20).map((error) => ({
    severity: "error",
    field: "",
    message: `Not valid ${isJson(text) ? "JSON" : "YAML"}: ${sentence(error.message)}`,
    line: error.linePos?.[0].line,
    column: error.linePos?.[0].col,
  }));
}

/** What the server refused; empty where it says nothing of single fields. */
export function refusals(error: ApiError, text: string): Problem[] {
  return error.errors.map((rule) => {
    const field = rule.field ?? "";
    const value = rule.value === undefined ? "" : `${String(rule.value)} is not allowed: `;
    const place = { line: rule.line, column: rule.column };
    const message = `${value}${rule.rule ?? ""}`;
    return located({ severity: "error", field, message, ...place }, text);
  });
}

export function warnings(found: readonly Warned[]): Problem[] {
  return found.map((warning) => ({ severity: "warning", ...warning }));
}

/** Secrets that are still to be filled in. */
export function emptySecrets(text: string, names: readonly string[]): Problem[] {
  return names.map((name) =>
    located({ severity: "warning", field: `secrets.${name}`, message: "has no value yet" }, text),
  );
}

/** Errors first, then by line. */
export function ordered(problems: readonly Problem[]): Problem[] {
  const rank = (problem: Problem) => (problem.severity === "error" ? 0 : 1);
  return [...problems].sort(
    (a, b) =>
      rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  );
}

export function inWords(problems: readonly Problem[]): string {
  return (["error", "warning"] as const)
    .map((severity) => [problems.filter((one) => one.severity === severity).length, severity])
    .filter((found): found is [number, Problem["severity"]] => found[0] !== 0)
    .map(([n, severity]) => counted(n, severity))
    .join(", ");
}

/** What to do about a request that failed as a whole. */
export function advice(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  const wait = error.retryAfterSeconds ? `in ${error.retryAfterSeconds} s` : "in a moment";
  switch (error.status) {
    case 413:
      return `The job is larger than the server takes (${error.message}). Move data out of it: upload files and name them in sources.`;
    case 429:
      return `You have sent too many requests. Try again ${wait}.`;
    case 503:
      return `The server can't take the job now: ${error.message}. Nothing is lost: try again ${wait}.`;
    case 0:
      return "The coordinator can't be reached. Your draft is kept in this browser; try again when it is back.";
    default:
      return error.message;
  }
}

function located(problem: Problem, text: string): Problem {
  if (problem.line !== undefined) return problem;
  const range = problem.field ? rangeAt(text, placeOfField(problem.field)) : undefined;
  if (!range) return problem;
  const before = text.slice(0, range.from).split("\n");
  return { ...problem, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function sentence(message: string): string {
  const [first = ""] = message.split(/ at line \d+|\n/);
  return first.charAt(0).toLowerCase() + first.slice(1);
}
