"""Translation methods. One file per family; `base` holds the contract."""
