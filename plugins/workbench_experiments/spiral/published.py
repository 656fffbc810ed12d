"""What was published about this experiment, and where."""

from __future__ import annotations

from typing import NamedTuple

TEXT = (
    "Capell, Hyzer & Vaishampayan (2023), Neural Ordinary Differential Equations: Review of Literature, "
    "University of Pittsburgh, section 4.3.2"
)
DEMONSTRATION = "Chen (2018), torchdiffeq, examples/ode_demo.py: windows, optimizer and start weights of the recipe"
OTT = "Ott, Katiyar, Hennig & Tiemann (2021), ICLR: ResNet after all? Neural ODEs and their numerical solution"


class Figure(NamedTuple):
    """Seconds of training and the loss at its end."""

    seconds: float
    loss: float


FIGURES = {"euler": Figure(13.43, 0.0183), "rk4": Figure(12.95, 0.0173), "dopri5": Figure(39.06, 0.0167)}
