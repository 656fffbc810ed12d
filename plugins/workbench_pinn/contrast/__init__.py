"""A PINN beside a neural ODE, a grey-box fit and gradient matching: the same data, start values and time."""
