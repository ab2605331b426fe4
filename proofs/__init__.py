"""Long proofs of what ganbench promises; each is a command of its own, outside the tests."""
