-- Workers that put themselves on hold after failures: until when, and why. As their heartbeats say.

ALTER TABLE nodes ADD COLUMN held_until timestamptz, ADD COLUMN hold_reason text;
