"""`python -m linli`: the same as the command `linli`."""

from linli.cli import main

main()
