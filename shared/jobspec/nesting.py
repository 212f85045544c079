"""How deep a submission may be nested: the one home of that number."""

MAX_DEPTH = 200
"""Mappings and lists within one another. A task within a task takes two levels (`each`) or three
(`parallel`, `subjob`), so tasks may stand some 65 deep, whatever makes them. JSON encoders give up
at 254, and an answer wraps a job in a few levels of its own."""

TOO_DEEP = f"nested too deep: at most {MAX_DEPTH} mappings and lists may stand in one another"
