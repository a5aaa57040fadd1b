"""Check that a built wheel holds every file of the package, data included, and nothing else."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"


def expected() -> set[str]:
    """The files of the package in the source tree, as a wheel names them."""
    files = (path for path in (SOURCE / "lookalike").rglob("*") if path.is_file())
    return {path.relative_to(SOURCE).as_posix() for path in files if "__pycache__" not in path.parts}


def main(wheel: str) -> int:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("licenses/LICENSE")]
    problems = [f"missing from the wheel: {name}" for name in sorted(expected() - names)]
    problems += [f"does not belong in the wheel: {name}" for name in sorted(names - expected())]
    if not licences:
        problems.append("missing from the wheel: the licence")
    print("\n".join(problems) or f"{Path(wheel).name}: {len(names)} files, as in src/")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
