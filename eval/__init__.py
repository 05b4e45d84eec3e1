"""Scores, reports and benchmarks. Knows nothing of training."""
