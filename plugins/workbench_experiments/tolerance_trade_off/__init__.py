"""A model trained at a tight tolerance, evaluated at many; and what becomes of models trained with fixed steps."""
