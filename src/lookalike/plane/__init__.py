"""A collection in the plane: every picture a point, near to the points of what it looks like."""
