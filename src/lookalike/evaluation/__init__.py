"""Measuring how well a model finds what belongs together."""
