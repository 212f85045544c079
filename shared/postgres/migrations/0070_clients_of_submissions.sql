-- With what a job was submitted.

ALTER TABLE jobs
    ADD COLUMN client text,                      -- the program, as its User-Agent begins; null: it says nothing
    ADD COLUMN key_name text;                    -- what the API key is called; null: no key was shown
