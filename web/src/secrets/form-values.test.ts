import { expect, test } from "vitest";
import { bodyOf, type Secret, valuesOf } from "./form-values";

const STORED: Secret = {
  id: "team-aws",
  kind: "aws",
  name: "The team's",
  accessKey: "AKIA",
  isExpired: false,
  expiresAt: "2030-06-01T12:00:00Z",
  permissions: [
    { role: { slug: "operations" } as never, access: "view" },
    { user: { username: "ann" } as never },
  ],
  createdBy: { username: "bob" } as never,
  createdAt: "2026-01-01T00:00:00Z",
  updatedAt: "2026-01-01T00:00:00Z",
  access: "operate",
};

test("a stored secret fills its form, but for the secret itself, and is sent as it was", () => {
  const values = valuesOf(STORED);
  expect(values).toMatchObject({ secret: "", view: "role:operations", operate: "user:ann" });
  expect(bodyOf({ ...values, secret: "new" })).toEqual({
    kind: "aws",
    name: "The team's",
    accessKey: "AKIA",
    secret: "new",
    expiresAt: "2030-06-01T12:00:00.000Z",
    permissions: [
      { role: "operations", access: "view" },
      { user: "ann", access: "operate" },
    ],
  });
});

test("what is empty is left out, and an access key is only sent of a kind that has one", () => {
  const values = { ...valuesOf(undefined), id: "a", secret: "s", accessKey: "left over" };
  expect(bodyOf(values)).toEqual({ kind: "other", name: "", secret: "s" });
});

test("somebody who is neither user nor role is refused by name", () => {
  expect(() => bodyOf({ ...valuesOf(undefined), view: "ann" })).toThrow(
    '"ann" is not allowed: must be user:NAME or role:SLUG',
  );
});
