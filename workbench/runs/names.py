"""Names of runs: what a name may be, and finding a new one."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np

from ..errors.store import OutsideStore
from ..errors.usage import UsageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

ADJECTIVES = """
    able agile airy amber ample apt arctic azure balmy bold brave breezy bright brisk calm candid canny cheery chief
    civil clear clever coral cosy crisp curious dapper daring deft dewy eager early earnest easy exact fair fleet
    fond frank fresh gentle glad golden grand happy hardy hazel honest humble ivory jolly jovial just keen kind
    lively lucid lucky mellow merry mild misty modest neat nimble noble olive patient placid plucky polite prompt
    proud quick quiet rapid ready rosy royal ruby rustic sandy serene sharp shiny silent silver smart snowy solid
    spry steady sturdy sunny swift tidy tranquil trusty upbeat vivid warm wary wise witty
""".split()
ANIMALS = """
    adder alpaca ant auk badger bat bear beaver bee bison boar buck bunting carp cat cicada civet cod condor coot
    crab crane cricket crow curlew deer dingo dog dove duck eagle eel egret eider elk ermine falcon ferret finch fox
    frog gannet gecko gibbon goat goose grebe grouse gull hare hawk heron hoopoe hornet horse ibex ibis jackal jay
    kestrel kite kiwi koala lark lemur linnet lizard llama lynx magpie marmot marten mole moose moth newt ocelot
    okapi oriole osprey otter owl panda perch petrel pike plover pony puffin quail rabbit raven robin rook salmon
    seal shrew skua sole stoat stork swan swift tapir teal tern thrush tiger toad trout turtle viper vole walrus
    wasp weasel whale wolf wren yak zebra
""".split()


def new_name(folder: Path | str, rng: random.Random | np.random.Generator) -> str:
    """An adjective and an animal that no run in the folder bears, drawn from `rng`.

    >>> new_name("no/such/folder", random.Random(0))
    'ivory-skua'
    """
    for round in range(1, 10_000):
        name = f"{rng.choice(ADJECTIVES)}-{rng.choice(ANIMALS)}" + (f"-{round // 16 + 1}" if round >= 16 else "")
        taken = (Path(folder) / f"{name}.h5", Path(folder) / f".{name}.h5.lock")
        if not any(path.exists() or path.is_symlink() for path in taken):
            return name
    raise AssertionError("ten thousand draws, all taken")


def path_of(name: str, folder: Path | str) -> Path:
    """The file of a run in a folder.

    Raises UsageError (U001) for what is no name, and OutsideStore (R014) where a link would lead out of the folder.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a run", help="use up to 64 letters, digits and . _ -, the first a letter or digit"
        )
    path = Path(folder) / f"{name}.h5"
    if path.resolve().parent != Path(folder).resolve():
        raise OutsideStore(f"{name} leads out of {folder}, to {path.resolve()}", help="give the path itself")
    return path
