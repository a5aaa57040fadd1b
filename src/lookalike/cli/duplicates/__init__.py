"""`lookalike duplicates`: find every copy, look at them, remove them, bring them back."""

from lookalike.cli.duplicates.finding import duplicates

__all__ = ["duplicates"]
