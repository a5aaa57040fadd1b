"""`lookalike cluster`: the groups that a collection falls into, and pictures that stand for it."""

from lookalike.cli.cluster.command import cluster

__all__ = ["cluster"]
