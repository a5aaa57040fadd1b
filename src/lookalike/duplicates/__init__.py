"""Which pictures of a collection are copies of one another."""
