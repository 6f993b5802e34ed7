"""The wheel, in an empty environment outside the checkout: what an integrator installs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

import gateway
from gateway.cli.main import COMMANDS

CHECKOUT = Path(__file__).parents[2]
COMMAND_DEADLINE_S = 90


def run(*command: str | Path, cwd: Path) -> str:
    """The standard output of a command that has to succeed, run without a trace of the checkout."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the locked build tools and without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    offline = ("--no-deps", "--no-index", "--no-build-isolation")
    pip = (sys.executable, "-m", "pip")
    run(*pip, "wheel", "--quiet", *offline, "--wheel-dir", folder, CHECKOUT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`rfid-gateway` of a new environment that has the wheel and sees the locked dependencies."""
    venv = tmp_path_factory.mktemp("site-host") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    python = venv / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=venv.parent)
    # A folder named in a .pth file is searched for packages, but its own .pth files, the editable
    # checkout among them, are not followed.
    (packages,) = venv.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin" / "rfid-gateway"


def test_the_wheel_holds_one_top_level_package_and_the_example_site(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gateway"}
    for file in ("config/gateway.yaml", "config/site.yaml", "systemd/rfid-gateway.service"):
        assert f"gateway/_site/{file}" in names
    for folder in ("readers/profiles/", "rules/"):
        assert any(name.startswith(f"gateway/_site/{folder}") for name in names)


def test_the_wheel_leaves_nothing_of_the_package_behind(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = CHECKOUT / "gateway"
    files = [f for f in package.rglob("*") if f.is_file() and "__pycache__" not in f.parts]
    assert {f.relative_to(CHECKOUT).as_posix() for f in files} <= names


def test_the_installed_command_tells_its_version(command: Path, tmp_path: Path) -> None:
    assert run(command, "--version", cwd=tmp_path) == f"rfid-gateway {gateway.__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, command: Path, tmp_path: Path) -> None:
    assert f"rfid-gateway {name}" in run(command, name, "--help", cwd=tmp_path)


def test_the_code_that_runs_is_the_wheels_own(command: Path, tmp_path: Path) -> None:
    python = command.parent / "python"
    found = run(python, "-c", "import gateway; print(gateway.__file__)", cwd=tmp_path)
    assert found.startswith(str(command.parents[1]))


def test_a_new_site_passes_its_check(command: Path, tmp_path: Path) -> None:
    run(command, "init", "site", cwd=tmp_path)
    run(command, "check", "--site", "site", cwd=tmp_path)
