"""Settings: read once, wrong ones named."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import Settings, load


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_mistyped_setting_names_the_nearest_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITUATE_RERANKR", "none")
    with pytest.raises(SettingsError, match="SITUATE_RERANKER"):
        load()


def test_a_mistyped_setting_in_the_env_file_is_seen_and_other_tools_keys_are_not(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=x\nSITUATE_PORT=8600\n")
    assert load().port == 8600
    (tmp_path / ".env").write_text("SITUATE_PROT=8600\n")
    with pytest.raises(SettingsError, match="SITUATE_PORT"):
        load()


def test_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITUATE_PORT", "many")
    with pytest.raises(SettingsError, match="SITUATE_PORT"):
        load()


def test_an_empty_setting_means_the_default_and_never_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITUATE_HOME", "")
    monkeypatch.setenv("SITUATE_SUBJECT", "")
    assert load().home == Settings.model_fields["home"].get_default(call_default_factory=True, validated_data={})
    assert load().home.is_absolute()
    assert load().subject == "local"


def test_a_key_under_the_programs_own_prefix_is_told_its_right_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITUATE_ANTHROPIC_API_KEY", "sk-very-secret")
    with pytest.raises(SettingsError, match="Did you mean ANTHROPIC_API_KEY") as told:
        load()
    assert "very-secret" not in str(told.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'SITUATE_PORT=8600\nANTHROPIC_API_KEY="sk-very-secret', "Line 2 of .env"),
        (b"\xff\xfe\x00", ".env cannot be read: it is not UTF-8"),
    ],
    ids=["a quote without its end", "not UTF-8"],
)
def test_an_env_file_that_would_be_passed_over_is_an_error_without_its_content(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=told) as refused:
        load()
    assert "secret" not in str(refused.value)


def test_providers_keys_go_by_their_own_names_and_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    settings = load()
    assert settings.anthropic_api_key is not None
    assert settings.anthropic_api_key.get_secret_value() == "sk-very-secret"
    monkeypatch.setenv("DATABASE_URL", "postgresql://situate:very-secret@host/situate")
    assert "very-secret" not in repr(load())


def test_the_operators_consent_is_a_list_of_recipients() -> None:
    assert Settings(consent="Anthropic, Cohere,").granted == {"Anthropic", "Cohere"}
