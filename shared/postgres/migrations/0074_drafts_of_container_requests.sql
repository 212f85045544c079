-- Drafts that nobody commits are found without a look at all requests.

CREATE INDEX container_requests_drafts ON container_requests (modified_at) WHERE job_id IS NULL;
