"""The command `workbench`, also as `python -m workbench`."""

import sys


def main() -> None:
    """Run the command line, with nothing importable from the working directory."""
    from workbench.search_path import trusted_now

    sys.path[:] = trusted_now()
    from workbench.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
