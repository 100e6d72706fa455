"""The engine: kernels over flat arrays, the mask store, and the matcher."""


def warmup() -> None:
    """Compile all kernels (or load them from the cache), so that no later call has to."""
    from constrain.engine import kernels  # noqa: F401
    from constrain.regular import kernels as regular_kernels  # noqa: F401
