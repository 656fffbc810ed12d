"""Reports on finished runs: a card for the terminal, figures, and a page."""

from workbench import Offer, hookimpl


@hookimpl
def offer_reporters() -> list[Offer]:
    """Reporters `text`, `figures` and `html`."""
    from .card import text
    from .figures import figures
    from .html import html

    return [
        Offer("text", text, "one card a run: data, choices, parameters, metrics, checks, verdict, what to type next"),
        Offer("figures", figures, "PNG or SVG: fit with the held-out part shaded, phase portrait, residuals, loss"),
        Offer("html", html, "one self-contained page: text, tables and figures of one run or of several side by side"),
    ]
