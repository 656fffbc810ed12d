"""What plugins really do, measured: orders, stability, gradients, work; shared by the kit and by `plugins check`."""

from .candidate import Candidate
from .findings import Finding
from .solver_findings import solver_findings

__all__ = ["Candidate", "Finding", "solver_findings"]
