"""Developer sessions: `nox` runs tests, lint and types; `nox -l` lists the rest."""

import nox

nox.options.default_venv_backend = "venv"  # uv reads no constraints of pip and would fetch gigabytes of CUDA packages
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests", "lint", "types"]


def install(session: nox.Session, extra: str) -> None:
    """Install the project in the session's environment; with --no-venv take what is there."""
    if not isinstance(session.virtualenv, nox.virtualenv.PassthroughEnv):
        session.install("-c", "constraints.txt", "-e", f".[{extra}]")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments behind -- go to pytest."""
    install(session, "test")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, "test")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    install(session, "test")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; every warning is an error."""
    install(session, "docs")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build wheel and sdist and check what is in them and that they run when installed."""
    install(session, "test")
    session.run("python", "-m", "pytest", "tests/test_wheel.py", *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """Run the long forms of the tests of reliability: kills, failing system calls, damage, fuzzing."""
    install(session, "test")
    trials = {"WORKBENCH_FAULTS": "20"}  # twenty times as many kills, damages and failing calls
    session.run("python", "-m", "pytest", "--long", *session.posargs, env=trials)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure ours beside the peers', print the table, write JSON; arguments behind -- go to it."""
    install(session, "bench")
    session.run("python", "-m", "benchmarks.speed", *(session.posargs or ["--json", "docs/benchmarks.json"]))


@nox.session
def measure(session: nox.Session) -> None:
    """Measure the main job, then every solver's work against precision; arguments behind -- go to the latter alone."""
    install(session, "test")
    if not session.posargs:
        session.run("python", "benchmarks/main_job.py")
    session.run("python", "benchmarks/work_precision.py", *session.posargs)
