-- Who is made anew under the name of a deleted user is somebody else, and names differ in more than
-- their case.

-- What jobs, schedules and idempotency keys name the user by: name~chance. Null: the name alone.
ALTER TABLE users ADD COLUMN identity text;

CREATE INDEX users_by_name ON users (lower(username));
-- Of users with an identity only: older ones may differ in nothing but case.
CREATE UNIQUE INDEX users_with_identity_by_name ON users (lower(username)) WHERE identity IS NOT NULL;

CREATE OR REPLACE FUNCTION shown_user(username text) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT jsonb_strip_nulls(jsonb_build_object(
        'id', md5(asked.identity), 'username', asked.name, 'name', coalesce(u.name, asked.name),
        'createdAt', to_char(u.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))
    FROM (SELECT coalesce(shown_user.username, 'guest') AS identity,
                 split_part(coalesce(shown_user.username, 'guest'), '~', 1) AS name) AS asked
    LEFT JOIN users u ON u.username = asked.name
                     AND coalesce(u.identity, u.username) = asked.identity);

-- Of `permissions` as jobs and schedules keep them: a list of {"role": slug} and {"user": identity},
-- with "access" where that isn't everything.
CREATE OR REPLACE FUNCTION shown_permissions(permissions jsonb) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
            'role', CASE WHEN p.one ? 'role' THEN shown_role(p.one ->> 'role') END,
            'user', CASE WHEN p.one ? 'user' THEN shown_user(p.one ->> 'user') END,
            'access', p.one -> 'access')) ORDER BY p.place)
    FROM jsonb_array_elements(shown_permissions.permissions) WITH ORDINALITY AS p(one, place));
