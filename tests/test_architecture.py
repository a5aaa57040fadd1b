"""The shape of the package, read from its imports: who may use whom, and what stays in one place."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "lookalike"
TABLE = ROOT / "docs" / "architecture.md"
BENCHMARKS = ROOT / "benchmarks"

# The lowest layer first, as in the table of docs/architecture.md: a module may import its own layer
# and lower ones, never a higher one, not even for type checkers. A package stands for all of its
# modules. `lookalike` itself only gives the public names, which it imports when they are used.
LAYERS: list[set[str]] = [
    {"lookalike", "errors", "progress", "results"},
    {"files", "images", "sandbox", "models", "runtimes", "vectors", "filters", "metadata", "client"},
    {"embedder", "gallery"},
    {"query", "neighbours"},
    {"clusters", "duplicates", "evaluation", "outliers", "plane", "reports", "training"},
    {
        "comparing",
        "explaining",
        "exporting",
        "indexing",
        "maps",
        "overview",
        "parts",
        "removing",
        "roots",
        "searching",
        "spaces",
        "teaching",
    },
    {"collection"},
    {"cli", "demo", "server", "__main__"},
]

# Heavy libraries that `import lookalike` must not load; the parts that need them do, when used.
HEAVY = ["PIL", "cv2", "faiss", "onnxruntime", "openTSNE", "openvino", "pandas"]
HEAVY += ["pyarrow", "rich", "simplejpeg", "sklearn", "torch", "fastapi", "pydantic", "uvicorn"]

# Libraries that one module stands for: whoever needs pictures asks `images`.
OWNERS = {
    "PIL": {"images"},
    "simplejpeg": {"images"},
    "pillow_heif": {"images"},
    "faiss": {"gallery"},
    "sqlite3": {"gallery"},
    "onnxruntime": {"runtimes", "training"},  # training makes int8 graphs with it
    "onnx": {"training"},
    "torch": {"training"},
    "openvino": {"runtimes"},
    "pyarrow": {"metadata"},
    "openTSNE": {"plane"},
    "click": {"cli"},
    "rich": {"cli"},
    "fastapi": {"server"},
    "starlette": {"server"},
    "pydantic": {"server"},
    "pydantic_settings": {"server"},
    "uvicorn": {"server"},
    "prometheus_client": {"server"},
    "python_multipart": {"server"},
}


@dataclass(frozen=True)
class Import:
    """One import: where it stands, the module it names, and whether only type checkers see it."""

    place: str
    module: str
    names: tuple[str, ...]
    typing_only: bool


# --- reading the sources ----------------------------------------------------------------------


def modules() -> list[str]:
    """Every module, dotted and without `lookalike.`; the package itself is ``""``."""
    files = sorted(SOURCE.rglob("*.py"))
    parts = [list(file.relative_to(SOURCE).with_suffix("").parts) for file in files]
    return [".".join(p[:-1] if p[-1] == "__init__" else p) for p in parts]


def file_of(module: str) -> Path:
    folder = SOURCE.joinpath(*module.split(".")) if module else SOURCE
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(file_of(module).read_text("utf-8"))


def place(module: str, node: ast.stmt | ast.expr) -> str:
    return f"{file_of(module).relative_to(SOURCE.parent)}:{node.lineno}"


def imports(module: str) -> list[Import]:
    """All imports, those inside functions included."""
    return list(_imports(module, tree(module), typing_only=False))


def _imports(module: str, node: ast.AST, *, typing_only: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(place(module, node), alias.name, (), typing_only)
    elif isinstance(node, ast.ImportFrom):
        names = tuple(alias.name for alias in node.names)
        yield Import(place(module, node), "." * node.level + (node.module or ""), names, typing_only)
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for statement in node.body:
            yield from _imports(module, statement, typing_only=True)
        for statement in node.orelse:
            yield from _imports(module, statement, typing_only=typing_only)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _imports(module, child, typing_only=typing_only)


def ours(imported: Import) -> list[str]:
    """The first part below `lookalike` of what is imported; `lookalike` for its public names."""
    root, _, rest = imported.module.partition(".")
    if root != "lookalike":
        return []
    if rest:
        return [rest.split(".")[0]]
    known = {module.split(".")[0] for module in modules()}
    return [name if name in known else "lookalike" for name in imported.names] or ["lookalike"]


def part(module: str) -> str:
    """The name by which a module stands in LAYERS."""
    return module.split(".")[0] or "lookalike"


def height(name: str) -> int:
    """1 for the lowest layer; 0 for a module without one, which another test reports."""
    return next((i for i, layer in enumerate(LAYERS, start=1) if name in layer), 0)


def upward(module: str, imported: list[Import]) -> list[str]:
    """A sentence for each import that goes against LAYERS."""
    if not module:  # the public names, for type checkers; that they are lazy is tested below
        return []
    own = height(part(module))
    return [
        f"{statement.place}: {module} (layer {own}) imports {name}, which stands above it ({height(name)})"
        for statement in imported
        for name in ours(statement)
        if height(name) > own
    ]


# --- layers -----------------------------------------------------------------------------------


def test_every_module_stands_in_a_layer() -> None:
    unlisted = sorted({part(module) for module in modules() if not height(part(module))})
    assert not unlisted, f"give {', '.join(unlisted)} a place in LAYERS of {Path(__file__).name}"


def test_layers_name_what_there_is_and_each_once() -> None:
    names = [name for layer in LAYERS for name in layer]
    assert sorted(names) == sorted({part(module) for module in modules()})


def documented() -> dict[str, int]:
    """The modules in the table of docs/architecture.md, as `gallery/store` or `cli/`, with their layer."""
    found, layer = {}, 0
    rows = re.findall(r"^\| *(\d*) *\| (`[^|]+) \|", TABLE.read_text("utf-8"), re.MULTILINE)
    for number, names in rows:
        layer = int(number or layer)
        found |= dict.fromkeys(re.findall(r"`([\w/]+)`", names), layer)
    return found


def test_the_docs_table_has_every_module_in_its_layer() -> None:
    table = documented()
    whole = tuple(name for name in table if name.endswith("/"))
    names = {module.replace(".", "/") for module in modules() if module not in ("", "__main__")}
    packages = {name for name in names if any(other.startswith(f"{name}/") for other in names)}
    single = {name for name in names - packages if not name.startswith(whole)}
    assert single | set(whole) == set(table)
    assert {name: height(part(name.replace("/", "."))) for name in table} == table


@pytest.mark.parametrize("module", modules())
def test_imports_point_down(module: str) -> None:
    problems = upward(module, imports(module))
    assert not problems, "\n".join(problems)


def test_an_import_that_points_up_is_found() -> None:
    def found(source: str) -> int:
        return len(upward("files", list(_imports("files", ast.parse(source), typing_only=False))))

    assert found("from lookalike.collection import Collection") == 1
    assert found("def f():\n    import lookalike.gallery.base") == 1
    assert found("from lookalike import errors, collection") == 1
    assert found("if TYPE_CHECKING:\n    from lookalike.collection import Collection") == 1
    assert found("from lookalike.errors import UsageError\nfrom lookalike import __version__\nimport os") == 0


@pytest.mark.parametrize("module", modules())
def test_imports_are_absolute(module: str) -> None:
    relative = [statement.place for statement in imports(module) if statement.module.startswith(".")]
    assert not relative, f"import from lookalike by its full name: {', '.join(relative)}"


def named(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements of a module define or import."""
    for node in body:
        if isinstance(node, ast.If):
            yield from named(node.body + node.orelse)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))


@pytest.mark.parametrize("file", sorted(BENCHMARKS.rglob("*.py")), ids=lambda file: file.name)
def test_what_a_benchmark_imports_is_there(file: Path) -> None:
    """No test runs them, so a name that has moved would be missed there."""
    missing = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] != "lookalike":
            continue
        module = (node.module or "").removeprefix("lookalike").removeprefix(".")
        there = set(named(tree(module).body)) if module in modules() else set()
        there |= {other.rpartition(".")[2] for other in modules() if other.rpartition(".")[0] == module}
        missing += [alias.name for alias in node.names if alias.name not in there]
    assert not missing


# --- what stays in one place ------------------------------------------------------------------


@pytest.mark.parametrize(("library", "owners"), OWNERS.items())
def test_a_library_is_used_by_its_owner_alone(library: str, owners: set[str]) -> None:
    users = [
        statement.place
        for module in modules()
        if part(module) not in owners
        for statement in imports(module)
        if statement.module.split(".")[0] == library and not statement.typing_only
    ]
    assert not users, (
        f"{library} belongs to {', '.join(sorted(owners))}, but is imported in {', '.join(users)}"
    )


def base_names(node: ast.ClassDef) -> set[str]:
    return {ast.unparse(base).rpartition(".")[2] for base in node.bases}


def test_only_errors_defines_exceptions() -> None:
    defined = {node.name for node in ast.walk(tree("errors")) if isinstance(node, ast.ClassDef)}
    exceptions = defined | {
        name for name, value in vars(__import__("builtins")).items() if is_exception(value)
    }
    found = [
        f"{place(module, node)} {node.name}"
        for module in modules()
        if module != "errors"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ClassDef) and base_names(node) & exceptions
    ]
    assert not found, f"define errors in errors.py: {', '.join(found)}"


def is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def test_only_the_command_line_prints() -> None:
    found = [
        place(module, node)
        for module in modules()
        if part(module) != "cli"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.exit", "exit")
        # `python -m lookalike` ends with the command's exit code
        if module != "__main__"
    ]
    assert not found, f"only lookalike.cli prints and exits: {', '.join(found)}"


# --- importing --------------------------------------------------------------------------------


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that are loaded in a new Python after a statement."""
    code = f"import sys; {statement}; print(*{{m.split('.')[0] for m in sys.modules}})"
    # -P: not from the working directory; the package comes from where this one does
    path = f"import sys; sys.path.insert(0, {str(SOURCE.parent)!r}); "
    done = subprocess.run(
        [sys.executable, "-P", "-c", path + code], capture_output=True, text=True, check=True
    )
    assert not done.stderr
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("import lookalike") & set(HEAVY)
    assert not loaded, f"import lookalike loads {', '.join(sorted(loaded))}"


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    loaded = loaded_by("import lookalike.cli") & {*HEAVY, "numpy"}
    assert not loaded, f"import lookalike.cli loads {', '.join(sorted(loaded))}"


def test_reading_filters_and_metadata_loads_nothing_heavy() -> None:
    loaded = loaded_by("import lookalike.filters, lookalike.metadata") & {*HEAVY, "numpy"}
    assert not loaded, f"they load {', '.join(sorted(loaded))}"
