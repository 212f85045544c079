import { expect, test } from "vitest";
import { destination } from "./destination";

test.each(["/", "/?q=state%3Afailed", "/ui/jobs/x?tab=log#t1", "/ui/submit"])(
  "who came from %s goes back there",
  (path) => expect(destination(path)).toBe(path),
);

test.each([
  undefined,
  "",
  "https://evil.example/",
  "//evil.example/",
  "/\\evil.example",
  "\\\\evil.example",
  "/\t/evil.example",
  "/ui/../..//evil.example",
  "/ui/../jobs",
  "javascript:alert(1)",
  "ui/submit",
  "/docs",
  "/ui/sign-in?to=/ui/sign-in",
])("%s leads to the list of jobs", (path) => expect(destination(path)).toBe("/"));
