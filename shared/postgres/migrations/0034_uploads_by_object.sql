-- An upload that was sent with a key has another id than its object.
CREATE INDEX uploads_by_object ON uploads (object);
