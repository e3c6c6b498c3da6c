"""`python -m analytics.cli`."""

from analytics.cli import main

main()
