"""Galleries: where the pictures of a collection and their vectors live.

`base` is the contract, `local` the one a collection uses, `memory` the slow reference.
Importing this package imports neither SQLite nor FAISS.
"""
