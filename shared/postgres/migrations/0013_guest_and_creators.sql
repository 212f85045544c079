-- The user that jobs without authentication belong to, and users as answers and webhooks show them.

ALTER TABLE users ADD COLUMN disabled boolean NOT NULL DEFAULT false;  -- may not log in

INSERT INTO users (username, name, password_hash, disabled)
VALUES ('guest', 'Guest', 'scrypt$16384$8$5$AA==$AA==', true)          -- no password fits
ON CONFLICT (username) DO NOTHING;

-- A user may be gone while jobs of theirs are still there, and `key:id` is none.
CREATE FUNCTION shown_user(username text) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT jsonb_strip_nulls(jsonb_build_object(
        'id', md5(asked.name), 'username', asked.name, 'name', coalesce(u.name, asked.name),
        'createdAt', to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
    FROM (SELECT coalesce(shown_user.username, 'guest') AS name) AS asked
    LEFT JOIN users u ON u.username = asked.name);

CREATE FUNCTION shown_role(slug text) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT jsonb_strip_nulls(jsonb_build_object(
        'id', md5(shown_role.slug), 'slug', shown_role.slug, 'name', coalesce(r.name, shown_role.slug),
        'createdAt', to_char(r.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
    FROM (SELECT) AS one LEFT JOIN roles r ON r.slug = shown_role.slug);

-- Of `permissions` as jobs and schedules keep them: a list of {"role": slug} and {"user": name}.
CREATE FUNCTION shown_permissions(permissions jsonb) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT jsonb_agg(CASE WHEN p.one ? 'role'
            THEN jsonb_build_object('role', shown_role(p.one ->> 'role'))
            ELSE jsonb_build_object('user', shown_user(p.one ->> 'user')) END ORDER BY p.place)
    FROM jsonb_array_elements(shown_permissions.permissions) WITH ORDINALITY AS p(one, place));
