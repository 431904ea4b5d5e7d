"""Kinds of components that acme has beside Landform's own."""
