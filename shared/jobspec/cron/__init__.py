"""Cron expressions: what a schedule may say, and when it fires. Pure: time comes in as a value."""

from shared.jobspec.cron.parsing import DEFAULT_ZONE, check_cron, parse_cron, zone_name
from shared.jobspec.cron.timetable import Timetable, last_until
from shared.jobspec.cron.zones import parse_zone
