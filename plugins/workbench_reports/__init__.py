"""Reports on finished runs: a card for the terminal, and figures."""

from workbench import Offer, hookimpl


@hookimpl
def offer_reporters() -> list[Offer]:
    """Reporters `text` and `figures`."""
    from .card import text
    from .figures import figures

    return [
        Offer("text", text, "one card a run: data, choices, parameters, metrics, checks, verdict, what to type next"),
        Offer("figures", figures, "PNG or SVG: fit with the held-out part shaded, phase portrait, residuals, loss"),
    ]
