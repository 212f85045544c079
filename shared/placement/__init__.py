"""Where executions run: nodes and demands in, assignments and reasons out. Pure."""

from shared.placement.amounts import NOTHING, RESOURCES, UNCOUNTED, Amounts, amounts_of, capacity_of
from shared.placement.demands import Demand, amounts_wanted, demand_of, from_json, to_json
from shared.placement.index import NodeIndex
from shared.placement.labels import (
    OPERATORS,
    Problem,
    constraint_problems,
    matches,
    whole_number,
)
from shared.placement.misses import Miss, NodeMisses, Sort, summary
from shared.placement.nodes import Node, could_hold, explain, meets_constraints
from shared.placement.rounds import Placed, after, place
from shared.placement.spots import Waiting
