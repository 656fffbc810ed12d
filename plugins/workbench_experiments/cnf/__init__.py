"""Densities in the plane by an ODE that carries points to a normal distribution, beside planar flows."""
