-- Who may use the API: users with roles, and keys. What is stored gives no key or password away.

CREATE TABLE roles (
    slug        text PRIMARY KEY,
    name        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
INSERT INTO roles (slug, name) VALUES ('admin', 'Administrator'), ('public', 'Everybody');

CREATE TABLE users (
    username       text PRIMARY KEY CHECK (username !~ '[:[:space:]]'),
    name           text NOT NULL,
    password_hash  text NOT NULL,               -- scrypt, with its parameters and salt
    created_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE user_roles (
    username  text NOT NULL REFERENCES users ON DELETE CASCADE,
    role      text NOT NULL REFERENCES roles ON DELETE CASCADE,
    PRIMARY KEY (username, role)
);
CREATE INDEX user_roles_by_role ON user_roles (role);

CREATE TABLE api_keys (
    id            text PRIMARY KEY,             -- part of the key, in clear
    name          text NOT NULL,
    digest        bytea NOT NULL,               -- SHA-256 of the whole key, which is too random to need salt
    scopes        text[] NOT NULL CHECK (
                  scopes <> '{}' AND scopes <@ ARRAY['read', 'submit', 'operate', 'admin']),
    username      text REFERENCES users ON DELETE CASCADE,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz,
    last_used_at  timestamptz                   -- to the minute
);
CREATE INDEX api_keys_of_user ON api_keys (username);
CREATE INDEX api_keys_newest ON api_keys (created_at DESC, id);

-- Only jobs that aren't for everybody cost anything here.
CREATE INDEX jobs_by_reader ON jobs USING gin (readers) WHERE readers <> '{}';
