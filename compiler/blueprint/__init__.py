"""From files to a tree with positions, and from expressions to values."""
