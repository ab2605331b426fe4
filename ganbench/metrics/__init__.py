"""Metrics: features → statistics → value. One file per family; `base` holds the contract."""
