"""A collection on a server, with the methods of `Collection`: the standard library is all it needs.

from lookalike.client import Client

with Client("http://127.0.0.1:8000", token="…") as shop:
    for hit in shop.search("query.jpg", k=3, where="in_stock").results:
        print(hit.rank, hit.id, hit.similarity)
"""

from lookalike.client.client import Client
from lookalike.client.sending import Asked

__all__ = ["Asked", "Client"]
