"""`python -m vlmdiff` is the same as the command `vlmdiff`."""

from vlmdiff.cli import main

main()
