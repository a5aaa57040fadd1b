"""How good an answer is: of a search, and of clusters."""
