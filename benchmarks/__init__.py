"""How long Landform takes, and how much memory, beside what it cannot be faster than."""
