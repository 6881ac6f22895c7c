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
    with pytest.raises(SettingsError, match="port"):
        load()


def test_providers_keys_go_by_their_own_names_and_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-very-secret")
    settings = load()
    assert settings.anthropic_api_key is not None
    assert settings.anthropic_api_key.get_secret_value() == "sk-very-secret"
    assert "very-secret" not in repr(settings)


def test_the_operators_consent_is_a_list_of_recipients() -> None:
    assert Settings(consent="Anthropic, Cohere,").granted == {"Anthropic", "Cohere"}
