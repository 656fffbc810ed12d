"""What was published about this contrast, and where it was read."""

from __future__ import annotations

from .recipe import SOURCE as NEURAL_PDE

BATY = "Baty (2023), arXiv 2304.08289, abstract"
WU = "Wu, Yang & Kou (2025), arXiv 2505.21723, abstract"
WANG = "Wang, Sankaran & Perdikaris (2022), arXiv 2203.07404, abstract"
DEEPXDE = "DeepXDE, issue 989 (2022): a question about the results of an inverse problem"
REVIEW = (
    "Capell, Hyzer & Vaishampayan (2023), Neural Ordinary Differential Equations: Review of Literature, "
    "University of Pittsburgh"
)
RAISSI = "Raissi, Perdikaris & Karniadakis (2019), J. Comput. Phys. 378, 686–707: the method"
SOURCES = (NEURAL_PDE, BATY, WU, WANG, DEEPXDE, REVIEW, RAISSI)
