-- One row: what links to files are signed with that need no login.

CREATE TABLE link_keys (
    id          boolean PRIMARY KEY DEFAULT true CHECK (id),
    key         bytea NOT NULL
);
INSERT INTO link_keys (key)
VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
