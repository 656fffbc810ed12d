"""The fixed parts of exported Python files: operations that NumPy has no name for, layers, inputs, solving."""

FUNCTIONS = {
    "sigmoid": """
def sigmoid(x):
    return 1 / (1 + np.exp(-x))
""",
    "softplus": """
def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0)
""",
    "xlogy": '''
def xlogy(a, b):
    """a log b, 0 where a is 0."""
    return 0.0 if a == 0 else a * np.log(b)
''',
    "ratio": '''
def ratio(a, b):
    """a/b, 0 where a is 0."""
    return 0.0 if a == 0 else a / b
''',
    "chain": '''
def chained(slope, dx):
    """slope·dx, 0 where dx is 0."""
    return 0.0 if dx == 0 else slope * dx
''',
    "trigamma": """
def trigamma(x):
    return zeta(2.0, x)
""",
}

ACTIVATIONS = {
    "tanh": "np.tanh",
    "softplus": "softplus",
    "silu": "lambda x: x * sigmoid(x)",
    "relu": "lambda x: np.maximum(x, 0.0)",
    "sin": "np.sin",
}

NETWORK = '''
def dense(x, p, layers, activation):
    """Dense layers with an activation after each but the last."""
    for number, (n_out, n_in, matrix, biases) in enumerate(layers):
        x = p[matrix : matrix + n_out * n_in].reshape(n_out, n_in) @ (activation(x) if number else x)
        if biases is not None:
            x = x + p[biases : biases + n_out]
    return x
'''

INPUTS = '''
def inputs_at(t, trajectory=0, middle=None):
    """u(t) (input,): held from the sample before `middle` (a time inside the step), linear, or a cubic spline."""
    ts, us, slopes = INPUTS[trajectory]
    left = int(np.clip(np.searchsorted(ts, t if middle is None else middle, side="right") - 1, 0, len(ts) - 1))
    values = []
    for j, kind in enumerate(KINDS):
        if kind == "hold" or len(ts) == 1 or not ts[0] <= t <= ts[-1]:
            values.append(us[left, j])
        elif kind == "linear":
            values.append(np.interp(t, ts, us[:, j]))
        else:
            values.append(CubicHermiteSpline(ts, us[:, j], slopes[:, j])(t))
    return np.array(values, dtype=float)
'''

SOLVE = '''
def solve(ts, trajectory=0, y0=None, method="DOP853", rtol=1e-10, atol=1e-12):
    """Channels (time, channel) and states (time, state) at increasing times `ts`, from the fitted start or from y0."""
    ts = np.asarray(ts, dtype=float)
    p = P[trajectory if len(P) > 1 else 0]
    c = C[trajectory] if "C" in globals() else None
    tables = "INPUTS" in globals()
    y = np.array(Y0[trajectory] if y0 is None else y0, dtype=float)
    t, states = float(T0[trajectory]), np.empty((len(ts), len(y)))
    stops = INPUTS[trajectory][0] if tables else np.zeros(0)
    for goal in np.unique([*ts, *stops[(stops > t) & (stops < ts[-1])]]) if len(y) else ():
        if goal > t:
            middle = 0.5 * (t + goal)
            look = (lambda s: inputs_at(s, trajectory, middle)) if tables else (lambda s: None)
            found = solve_ivp(lambda s, y: rhs(s, y, look(s), c, p), (t, goal), y, method, rtol=rtol, atol=atol)
            if not found.success:
                raise RuntimeError(f"the solution ended at {found.t[-1]:g}: {found.message}")
            t, y = float(goal), found.y[:, -1]
        states[ts == goal] = y
    u = [inputs_at(each, trajectory) if tables else None for each in ts]
    return np.array([observe(s, row, v, c, p) for s, row, v in zip(ts, states, u)]), states
'''
