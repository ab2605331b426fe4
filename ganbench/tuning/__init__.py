"""Searches of options before a comparison: as many trials for every method, judged on validation images alone."""
