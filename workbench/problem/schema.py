"""The keys of a problem file and the type of each, as pydantic models; extra keys are refused.

Only the shape of single values is checked here; `checking` looks at what they say together.
"""

from __future__ import annotations

from datetime import date, datetime
from math import isfinite, isnan
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from workbench.errors.usage import UsageError
from workbench.noise import KINDS, kind_of
from workbench.priors import meant_instead


def wrong(meant: str) -> PydanticCustomError:
    """What a validator raises: the message says what is meant, what stood there is added by the reader."""
    return PydanticCustomError("meant", "{meant}", {"meant": meant})


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise wrong("a finite number")
    return float(value)


def _number_or_formula(value: Any) -> float | str:
    return _formula(value) if isinstance(value, str) else _finite_or(value, "a finite number or a formula in quotes")


def _moments(value: Any) -> float | str | tuple[float | str, ...]:
    if not isinstance(value, list):
        return _number_or_formula(value)
    if not value:
        raise wrong("a time, or a list of at least one")
    return tuple(_number_or_formula(each) for each in value)


def _finite_or(value: Any, meant: str) -> float:
    try:
        return _finite(value)
    except PydanticCustomError:
        raise wrong(meant) from None


def _formula(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wrong("a formula in quotes")
    return value


def _positive(value: float) -> float:
    if value <= 0:
        raise wrong("a number above 0")
    return value


def _bounds(value: Any) -> tuple[float, float]:
    """[lower, upper]; inf and -inf leave a side open."""
    pair = value if isinstance(value, list) else []
    if len(pair) != 2 or any(isinstance(v, bool) or not isinstance(v, int | float) or isnan(v) for v in pair):
        raise wrong("two numbers [lower, upper]; inf and -inf leave a side open")
    if not pair[0] < pair[1]:
        raise wrong("two numbers [lower, upper] with lower < upper")
    return float(pair[0]), float(pair[1])


def _span(value: Any) -> tuple[float, float]:
    pair = value if isinstance(value, list) else []
    if len(pair) != 2:
        raise wrong("two times [first, last]")
    first, last = (_finite_or(v, "two times [first, last]") for v in pair)
    if not first < last:
        raise wrong("two times [first, last] with first < last")
    return first, last


def _prior(value: Any) -> str:
    meant = meant_instead(value if isinstance(value, str) else "")
    if meant:
        raise wrong(meant)
    return str(value)


def _noise(value: Any) -> str:
    try:
        kind_of(str(value))
    except UsageError:
        raise wrong(f"one of {', '.join(map(repr, KINDS))}; 'student(3)' has 3 degrees of freedom") from None
    return str(value)


def _scale(value: Any) -> float | str:
    return value if value == "fit" else _positive(_finite_or(value, "a number above 0, or 'fit'"))


def _number_or_date(value: Any) -> float | str:
    if isinstance(value, date):
        return value.isoformat()
    try:
        return datetime.fromisoformat(value).isoformat() and str(value) if isinstance(value, str) else _finite(value)
    except (ValueError, PydanticCustomError):
        raise wrong("a time as a number, or a date such as 1978-01-22") from None


def _missing(value: Any) -> str | bool:
    if not isinstance(value, str | bool):
        raise wrong('true, or the cells that mean "not observed", such as "blank,NA"')
    return value


def _table(short: str) -> BeforeValidator:
    """Lets a bare value stand for a table with the one key `short`."""
    return BeforeValidator(lambda value: value if isinstance(value, dict) else {short: value})


Number = Annotated[float, BeforeValidator(_finite)]
Positive = Annotated[float, BeforeValidator(_finite), AfterValidator(_positive)]
Formula = Annotated[str, BeforeValidator(_formula)]
NumberOrFormula = Annotated[float | str, BeforeValidator(_number_or_formula)]
Moments = Annotated[float | str | tuple[float | str, ...], BeforeValidator(_moments)]
Bounds = Annotated[tuple[float, float], BeforeValidator(_bounds)]
Span = Annotated[tuple[float, float], BeforeValidator(_span)]
Prior = Annotated[str, BeforeValidator(_prior)]
Transform = Literal["identity", "log", "logit"]
Noise = Annotated[str, BeforeValidator(_noise)]
Scale = Annotated[float | Literal["fit"], BeforeValidator(_scale)]


class Keys(BaseModel):
    """A table of a problem file: its keys, and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class InitialKeys(Keys):
    value: NumberOrFormula
    fit: bool = False
    bounds: Bounds | None = None
    transform: Transform = "identity"
    prior: Prior | None = None


class StateKeys(Keys):
    equation: Formula
    initial: Annotated[InitialKeys, _table("value")]
    unit: str = ""
    atol: Positive | None = None


class ParameterKeys(Keys):
    value: Number
    bounds: Bounds | None = None
    transform: Transform = "identity"
    fixed: bool = False
    unit: str = ""
    per: Literal["trajectory"] | None = None
    prior: Prior | None = None


class InputKeys(Keys):
    interpolation: Literal["hold", "linear", "cubic"] = "hold"
    unit: str = ""


class CovariateKeys(Keys):
    column: str | None = None


class ExpressionKeys(Keys):
    formula: Formula
    unit: str = ""


class NetworkKeys(Keys):
    hidden: list[Annotated[int, Field(ge=1, le=4096)]] = [16, 16]
    activation: Literal["tanh", "softplus", "silu", "relu", "sin"] = "tanh"


class ObservedKeys(Keys):
    formula: Formula
    noise: Noise | None = None
    scale: Scale | None = None
    unit: str = ""
    limits: Bounds | None = None
    sigma: Annotated[str, Field(min_length=1)] | None = None


class EventKeys(Keys):
    time: Moments | None = None
    trigger: Formula | None = None
    direction: Literal["rising", "falling", "both"] = "both"
    map: dict[str, Formula] = {}
    terminate: bool = False


class TimeKeys(Keys):
    unit: str = ""
    span: Span | None = None
    samples: Annotated[int, Field(ge=2, le=10_000_000)] | None = None
    start: Number | None = None


class DataKeys(Keys):
    file: Annotated[str, Field(min_length=1)]
    time: str | None = None
    sample_time: Positive | None = None
    trajectory: str | None = None
    inputs: list[str] | None = None
    map: dict[str, str] = {}
    start: Annotated[float | str, BeforeValidator(_number_or_date)] | None = None
    missing: Annotated[str | bool, BeforeValidator(_missing)] | None = None
    replicates: bool = False


class ReferenceKeys(Keys):
    time: Number
    values: dict[str, Number]
    rtol: Positive
    source: str


class ProblemKeys(Keys):
    """A whole problem file."""

    title: str = ""
    source: str = ""
    notes: str = ""
    tags: list[str] = []
    time: TimeKeys = TimeKeys()
    states: dict[str, StateKeys] = {}
    parameters: dict[str, Annotated[ParameterKeys, _table("value")]] = {}
    inputs: dict[str, InputKeys] = {}
    covariates: dict[str, CovariateKeys] = {}
    expressions: dict[str, Annotated[ExpressionKeys, _table("formula")]] = {}
    networks: dict[str, NetworkKeys] = {}
    observed: dict[str, Annotated[ObservedKeys, _table("formula")]] = {}
    derived: dict[str, Annotated[ExpressionKeys, _table("formula")]] = {}
    events: dict[str, EventKeys] = {}
    invariants: dict[str, Annotated[ExpressionKeys, _table("formula")]] = {}
    reference: ReferenceKeys | None = None
    data: DataKeys | None = None
