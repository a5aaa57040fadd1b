"""The demo: a small catalogue that is drawn on the spot, so that the first search needs no data."""
