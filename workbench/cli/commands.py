"""Every command with its one line of help, as data, so that `workbench --help` imports none of them."""

COMMANDS = {
    "fit": "Fit dynamics to a data file or a problem, and store the run.",
    "compare": "Compare several dynamics on the same data, or several runs.",
    "simulate": "Solve a problem's equations and print or write the trajectory.",
    "predict": "Predict with a fitted run: longer, elsewhere or on new data.",
    "profile": "Profile a run's unknowns: intervals, and what the data identify.",
    "bootstrap": "Bootstrap a run: intervals from fits to data drawn anew.",
    "ensemble": "Fit a run again with other seeds, for bands of networks.",
    "reproduce": "Run a published experiment, its numbers beside ours.",
    "show": "Show a run: parameters, equations, metrics, checks.",
    "plot": "Draw a run: fit, phase portrait, residuals, loss.",
    "report": "Write runs as one self-contained HTML page.",
    "export": "Write a run as Python, C, torch, SymPy, LaTeX, CSV or netCDF.",
    "runs": "List stored runs, or verify their seals.",
    "problems": "List the library of problems, show one or check a file.",
    "solvers": "List the solvers that plugins offer.",
    "dynamics": "List the dynamics that plugins offer.",
    "losses": "List the losses that plugins offer.",
    "check": "Check gradients against an independent derivative.",
    "plugins": "List plugins, what they offer and what failed.",
    "new": "Write a plugin or a problem to begin with.",
    "doctor": "Check the installation and say what is missed.",
    "explain": "Explain an error code at length.",
    "completion": "Print the completion script of a shell.",
}
"""Command → summary; the command stands in the module of its name, as the object of its name."""
