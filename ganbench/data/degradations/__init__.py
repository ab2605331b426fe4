"""Degradations: what is taken from images to make the source of a paired task. `base` holds the contract."""
