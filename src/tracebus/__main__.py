"""`python -m tracebus`: the command line."""

from tracebus.cli import main

main()
