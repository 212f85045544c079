-- By which zone database the next firings of schedules were last found: a digest of it.

CREATE TABLE zone_database (
    is_only   boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    contents  text NOT NULL
);
