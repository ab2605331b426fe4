"""Losses: adversarial, regularisers, reconstruction; pure functions on tensors."""
