"""What the providers accept: the schema index, how it is made, and the check of a root module.

`index` reads the shipped index, `check` judges a document with it, `extract` makes it anew from
the CDKTF bindings. Importing this package reads nothing.
"""
