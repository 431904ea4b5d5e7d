"""Blueprint lines from a live AWS Organization.

`aws` reads the organisation, and alone knows boto3; `target` reads the blueprint; `matching` compares
the two and says what to add; `editing` puts that into the files' text without touching another line;
`run` has the order of it, and writes.
"""
