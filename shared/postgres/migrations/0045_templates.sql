-- What jobs are made of, by name and version: stored jobs, and apps, engines and templates of
-- ByteNite's API.

CREATE TABLE templates (
    id           text PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('app', 'engine', 'template', 'job')),
    name         text NOT NULL,
    major        integer NOT NULL CHECK (major >= 0),
    minor        integer NOT NULL CHECK (minor >= 0),
    revision     integer NOT NULL DEFAULT 1,     -- how often this version was pushed
    description  text NOT NULL DEFAULT '',
    document     jsonb NOT NULL,                 -- as pushed, with what is secret taken out
    sealed       text,                           -- all of it, encrypted when a key is set
    schema       jsonb NOT NULL DEFAULT '{}',    -- of its inputs
    is_active    boolean NOT NULL DEFAULT true,
    is_public    boolean NOT NULL DEFAULT false, -- everybody may see it
    owner        text,                           -- as jobs.created_by
    readers      text[] NOT NULL DEFAULT '{}',   -- as in jobs
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, name, major, minor)
);
CREATE INDEX templates_newest ON templates (updated_at DESC, id DESC);

-- The template that a job was made of, as name@major.minor.
ALTER TABLE jobs ADD COLUMN template text;
CREATE INDEX jobs_of_template ON jobs (template text_pattern_ops, created_at DESC) WHERE template IS NOT NULL;
