"""Teaching a model what belongs together."""
