// The banner while the coordinator can't be reached. What is open stays as it is.
import { useEffect } from "preact/hooks";
import { api, isAway } from "../api/client";

const ASK_MS = 2000;

export function Away() {
  const away = isAway.value;
  useEffect(() => {
    if (!away) return undefined;
    // Any answer ends it, also one of a coordinator that lacks something.
    const timer = setInterval(() => void api.GET("/health").catch(() => undefined), ASK_MS);
    return () => clearInterval(timer);
  }, [away]);
  if (!away) return null;
  return (
    <p class="note state-warned away" role="status">
      The coordinator can't be reached. What you see may be old; what you have typed stays. This
      goes when it is back.
    </p>
  );
}
