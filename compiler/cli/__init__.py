"""The command line: one file per command; nothing below here knows click."""

from __future__ import annotations

from compiler.cli.entry import main

__all__ = ["main"]
