"""Datasets: what methods are fed. One file per family; `base` holds the contract."""
