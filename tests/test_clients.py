"""Clients that are generated from openapi/openapi.json compile, leave nothing out, and do the main job.

The commands and the programs of docs/clients.md are run as they stand there.
"""

import importlib
import json
import os
import pkgutil
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.clock import today
from app.demo.server import serving
from tests.conftest import SETTINGS
from tests.county import County

if TYPE_CHECKING:
    from tests.clients.main_job import MainJob  # can be imported where the client is generated

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "clients.md").read_text("utf-8")
DOCUMENT = json.loads((ROOT / "openapi" / "openapi.json").read_text("utf-8"))
PROGRAMS = Path(__file__).parent / "clients"
INSTALLED = ROOT / ".clients"

pytest.register_assert_rewrite("tests.clients.main_job")
pytestmark = pytest.mark.slow


def commands(tool: str) -> list[list[str]]:
    """The commands of docs/clients.md that begin so."""
    fenced = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    lines = [line for block in fenced for line in block.splitlines() if line.startswith(tool)]
    return [shlex.split(line) for line in lines]


def example(language: str) -> tuple[str, str]:
    """The program of docs/clients.md in a language, and what it prints."""
    [(program, printed)] = re.findall(rf"^```{language}\n(.*?)^```\n```\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return program, printed


def generate(folder: Path, described: dict[str, Any] = DOCUMENT) -> subprocess.CompletedProcess[str]:
    """Run the guide's command in a folder that has what it names."""
    shutil.copytree(ROOT / "openapi", folder / "openapi")
    (folder / "openapi" / "openapi.json").write_text(json.dumps(described), "utf-8")
    [command] = commands("openapi-python-client generate")
    return run(command, folder)


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the tools beside this Python, and keep what it says."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(folder), **environment}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a Python client, which can be imported."""
    folder = tmp_path_factory.mktemp("generated")
    done = generate(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture
def served(database_url: str, county: County) -> Iterator[str]:
    """The address of the service, running."""
    with serving(SETTINGS.model_copy(update={"port": 0, "database_url": database_url})) as running:
        yield running.address


@pytest.fixture
def job(generated: Path, served: str, county: County) -> Iterator["MainJob"]:
    """The main job, with a client for each role."""
    from tests.clients.main_job import MainJob

    made = MainJob(served, county.keys, today())
    yield made
    made.close()


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_the_python_client_leaves_nothing_out_and_every_module_can_be_imported(generated: Path) -> None:
    package = importlib.import_module("lava_client")
    names = {found.name for found in pkgutil.walk_packages(package.__path__, "lava_client.")}
    modules = {name: importlib.import_module(name) for name in names}  # a warning is an error here
    operations = {operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()}
    functions = {name.rpartition(".")[2] for name in names if name.count(".") == 3}
    assert functions == operations
    assert all(hasattr(modules[name], "sync_detailed") for name in names if name.count(".") == 3)
    models = {name.replace("_", "").lower() for name in vars(modules["lava_client.models"])}
    assert {name for name in DOCUMENT["components"]["schemas"] if name.replace("_", "").lower() not in models} == set()


def test_names_in_the_python_client_are_words(generated: Path) -> None:
    models = vars(importlib.import_module("lava_client.models"))
    codes = {f"{name}.{code}" for name, model in models.items() for code in getattr(model, "__members__", ())}
    assert len(codes) > 200
    assert [code for code in codes if "VALUE_" in code] == []
    assert [name for name in models if name.startswith("App")] == []


def test_the_python_client_and_what_uses_it_have_right_types(generated: Path) -> None:
    settings = generated / "mypy.ini"
    settings.write_text(
        "[mypy]\nstrict = true\nmypy_path = .\n"
        "[mypy-lava_client.client]\ndisable_error_code = arg-type\n",  # the generator's own `*args: object`
        "utf-8",
    )
    program = shutil.copy(PROGRAMS / "main_job.py", generated)
    wrong = generated / "wrong.py"
    wrong.write_text("from lava_client.models import CaseFacts\n\nCaseFacts(title='a text in no language')\n", "utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(settings)]
    command += ["--cache-dir", str(generated / ".mypy_cache")]
    checked = run([*command, "-p", "lava_client", "-m", "main_job"], generated)
    assert checked.returncode == 0, checked.stdout
    control = run([*command, str(wrong)], generated)
    assert "LocalisedText" in control.stdout
    Path(program).unlink()
    wrong.unlink()


def test_a_warning_of_the_generator_is_a_failure(tmp_path: Path) -> None:
    described = json.loads(json.dumps(DOCUMENT))
    body = described["paths"]["/api/v1/units/import"]["post"]["requestBody"]["content"]
    body["application/vnd.example"] = body.pop("text/csv")
    done = generate(tmp_path, described)
    assert done.returncode == 1
    assert "application/vnd.example" in done.stdout + done.stderr


def test_the_python_client_does_the_main_job(job: "MainJob") -> None:
    job.do()


def test_the_python_client_reads_problems_and_sends_batches(job: "MainJob") -> None:
    job.send_nonsense()
    job.tell_many()


@on_sqlite
def test_the_python_client_sends_files_and_reads_plots(job: "MainJob") -> None:
    job.use_files()


def keys_of(county: County) -> dict[str, str]:
    """Keys as docs/clients.md has them in the environment."""
    return {role.upper(): key for role, key in county.keys.items()}


@on_sqlite
def test_the_guide_s_python_program_prints_what_it_says(generated: Path, served: str, county: County) -> None:
    program, printed = example("python")
    done = run([sys.executable, "-c", program], generated, LAVA=served, **keys_of(county))
    assert (done.stdout, done.stderr, done.returncode) == (printed, "", 0)


@pytest.fixture(scope="module")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the types, both programs and what they need; skipped where there is no Node, or no registry."""
    if not shutil.which("npm") or not shutil.which("npx"):
        pytest.skip("no Node here: clients in TypeScript are not tried")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < 20:
        pytest.skip(f"Node {version} is older than 20: clients in TypeScript are not tried")
    install_packages()
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(INSTALLED / "node_modules")
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    shutil.copytree(ROOT / "openapi", folder / "openapi")
    done = run(commands("npx openapi-typescript")[0], folder)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy(PROGRAMS / "main-job.ts", folder)
    (folder / "first.ts").write_text(example("ts")[0], "utf-8")
    return folder


def install_packages() -> None:
    """Install what the guide says, once, into a folder that git ignores."""
    [command] = commands("npm install")
    wanted = dict(name.rsplit("@", 1) for name in command[2:])
    packages = {name: INSTALLED / "node_modules" / name / "package.json" for name in wanted}
    found = {name: json.loads(path.read_text("utf-8"))["version"] for name, path in packages.items() if path.exists()}
    if found == wanted:
        return
    INSTALLED.mkdir(exist_ok=True)
    (INSTALLED / "package.json").write_text('{"private": true}', "utf-8")
    off = dict.fromkeys(("save", "audit", "fund", "update_notifier"), "false")
    options = {
        **off,
        "ignore_scripts": "true",
        "fetch_retries": "1",
        "fetch_retry_mintimeout": "1000",
        "fetch_timeout": "30000",
    }
    done = run(command, INSTALLED, **{f"npm_config_{name}": value for name, value in options.items()})
    if re.search("ENOTFOUND|EAI_AGAIN|ECONN|ENETUNREACH|EHOSTUNREACH|TIMEDOUT|ERR_SOCKET", done.stderr):
        pytest.skip("npm does not reach its registry: clients in TypeScript are not tried")
    assert done.returncode == 0, done.stderr


def check_types(folder: Path, *programs: str) -> subprocess.CompletedProcess[str]:
    """Run the guide's check of types."""
    return run([*commands("npx tsc")[0][:-1], *programs], folder)


def test_programs_in_typescript_have_right_types(typescript: Path) -> None:
    checked = check_types(typescript, "first.ts", "main-job.ts")
    assert (checked.stdout, checked.returncode) == ("", 0)


def test_the_types_see_what_is_wrong(typescript: Path) -> None:
    faults = {
        'code: "VE1"': 'kode: "VE1"',
        '"/api/v1/assessments/{assessment_id}/approval"': '"/api/v1/assessments/{assessment_id}/aproval"',
        'touches_children: "yes"': 'touches_children: "perhaps"',
        "header: ofVersion(written)": "header: {}",
    }
    text = (typescript / "main-job.ts").read_text("utf-8")
    programs: list[str] = []
    for right, wrong in faults.items():
        assert text.count(right) == 1
        programs.append(f"wrong-{len(programs)}.ts")
        (typescript / programs[-1]).write_text(text.replace(right, wrong), "utf-8")
    checked = check_types(typescript, *programs)
    assert checked.returncode != 0
    assert [name for name in programs if f"{name}(" not in checked.stdout] == []


@on_sqlite
def test_programs_in_typescript_do_the_main_job(typescript: Path, served: str, county: County) -> None:
    program = ["npx", "tsc", "--noCheck", "--outDir", "built", *commands("npx tsc")[0][4:-1]]
    done = run([*program, "first.ts", "main-job.ts"], typescript)
    assert done.returncode == 0, done.stdout
    environment = {"LAVA": served, "TODAY": str(today()), **keys_of(county)}
    first = run(["node", "built/first.js"], typescript, **environment)
    assert (first.stdout, first.stderr) == (example("ts")[1], "")
    whole = run(["node", "built/main-job.js"], typescript, **environment)
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.split()[-1] == "follow_up.opened"
