"""`workbench solvers`."""

from .listing import listing

solvers = listing(
    "solver", "List the solvers that plugins offer, with their options.\n\n\b\nExample:\n  workbench solvers --json"
)
