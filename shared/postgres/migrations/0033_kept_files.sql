-- What jobs keep in the store of files, and when it is removed.

-- Whether any of its tasks keeps artifacts, and how much they are together.
ALTER TABLE jobs ADD COLUMN keeps_files boolean NOT NULL DEFAULT false;
ALTER TABLE jobs ADD COLUMN kept_bytes bigint NOT NULL DEFAULT 0;

-- Removed are the objects that no row names, when it is due and again a day after `created_at`: a
-- worker that knew of nothing may have been at one.
ALTER TABLE object_removals ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX object_removals_due ON object_removals (due_at);

CREATE INDEX uploads_by_age ON uploads (created_at);

-- One row: when a scheduler last began to sweep the store.
CREATE TABLE file_sweeps (
    id          boolean PRIMARY KEY DEFAULT true CHECK (id),
    began_at    timestamptz NOT NULL
);
INSERT INTO file_sweeps (began_at) VALUES (now());
