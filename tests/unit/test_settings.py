"""Settings: read once, wrong ones named."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import Settings, load, variables
from rag.settings_table import GROUPS, table


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def refusal() -> str:
    with pytest.raises(SettingsError) as refused:
        load()
    return str(refused.value)


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


def test_every_wrong_name_is_told_with_the_wrong_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("situate_rerankr=none\nSITUATE_ZZ=1\n")
    monkeypatch.setenv("SITUATE_PROT", "8600")
    monkeypatch.setenv("situate_passages", "0")
    assert refusal().splitlines() == [
        "There is no setting SITUATE_PROT. Did you mean SITUATE_PORT?",
        "There is no setting SITUATE_ZZ. docs/operators/settings.md lists them.",
        "There is no setting situate_rerankr. Did you mean SITUATE_RERANKER?",
        "SITUATE_PASSAGES=0 will not do: it must be a whole number from 1 to 100.",
    ]


def test_what_kubernetes_sets_for_a_service_of_our_name_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SERVICE_HOST": "10.0.0.7", "SERVICE_PORT": "8501", "PORT_8501_TCP": "tcp://10.0.0.7:8501"}.items():
        monkeypatch.setenv(f"SITUATE_{name}", value)
    assert "enableServiceLinks: false" in refusal()
    assert "Did you mean" not in refusal()


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("ANTHROPIC_APIKEY", "ANTHROPIC_API_KEY"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("COHERE_API_KEYS", "COHERE_API_KEY"),
        ("SITAUTE_PORT", "SITUATE_PORT"),
    ],
)
def test_a_name_that_nearly_is_one_of_others_is_warned_of(
    mistyped: str, meant: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(mistyped, "postgresql://very-secret")
    load()
    assert mistyped in caplog.text
    assert f"If {meant} was meant" in caplog.text
    assert "very-secret" not in caplog.text


def test_what_other_programs_read_is_not_warned_of(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://situate@host/situate")
    for name in ("DATABASE_URLS", "ANTHROPIC_MODEL", "OPENAI_API_KEY", "PORT", "HOME", "PGHOST", "POSTGRES_URL"):
        monkeypatch.setenv(name, "x")
    load()
    assert not caplog.text


WRONG = {
    "home": ("~nobody-of-that-name/x", "a folder; there is no user whose home that ~ names"),
    "port": ("70000", "a whole number from 0 to 65535"),
    "subject": (" ", "a text that is not empty"),
    "consent": ("Cohere, Antropic/claude-haiku-5-5", "a list of recipients; Antropic is none, Anthropic is"),
    "ask_above_usd": ("-1", "a number from 0 up"),
    "batch_above": ("1.5", "a whole number from 0 up"),
    "max_file_mb": ("0", "a whole number from 1 up"),
    "max_pages": ("many", "a whole number from 1 up"),
    "max_megapixels": ("-1", "a whole number from 1 up"),
    "page_seconds": ("0", "a number above 0"),
    "read_seconds": ("inf", "a number above 0"),
    "ocr_seconds": ("nan", "a number above 0"),
    "parser_mb": ("64", "a whole number from 256 up"),
    "candidates": ("1001", "a whole number from 20 to 1000"),
    "fusion": ("best", "scores or ranks"),
    "rerank_seconds": ("five", "a number above 0"),
    "passages": ("101", "a whole number from 1 to 100"),
    "metrics_port": ("-1", "a whole number from 0 to 65535"),
    "traces": ("very-secret@collector:4318", "a web address that begins with https:// or http://"),
    "anthropic_base_url": ("user:very-secret@host", "a web address that begins with https:// or http://"),
    "cohere_base_url": ("ftp://very-secret", "a web address that begins with https:// or http://"),
    "voyage_base_url": ("https://", "a web address that begins with https:// or http://"),
}
# any text will do for these: what it means is found out where it is used
FREE = {"database_url", "backup_url", "host", "embedder", "reranker", "situator", "answerer"}
FREE |= {"anthropic_api_key", "cohere_api_key", "voyage_api_key"}


def test_every_setting_has_been_given_a_wrong_value() -> None:
    assert WRONG.keys() | FREE == Settings.model_fields.keys(), "add a new setting to WRONG, with what is said then, or to FREE"


@pytest.mark.parametrize(("field", "value", "told"), [(field, *wrong) for field, wrong in WRONG.items()], ids=WRONG)
def test_a_wrong_value_is_told_with_what_it_must_be(field: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, *_ = variables(field)
    monkeypatch.setenv(name, value)
    what = name if told.startswith("a web address") else f"{name}={value}"
    assert refusal() == f"{what} will not do: it must be {told}."


def test_recipients_are_taken_in_any_case_and_so_are_those_that_langchain_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITUATE_CONSENT", "anthropic, COHERE/rerank-v4.0-pro,LangSmith, OpenAI, Google Vertex AI/gemini")
    assert len(load().granted) == 5


def test_a_home_is_the_same_folder_wherever_a_process_is_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SITUATE_HOME", "~/papers")
    assert load().home == Path.home() / "papers"
    monkeypatch.setenv("SITUATE_HOME", "papers")
    assert load().home == tmp_path / "papers"


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


def test_the_page_of_settings_is_what_the_code_says() -> None:
    told = (Path(__file__).parents[2] / "docs/operators/settings.md").read_text("utf-8")
    assert told == table(), "renew it: python -m rag.settings_table > docs/operators/settings.md"


def test_every_setting_is_described_and_in_a_group() -> None:
    assert next(iter(Settings.model_fields)) == next(iter(GROUPS))
    assert set(GROUPS) <= set(Settings.model_fields)
    for name, declared in Settings.model_fields.items():
        assert declared.description, name
        assert declared.description.endswith("."), name


def test_without_any_home_folder_it_is_told_which_setting_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SITUATE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 54321)
    monkeypatch.setattr("os.getuid", lambda: 54321)  # what Path.home() asks the system's list for
    with pytest.raises(SettingsError, match=r"Set SITUATE_HOME\.$"):
        load()
