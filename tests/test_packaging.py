"""The files around the code: image, compose, CI, hooks, licence and the built package.

No container engine runs in the tests, so these files are checked by reading them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # a parser for tests alone is not worth its stubs

from app.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
PACKAGES = ("app", "worker", "migrations")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return content


def dockerfile() -> list[list[tuple[str, str]]]:
    """Stages of instructions, continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    stages: list[list[tuple[str, str]]] = []
    for line in text.replace("\\\n", " ").splitlines():
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            stages.append([])
        if name:
            stages[-1].append((name, " ".join(rest.split())))
    return stages


class TestDockerfile:
    def test_the_image_is_made_from_locked_requirements(self) -> None:
        builder, _ = dockerfile()
        installs = [rest for name, rest in builder if name == "RUN" and "pip install" in rest]
        assert len(installs) == 2
        assert "--require-hashes" in installs[0]
        assert "-r requirements.txt" in installs[0]
        assert "--no-index --no-deps" in installs[1]

    def test_copied_files_exist_and_are_not_ignored(self) -> None:
        allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        builder, _ = dockerfile()
        sources = [s for name, rest in builder if name == "COPY" for s in rest.split()[:-1]]
        for source in sources:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in allowed or f"!{source}/" in allowed, source
        assert set(PACKAGES) < set(sources)

    def test_the_final_image_runs_the_api_as_nobody_special(self) -> None:
        final = dict(dockerfile()[-1])
        assert int(final["USER"].partition(":")[0]) > 0
        assert json.loads(final["CMD"]) == ["skyshelf", "serve"]
        assert final["EXPOSE"] == "8000"
        assert final["VOLUME"] == "/data"

    def test_the_health_check_is_python_that_asks_for_life(self) -> None:
        check = dict(dockerfile()[-1])["HEALTHCHECK"]
        python, option, code = json.loads(check.partition("CMD ")[2])
        assert (python, option) == ("python", "-c")
        compile(code, "HEALTHCHECK", "exec")
        assert "/health/live" in code

    def test_its_settings_exist(self) -> None:
        names = re.findall(rf"\b{PREFIX}(\w+)=", dict(dockerfile()[-1])["ENV"])
        assert {"data_dir", "host", "port"} <= {name.lower() for name in names}
        assert {name.lower() for name in names} <= set(Settings.model_fields)


class TestCompose:
    compose = load("compose.yaml")
    services: dict[str, Any] = compose["services"]

    def test_services_start_in_order(self) -> None:
        assert set(self.services) == {"db", "migrate", "api", "worker"}
        healthy, done = "service_healthy", "service_completed_successfully"
        assert self.services["migrate"]["depends_on"] == {"db": {"condition": healthy}}
        for name in ("api", "worker"):
            waits = self.services[name]["depends_on"]
            assert waits == {"db": {"condition": healthy}, "migrate": {"condition": done}}
        assert "pg_isready" in self.services["db"]["healthcheck"]["test"]

    def test_commands(self) -> None:
        commands = {name: s["command"] for name, s in self.services.items() if "command" in s}
        assert commands == {
            "migrate": ["skyshelf", "migrate"],
            "api": ["skyshelf", "serve"],
            "worker": ["skyshelf", "worker"],
        }
        assert self.services["migrate"]["restart"] == "no"

    def test_settings_are_accepted(self) -> None:
        for name in ("migrate", "api", "worker"):
            environment = self.services[name]["environment"]
            fields = {key.removeprefix(PREFIX).lower(): v for key, v in environment.items()}
            assert set(fields) <= set(Settings.model_fields)
            filled = {key: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", v) for key, v in fields.items()}
            settings = Settings.model_validate(filled)
            assert settings.require_database_url().endswith("@db:5432/skyshelf")
            assert settings.public_url == "http://localhost:8000"

    def test_the_password_is_required_and_nowhere_else(self) -> None:
        required = r"\$\{POSTGRES_PASSWORD:\?[^}]+\}"
        text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
        assert len(re.findall(required, text)) == 2
        assert "${POSTGRES_PASSWORD}" not in text
        assert re.fullmatch(required, self.services["db"]["environment"]["POSTGRES_PASSWORD"])

    def test_volumes_are_declared_and_shared(self) -> None:
        mounts = {name: service["volumes"] for name, service in self.services.items()}
        assert mounts["api"] == mounts["worker"] == ["data:/data"]
        used = {mount.partition(":")[0] for volumes in mounts.values() for mount in volumes}
        assert used == set(self.compose["volumes"])

    def test_only_the_api_is_reached_and_only_from_this_machine(self) -> None:
        ports = {name: s["ports"] for name, s in self.services.items() if "ports" in s}
        assert ports == {"api": ["127.0.0.1:8000:8000"]}


class TestContinuousIntegration:
    workflow = load(".github/workflows/ci.yml")
    (job,) = workflow["jobs"].values()

    def test_it_runs_what_everyone_runs_on_each_python(self) -> None:
        pythons = self.job["strategy"]["matrix"]["python"]
        assert pythons == ["3.11", "3.12", "3.13"]
        assert PROJECT["project"]["requires-python"] == f">={pythons[0]}"
        assert [step["run"] for step in self.job["steps"] if "run" in step] == [".ci/run"]
        assert self.job["timeout-minutes"] <= 30

    def test_actions_are_pinned_and_may_not_write(self) -> None:
        actions = [step["uses"] for step in self.job["steps"] if "uses" in step]
        assert actions
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", action) for action in actions)
        assert self.workflow["permissions"] == {"contents": "read"}

    @pytest.mark.parametrize("failing", ["none", "check", "test", "clients"])
    def test_it_fails_when_any_step_fails(self, tmp_path: Path, failing: str) -> None:
        make = tmp_path / "make"
        make.write_text(f'#!/bin/sh\necho "made $1 in $PWD"\ntest "$1" != {failing}\n')
        make.chmod(0o755)
        ran = subprocess.run(  # noqa: S603  # our own script
            [ROOT / ".ci" / "run"],
            cwd=tmp_path,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == (0 if failing == "none" else 1)
        made = [line for line in ran.stdout.splitlines() if line.startswith("made")]
        assert made == [f"made {step} in {ROOT}" for step in ("check", "test", "clients")]
        assert len(re.findall(r"after \d+ s", ran.stdout)) == 3


def test_hooks_are_the_locked_tools() -> None:
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    locked = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    packages = {"lint-imports": "import-linter"}
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        tool = hook["entry"].split()[0].removeprefix(".venv/bin/")
        assert hook["language"] == "system"
        assert f"{packages.get(tool, tool)}==" in locked


def test_the_licence_is_the_declared_one() -> None:
    assert PROJECT["project"]["license"] == "BSD-3-Clause"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("BSD 3-Clause License\n")
    assert "The Skyshelf authors" in text


def test_the_built_package_holds_every_file(tmp_path: Path) -> None:
    for name in (*PACKAGES, "pyproject.toml", "README.md", "LICENSE"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tmp_path)
    expected = {
        file.relative_to(tmp_path).as_posix()
        for package in PACKAGES
        for file in (tmp_path / package).rglob("*")
        if file.is_file() and file.suffix != ".mako"  # a template for developers
    }
    build = "import setuptools.build_meta as b; b.build_wheel('dist')"
    subprocess.run(  # noqa: S603  # a fixed command
        [sys.executable, "-c", build], cwd=tmp_path, capture_output=True, check=True
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    built = set(zipfile.ZipFile(wheel).namelist())
    assert not expected - built
