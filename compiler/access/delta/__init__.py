"""The access delta: who can do more, or less, in one revision of an organisation than in another.

Takes two `Snapshot`s, gives `Change`s. Both revisions' generated policies are evaluated; the ledger
only lends its names. Reads nothing and writes nothing.
"""

from compiler.access.delta.compare import delta
from compiler.access.delta.records import KINDS, MARKS, Change, Delta, Home, Mark, Snapshot

__all__ = ["KINDS", "MARKS", "Change", "Delta", "Home", "Mark", "Snapshot", "delta"]
