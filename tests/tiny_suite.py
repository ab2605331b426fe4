"""The smallest suite that trains."""

TINY_SUITE = """
name: tiny
description: The smallest suite that trains.
dataset: {name: avatars, source: avataaars, target: adventurer, n_train: 24, n_val: 8, n_test: 8}
methods: [half_cycle]
seeds: [0]
metrics: [sharpness]
profiles:
  cpu: {image_size: 16, steps: 4, batch_size: 2, precision: float32, memory_format: channels_last, compile: false,
        options: {ngf: 4, n_blocks: 1, ndf: 4}}
"""
