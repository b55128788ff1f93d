"""`python -m edge`: the station's commands without the rest of `linli`."""

from edge.cli import app

app()
