-- What a delivery is sent with, evaluated when it was made: its headers, or why it can't be sent.
ALTER TABLE webhook_deliveries ADD COLUMN sealed text;
