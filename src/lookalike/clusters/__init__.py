"""How a collection falls into groups: communities of the neighbour graph, or k-means."""

from lookalike.clusters.stored import Assigned, assigned

__all__ = ["Assigned", "assigned"]
