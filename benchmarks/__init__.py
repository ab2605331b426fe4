"""Measured speed, memory and detection rates; each file is a program: ``python -m benchmarks.neighbours``."""
