// What the status of a template looks like.
import type { Shown } from "../ui/state";

export const statusMark = (status: "active" | "inactive"): Shown =>
  status === "active"
    ? { look: "completed", shape: "tick", word: "Active" }
    : { look: "waiting", shape: "pause", word: "Inactive" };
