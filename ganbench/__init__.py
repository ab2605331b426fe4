"""ganbench: trains, judges and ranks GAN image translation methods.

Importing this package is free: torch, ray and pandas are imported by the modules that use them.
"""

__version__ = "0.1.0"
