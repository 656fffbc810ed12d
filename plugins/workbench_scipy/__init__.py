"""SciPy's integrators as independent references."""
