// Where to go after a sign-in: to a page of ours, whatever the address says.

/** Paths that the page has itself; others are the API's. */
export const OWN = /^\/($|\?|ui(\/|$|\?))/;

/** `to` when it is a path of the page, else the list of jobs. */
export function destination(to: string | undefined): string {
  if (!to?.startsWith("/") || /^\/[/\\]/.test(to)) return "/";
  const url = new URL(to, "http://page.invalid");
  const path = `${url.pathname}${url.search}`;
  const leadsAway = url.host !== "page.invalid" || !OWN.test(path);
  return leadsAway || url.pathname === "/ui/sign-in" ? "/" : `${path}${url.hash}`;
}
