"""Results: the record schema, the store, the leaderboard and its statistics."""
