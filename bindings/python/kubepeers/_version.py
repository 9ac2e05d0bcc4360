"""The version of the package, and of the library that it was made for."""

__version__ = "0.4.0"
