"""`python -m rangegeo` is the command line."""

from rangegeo.cli.main import main

main()
