-- What the names of images stand for: the digests that attempts have last run.

CREATE TABLE image_digests (
    name    text PRIMARY KEY,
    digest  text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now()
);
