"""`lookalike outliers`: what does not belong, which labels are in doubt, what splits share."""

from lookalike.cli.outliers.command import outliers

__all__ = ["outliers"]
