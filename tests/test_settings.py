"""Settings: defaults, where they come from, and one line for a wrong one."""

import stat
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core.errors import InvalidError
from app.settings import Settings, load_settings, write_private
from app.settings.ingest import IngestRules, Pack


def test_defaults() -> None:
    settings = load_settings(_env_file=None)
    assert settings.data_dir == Path("var")
    assert settings.archive_dir == Path("var/archive").absolute()
    assert settings.inbox == Path("var/inbox").absolute()
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.ingest_rules is IngestRules.ANY
    assert settings.required_keywords is None
    assert settings.pack is Pack.LATER
    assert settings.sample_frames == 24


def test_the_environment_and_a_file_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SKYSHELF_PORT=8123\nSKYSHELF_PACK=now\n")
    monkeypatch.setenv("SKYSHELF_PORT", "8124")
    monkeypatch.setenv("SKYSHELF_REQUIRED_KEYWORDS", "date-obs, OBJECT")
    settings = load_settings()
    assert (settings.port, settings.pack) == (8124, Pack.NOW)
    assert settings.required_keywords == ("DATE-OBS", "OBJECT")


def test_settings_are_frozen() -> None:
    settings = load_settings(_env_file=None)
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("PORT", "99999", "less than or equal to 65535"),
        ("PORT", "http", "integer"),
        ("PACK", "always", "'later', 'now' or 'never'"),
        ("INGEST_RULES", "eso", "'any', 'pyobs' or 'lco'"),
        ("DATABASE_URL", "mysql://x", "postgresql+asyncpg://"),
        ("HTTP_ROOT", "archive.example.org", "http://"),
        ("SETTLE_S", "-1", "greater than or equal to 0"),
        ("LOG_LEVEL", "loud", "debug"),
        ("FILESTORE_DIR", "var/archive", "neither the archive's"),
        ("FILESTORE_DIR", "var/archive/incoming", "neither the archive's"),
        ("FILESTORE_DIR", "var", "neither the archive's"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, what: str
) -> None:
    monkeypatch.setenv(f"SKYSHELF_{name}", value)
    with pytest.raises(InvalidError) as caught:
        load_settings(_env_file=None)
    message = caught.value.message
    assert message.startswith(f"SKYSHELF_{name}={value}: ")
    assert what in message
    assert "\n" not in message


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYSHELF_SECRET_KEY", "too-short-a-secret")
    with pytest.raises(InvalidError, match="at least 32 characters") as caught:
        load_settings(_env_file=None)
    assert "too-short-a-secret" not in caught.value.message


def test_no_keyword_need_be_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKYSHELF_REQUIRED_KEYWORDS", "-")
    assert load_settings(_env_file=None).required_keywords == ()


def test_the_secret_key_is_made_once_and_kept(tmp_path: Path) -> None:
    first = load_settings(data_dir=tmp_path, _env_file=None).secret()
    assert len(first) >= 32
    assert load_settings(data_dir=tmp_path, _env_file=None).secret() == first
    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret-key"]


def test_a_private_file_is_never_overwritten(tmp_path: Path) -> None:
    write_private(tmp_path / "x", "first")
    write_private(tmp_path / "x", "second")
    assert (tmp_path / "x").read_text() == "first\n"


def test_every_setting_is_explained() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        if name.endswith("_bytes_per_s"):
            assert "[byte/s]" in field.description, name
        elif name.endswith("_s"):
            assert "[s]" in field.description, name
        if name.endswith("_bytes"):
            assert "[byte]" in field.description, name
