"""Cases from the files of other systems: read, understood by a mapping, and made for the API.

Nothing here asks the server: a file is understood, or each row that is not is told by its line.
"""
