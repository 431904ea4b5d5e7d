"""Landform compiles a blueprint of an organisation's ML platform into Terraform JSON."""

__version__ = "0.1.0"
