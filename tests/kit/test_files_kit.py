"""The readers and reporters that come with the workbench keep the contracts of their kinds."""

from __future__ import annotations

from workbench.testing import ReaderContract, ReporterContract


class TestReaders(ReaderContract):
    """Every installed reader."""


class TestReporters(ReporterContract):
    """Every installed reporter."""
