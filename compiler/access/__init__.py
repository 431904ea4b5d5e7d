"""Grants, declared once, and the statements that they take."""
