"""`python -m zt`."""

from zt.cli import main

main()
