// Figures as people read them.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `850 ms`, `1.2 s`, `42 s`, `2m 4s`, `1h 5m`, `3d 2h`. */
export function duration(ms: number): string {
  if (ms < 0) return "0 ms";
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return two(ms, MINUTE, "m", SECOND, "s");
  if (ms < DAY) return two(ms, HOUR, "h", MINUTE, "m");
  return two(ms, DAY, "d", HOUR, "h");
}

function two(ms: number, large: number, a: string, small: number, b: string): string {
  const rest = Math.floor((ms % large) / small);
  return `${Math.floor(ms / large)}${a}${rest ? ` ${rest}${b}` : ""}`;
}

/** `just now`, `42 s ago`, `5 min ago`, `in 3 h`. */
export function relative(ms: number, now: number): string {
  const away = Math.abs(now - ms);
  if (away < 5 * SECOND) return ms > now ? "now" : "just now";
  const text =
    away < MINUTE
      ? `${Math.floor(away / SECOND)} s`
      : away < HOUR
        ? `${Math.floor(away / MINUTE)} min`
        : away < DAY
          ? `${Math.floor(away / HOUR)} h`
          : `${Math.floor(away / DAY)} d`;
  return ms > now ? `in ${text}` : `${text} ago`;
}

const LONG: Intl.DateTimeFormatOptions = { dateStyle: "medium", timeStyle: "long" };
const SHORT: Intl.DateTimeFormatOptions = {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
};

/** In the user's zone, with the zone. */
export const exactTime = timeFormat(LONG);

/** In the user's zone, for lists. */
export const shortTime = timeFormat(SHORT);

/** Made when it is first used: making one takes milliseconds, which the first paint would wait for. */
export function timeFormat(options: Intl.DateTimeFormatOptions): (ms: number) => string {
  let format: Intl.DateTimeFormat | undefined;
  return (ms) => {
    format ??= new Intl.DateTimeFormat(undefined, options);
    return format.format(ms);
  };
}

/** `12,408` */
export const count = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

/** `3 tasks`, `1 task` */
export const counted = (n: number, noun: string, plural = `${noun}s`): string =>
  `${count(n)} ${n === 1 ? noun : plural}`;

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** `1.5 MB`: steps of 1,000, as the command line. */
export function bytes(n: number): string {
  let unit = 0;
  let left = n;
  while (left >= 999.5 && unit < UNITS.length - 1) {
    left /= 1000;
    unit += 1;
  }
  return `${left < 10 && unit ? left.toFixed(1) : Math.round(left)} ${UNITS[unit]}`;
}

/** `3f2a9c71`: enough of an id to find it by. */
export const shortId = (id: string): string => id.slice(0, 8);

/** JSON in lines; anything else as it is. */
export function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
