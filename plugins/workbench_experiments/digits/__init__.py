"""Handwritten digits told apart by an ODE whose states are images, beside residual networks and without any block."""
