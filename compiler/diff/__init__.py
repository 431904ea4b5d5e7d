"""What two revisions of an organisation differ in, by value: stacks, resources, attributes, causes.

Takes revisions as `compiler.revision` reads them; gives records. Reads nothing but its own table.
"""

from compiler.diff.compare import compare
from compiler.diff.records import Difference, Revision, StackView

__all__ = ["Difference", "Revision", "StackView", "compare"]
