"""The compiled engine: a model's graph and its solver as one small C library, built once and kept."""
