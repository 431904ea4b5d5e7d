"""The command line: one file per command; nothing below here knows click."""
