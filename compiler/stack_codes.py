"""Codes of this room."""

from __future__ import annotations

from compiler.codes import Code

CODES: tuple[Code, ...] = ()
