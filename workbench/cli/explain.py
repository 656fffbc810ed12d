"""`workbench explain CODE`: an error at length."""

from __future__ import annotations

import click

from ..errors import EXIT_CODES, explanations
from ..errors.nearest import did_you_mean
from ..errors.usage import UnknownName
from .options import complete_codes, json_option
from .output import emit_json


@click.command()
@click.argument("code", required=False, shell_complete=complete_codes)
@json_option
def explain(code: str | None, as_json: bool) -> None:
    """Explain an error code at length; without a code, list them all.

    \b
    Example:
      workbench explain D003
    """
    known = explanations()
    wanted = known if code is None else {code.upper(): _explanation(code.upper(), known)}
    if as_json:
        codes = [{"code": c, "exit_code": EXIT_CODES[c[0]], "text": text} for c, text in wanted.items()]
        emit_json({"schema": "workbench/explain/1", "codes": codes})
    elif code is None:
        click.echo("\n".join(f"{c}  {text.splitlines()[0]}" for c, text in known.items()))
    else:
        click.echo(f"{code.upper()} (exit status {EXIT_CODES[code[0].upper()]}) {wanted[code.upper()]}")


def _explanation(code: str, known: dict[str, str]) -> str:
    if code not in known:
        help = did_you_mean(code, known) or "list them: workbench explain"
        raise UnknownName(f'there is no error code "{code}"', help=help)
    return known[code]
