"""`python -m botkit`."""

from botkit.cli import main

main()
