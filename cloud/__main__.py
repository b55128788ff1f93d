"""`python -m cloud`: the same as `linli hub`."""

from cloud.cli import app

app()
