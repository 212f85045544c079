import { expect, test } from "vitest";
import { asTemplate } from "./as-template";

test("a job becomes a template, its inputs the defaults of what it asks for", () => {
  const job = "name: my first job\ninputs: {who: Ann, list: [1]}\ntasks: [{name: a}] # one\n";
  expect(asTemplate(job)).toBe(
    `template:
  name: my-first-job
  version: "1.0"
  inputs:
    who:
      default: Ann
    list:
      type: array
      default:
        - 1
name: my first job
tasks: [ { name: a } ] # one
`,
  );
});

test("what is no job becomes none", () => {
  expect(asTemplate("- a")).toBeUndefined();
  expect(asTemplate("a: [")).toBeUndefined();
});
