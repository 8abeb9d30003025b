"""What holds the architecture holds every package, also one that is added."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
OF_THEIR_OWN_SHAPE = {"app.conventions", "app.journal", "app.demo", "app.spreadsheets", "app.attachments"}
"""Packages that are no domain packages: their files are named after what they are."""


def test_every_domain_package_is_held_to_the_order_inside_a_package() -> None:
    inside = next(contract for contract in CONTRACTS if contract["name"].startswith("Inside a package"))
    packages = {f"app.{path.parent.name}" for path in (ROOT / "app").glob("*/__init__.py")}
    assert set(inside["containers"]) == packages - OF_THEIR_OWN_SHAPE


def _linted(folder: Path) -> tuple[int, str]:
    arguments = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_package_without_a_place_and_rules_that_know_the_database_are_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "app", tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert _linted(tmp_path)[0] == 0
    package = tmp_path / "app" / "unplaced"
    package.mkdir()
    (package / "__init__.py").write_text('"""A package that nobody placed."""\n')
    code, told = _linted(tmp_path)
    assert code == 1
    assert "unplaced" in told
    (package / "rules.py").write_text("import sqlalchemy\n")
    assert "app.unplaced.rules is not allowed to import sqlalchemy" in _linted(tmp_path)[1]
