"""`workbench dynamics`."""

from .listing import listing

dynamics = listing(
    "dynamics", "List the dynamics that plugins offer, with their options.\n\n\b\nExample:\n  workbench dynamics --json"
)
