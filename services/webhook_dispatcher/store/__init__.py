"""The dispatcher's own SQL: deliveries and their attempts."""
