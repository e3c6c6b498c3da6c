"""Benchmarks of the encoder: `python -m tests.bench.encoder`."""
