-- The search knows words as they are, their English stems, the parts of names such as
-- path/to/file-1.txt, and beginnings. Jobs that are stored already keep the words they have.

CREATE OR REPLACE FUNCTION job_search(name text, description text, tags text[]) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT array_to_tsvector(job_search.tags)
                || to_tsvector('simple', whole.words) || to_tsvector('english', whole.words)
            FROM (SELECT t.words || ' ' || regexp_replace(t.words, '[^[:alnum:]]+', ' ', 'g') AS words
                  FROM (SELECT concat_ws(' ', job_search.name, job_search.description,
                                         array_to_string(job_search.tags, ' ')) AS words) AS t
                 ) AS whole);

-- All of the words: each by its stem, or with its parts one after the other, the last of which may
-- go on if it is no number. Words that say nothing in English count only when there are no others.
CREATE FUNCTION job_query(words text) RETURNS tsquery
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    word text;
    parts text[];
    stem tsquery;
    one tsquery;
    found tsquery;
BEGIN
    FOREACH word IN ARRAY regexp_split_to_array(lower(words), '\s+') LOOP
        parts := array_remove(regexp_split_to_array(word, '[^[:alnum:]]+'), '');
        stem := plainto_tsquery('english', word);
        CONTINUE WHEN parts = '{}' OR (cardinality(parts) = 1 AND numnode(stem) = 0);
        one := ('''' || array_to_string(parts, ''' <-> ''') || ''''
                || CASE WHEN parts[cardinality(parts)] ~ '^[^0-9].' THEN ':*' ELSE '' END)::tsquery;
        one := CASE WHEN numnode(stem) > 0 THEN one || stem ELSE one END;
        found := CASE WHEN found IS NULL THEN one ELSE found && one END;
    END LOOP;
    RETURN coalesce(found, plainto_tsquery('simple', words));
END $$;

CREATE INDEX jobs_by_creator ON jobs (created_by, created_at DESC, id DESC)
    WHERE created_by IS NOT NULL;
