"""Webhook endpoints: who is told about all jobs, schedules and other endpoints."""
