"""The access evaluator: what the policies of root modules allow, by the logic that AWS documents.

Pure and fast: `collect` reads Terraform JSON values once, `decide` answers one request. What can't
be decided from the documents is "depends on …", never a guess.
"""

from compiler.access.evaluation.collect import collect
from compiler.access.evaluation.context import Request
from compiler.access.evaluation.decide import Decision, Link, decide
from compiler.access.evaluation.implied import decide_all, implied
from compiler.access.evaluation.records import Document, Policies, Problem

__all__ = [
    "Decision",
    "Document",
    "Link",
    "Policies",
    "Problem",
    "Request",
    "collect",
    "decide",
    "decide_all",
    "implied",
]
