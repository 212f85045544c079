"""One word for what a worker is: whether it is there, approved, and takes tasks."""

from cli.views import Json


def state_of(node: Json) -> str:
    """As `state_text` takes it. The first that keeps it from taking tasks."""
    if node["status"] != "UP":
        return str(node["status"])
    membership = str(node.get("membership", "APPROVED"))
    if membership != "APPROVED":
        return membership
    availability = str(node.get("availability", "active"))
    if availability != "active":
        return availability.upper()
    return "HELD" if node.get("heldUntil") else "UP"
