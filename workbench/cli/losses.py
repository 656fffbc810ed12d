"""`workbench losses`."""

from .listing import listing

losses = listing(
    "loss", "List the losses that plugins offer, with their options.\n\n\b\nExample:\n  workbench losses --json"
)
