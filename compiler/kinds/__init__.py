"""The catalog: one module or package per kind of component."""
