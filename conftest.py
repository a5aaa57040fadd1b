"""Leaves the doctests of modules out that need an extra which is not installed."""

from importlib.util import find_spec

NEED_TORCH = ("backbone", "checkpoints", "finetune")

collect_ignore = [] if find_spec("torch") else [f"src/lookalike/training/{name}.py" for name in NEED_TORCH]
