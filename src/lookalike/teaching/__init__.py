"""New models of a collection's own pictures: by an adapter, by fine-tuning, or without labels."""
