"""Terraform as data: stacks, the schema index, CDKTF, canonical text."""
