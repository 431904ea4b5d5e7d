"""Where a stack, a resource or an attribute comes from.

`address` reads what was asked; `layers` say which line sets an inherited value and what it overrode;
`trials` find out by trying which lines of the blueprint a part of a stack follows; `answer` puts the two
together with the access ledger.
"""
