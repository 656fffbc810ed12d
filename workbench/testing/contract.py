"""What the contracts of the kit share: which offers they are about."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from ..registry import Registry, installed


class Contract:
    """Tests that every offer of a kind must pass; inherit, and each test runs on every offer that is installed.

    With `offer` set, they run on that one alone: `class TestMine(LossContract): offer = "mine"`. `settings` are options
    that the offer is made with, `plugin_files` files that the command line would be given by --plugin. Each test takes
    the plugin object as `made`, and its name as `offered`.
    """

    kind: ClassVar[str]
    offer: ClassVar[str] = ""
    settings: ClassVar[dict[str, Any]] = {}
    plugin_files: ClassVar[tuple[str, ...]] = ()

    def registry(self) -> Registry:
        """Where the offers come from."""
        return installed(self.plugin_files)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test an offer, named by it."""
        if "offered" in metafunc.fixturenames:
            names = [self.offer] if self.offer else [listed.name for listed in self.registry().offers(self.kind)]
            metafunc.parametrize("offered", names)

    @pytest.fixture
    def made(self, offered: str) -> Any:
        """The plugin object, from the registry."""
        return self.registry().make(self.kind, offered, self.settings)
