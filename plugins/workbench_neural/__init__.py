"""Dynamics learned by networks."""

from workbench import Offer, hookimpl


@hookimpl
def offer_dynamics() -> list[Offer]:
    from .offers import hamiltonian, intensity, mlp, second_order

    return [
        Offer(
            "mlp",
            mlp,
            "a multilayer perceptron as the right-hand side: a neural ODE",
            "Chen, Rubanova, Bettencourt & Duvenaud (2018), arXiv 1806.07366",
        ),
        Offer(
            "second-order",
            second_order,
            "a network as acceleration: channels are positions, velocities may be hidden",
            "Norcliffe, Bodnar, Day, Simidjievski & Liò (2020), arXiv 2006.07220",
        ),
        Offer(
            "hamiltonian",
            hamiltonian,
            "a network as energy H(q, p): q' = ∂H/∂p, p' = −∂H/∂q",
            "Greydanus, Dzamba & Yosinski (2019), arXiv 1906.01563",
        ),
        Offer(
            "intensity",
            intensity,
            "channels count events, and hidden states say their intensity",
            "Chen, Rubanova, Bettencourt & Duvenaud (2018), arXiv 1806.07366, section 5.1",
        ),
    ]
