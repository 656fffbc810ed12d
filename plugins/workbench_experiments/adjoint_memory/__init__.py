"""The continuous adjoint: how much memory it needs, what its gradient is worth, and where it fails."""
