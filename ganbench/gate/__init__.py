"""The gate: a baseline against new results, and a word for every method."""
