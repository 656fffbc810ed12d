"""The workbench beside its peers: same problem, same start, same tolerance, warm, in one process, by turns."""
