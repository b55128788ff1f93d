"""The command `linli`: the only place that knows every program."""

__version__ = "0.1.0"
