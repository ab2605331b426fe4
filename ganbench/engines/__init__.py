"""Engines schedule trials, nothing more."""
