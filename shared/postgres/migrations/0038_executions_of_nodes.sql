-- What is placed on a node, for each round of placement.

CREATE INDEX tasks_placed_on_nodes ON tasks (node_id, parent_id)
    WHERE placement IS NOT NULL AND kind = 'task' AND state IN ('SCHEDULED', 'RUNNING');
