// From page to page of a list; each page has an address.
import { count } from "./format";

/** The page that an address names; the first where it names none. */
export function pageOf(text: string | null | undefined): number {
  const page = Number(text);
  return Number.isInteger(page) && page > 0 ? page : 1;
}

interface Props {
  page: number;
  pages: number;
  at: (page: number) => string;
  /** What the ways are called; as they are, for a list with the newest first. */
  ways?: readonly [string, string];
}

export function Pager({ page, pages, at, ways = ["Newer", "Older"] }: Props) {
  if (pages <= 1 && page === 1) return null;
  return (
    <nav class="pager" aria-label="Pages">
      {page > 1 && (
        <a class="button" href={at(page - 1)} rel="prev">
          {ways[0]}
        </a>
      )}
      <span class="muted">
        Page {count(page)} of {count(pages)}
      </span>
      {page < pages && (
        <a class="button" href={at(page + 1)} rel="next">
          {ways[1]}
        </a>
      )}
    </nav>
  );
}
