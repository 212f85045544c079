"""The guarantees of docs/guarantees.md, word for word: a metric shows whether one holds."""

ENDS = "An accepted job reaches a final state, whatever crashes"
RUNS_ONCE = "No two workers run the same attempt at the same time"
STOPS_IN_TIME = (
    "A worker that is killed, frozen or cut off stops its tasks before its lease expires"
)
COUNTS_ONCE = "A result counts once, and only from the worker that holds the task"
WEBHOOKS_ARRIVE = "Every webhook arrives, with the same id in each repetition"
MADE_ONCE = "A repeated submission creates one job"
PUT_ASIDE = "An unreadable message is kept, with its reason"
RECOVERS = "After an outage of any length, each service recovers by itself"
STAYS_FLAT = "Memory, open files, tasks, connections and tables stay constant at a steady rate"
WORKED_OFF = "A flood of jobs completes in order, while reads are answered"
