// What is typed in the form of a secret, and what of it is sent.
import type { BrokenRule, Schemas } from "../api/client";

export type Secret = Schemas["Secret"];

export interface FormValues {
  id: string;
  kind: Secret["kind"];
  name: string;
  accessKey: string;
  secret: string;
  /** In the user's zone, as an input of a time has it; empty: never. */
  expires: string;
  /** `user:NAME` and `role:SLUG`, separated by commas. */
  view: string;
  operate: string;
}

export const KINDS: Record<Secret["kind"], string> = {
  other: "other: a single text",
  aws: "aws: S3 and what speaks it",
  gcp: "gcp: Google Cloud Storage",
  storj: "storj: Storj",
  docker: "docker: an image registry",
};

export function valuesOf(secret: Secret | undefined): FormValues {
  return {
    id: secret?.id ?? "",
    kind: secret?.kind ?? "other",
    name: secret?.name ?? "",
    accessKey: secret?.accessKey ?? "",
    secret: "",
    expires: secret?.expiresAt ? localTime(secret.expiresAt) : "",
    view: whoMay(secret, true),
    operate: whoMay(secret, false),
  };
}

/** Throws an error for somebody who is neither a user nor a role. */
export function bodyOf(values: FormValues): Schemas["NewStoredSecret"] {
  const { kind, secret } = values;
  const name = values.name.trim();
  const accessKey = values.accessKey.trim();
  const permissions = [
    ...listed(values.view).map((who) => ({ ...permissionOf(who), access: "view" as const })),
    ...listed(values.operate).map((who) => ({ ...permissionOf(who), access: "operate" as const })),
  ];
  return {
    kind,
    secret,
    name,
    ...(kind !== "other" && { accessKey }),
    ...(values.expires && { expiresAt: new Date(values.expires).toISOString() }),
    ...(permissions.length > 0 && { permissions }),
  };
}

/** `user:ann, role:operations`: who may only use it, or replace it, too. */
export function whoMay(secret: Secret | undefined, isView: boolean): string {
  return (secret?.permissions ?? [])
    .filter(({ access }) => (access === "view") === isView)
    .map(({ role, user }) => (role ? `role:${role.slug}` : `user:${user?.username}`))
    .join(", ");
}

function permissionOf(who: string): { user: string } | { role: string } {
  const [, kind, name] = /^(user|role):(.+)$/.exec(who) ?? [];
  if (!name) throw new Error(`"${who}" is not allowed: must be user:NAME or role:SLUG`);
  return kind === "role" ? { role: name } : { user: name };
}

const listed = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);

/** `2026-06-01T14:00`, as an input of a time takes it. */
function localTime(at: string): string {
  const time = new Date(at);
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}

/** What the API says is wrong with a field. */
export function ruleOf(errors: readonly BrokenRule[], field: string): string | undefined {
  return errors.find(({ field: named }) => named === field)?.rule;
}
