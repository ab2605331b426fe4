"""The verb `sanity`: known damage, each metric's answer to it, and whether that is the answer one would wish."""
