"""Plugins to begin with: what `workbench new` writes."""

from .writing import KINDS as KINDS
from .writing import Scaffold as Scaffold
from .writing import scaffold as scaffold
