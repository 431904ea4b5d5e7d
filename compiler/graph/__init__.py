"""The organisation as a picture: stacks, what waits for what, and who may do what where.

`model` makes the records of a compiled blueprint, `changes` lays another revision over them. The rest
writes them: `text`, `dot`, `mermaid`, `record` (JSON) and `html`, one page that needs no network.
"""
