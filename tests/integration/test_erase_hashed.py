"""End-user ids as keyed hashes: the clear id is stored nowhere, one person is one user, and can be erased by the clear id."""

from __future__ import annotations

import hashlib
import hmac
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.landing import users
from pipelines.landing.erase import Erased, erase
from pipelines.landing.explain import explain_file
from pipelines.settings import Privacy, SettingsError
from tests.integration.test_erase import stored_anywhere
from tests.integration.test_landing import line, write
from tests.landed import assert_conserved, rows
from tests.workspace import Workspace

USER = "Grauzone-Person"


def hashing(root: Path, **privacy: str) -> Workspace:
    return Workspace(root, privacy=Privacy(hash_end_user_ids=True, **privacy))


@pytest.fixture
def hashed(tmp_path: Path) -> Iterator[Workspace]:
    workspace = hashing(tmp_path)
    yield workspace
    workspace.control.close()


def run(workspace: Workspace) -> Erased:
    return erase(workspace.context, "user", USER, "ops@example.com")


def stored_users(workspace: Workspace) -> list[str | None]:
    return [row["end_user_id"] for row in rows(workspace)]


def test_the_hash_is_hmac_sha256_and_the_clear_id_is_stored_nowhere(hashed: Workspace) -> None:
    text = (
        line(1, end_user_id=USER)
        + line(2, end_user_id=USER)
        + line(3, end_user_id="ünı\N{GRINNING FACE}")
        + line(4, end_user_id=None)
    )
    hashed.land(write(hashed, text))
    secret = users.key_file(hashed.settings.data_dir).read_text().strip().encode()
    prefix = f"user-{hmac.new(secret, b'margincall end-user key', hashlib.sha256).hexdigest()[:8]}-"
    digests = [
        prefix + hmac.new(secret, user.encode(), hashlib.sha256).hexdigest()[:32]
        for user in (USER, USER, "ünı\N{GRINNING FACE}")
    ]
    assert stored_users(hashed) == [*digests, None]
    assert stored_anywhere(hashed.settings.data_dir, USER) == []
    assert_conserved(hashed)


def test_the_content_hash_of_a_row_cannot_be_tried_against_guessed_ids(hashed: Workspace, tmp_path: Path) -> None:
    hashed.land(write(hashed, line(1, end_user_id=USER)))
    clear = Workspace(tmp_path / "clear")
    clear.land(write(hashed, line(1, end_user_id=USER)))
    [ours], [theirs] = rows(hashed), rows(clear)
    clear.control.close()
    assert (ours["record_key"], len(ours["row_hash"])) == (theirs["record_key"], len(theirs["row_hash"]))
    assert ours["row_hash"] != theirs["row_hash"]


def test_the_key_is_made_once_and_is_the_owner_s_alone(hashed: Workspace) -> None:
    first = users.current_key(hashed.settings)
    assert users.current_key(hashed.settings) == first
    path = users.key_file(hashed.settings.data_dir)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert path.read_text().strip() not in repr(first)


def test_after_a_rotation_old_and_new_hashes_stay_apart_and_both_are_erased_by_the_clear_id(hashed: Workspace) -> None:
    hashed.land(write(hashed, line(1, end_user_id=USER) + line(2, end_user_id="other"), "one.jsonl"))
    users.rotate(hashed.settings)
    assert stat.S_IMODE(users.key_file(hashed.settings.data_dir).stat().st_mode) == 0o600
    hashed.land(write(hashed, line(3, end_user_id=USER) + line(4, end_user_id="other"), "two.jsonl"))
    old, _, new, _ = stored_users(hashed)
    assert old != new
    assert str(old).split("-")[1] != str(new).split("-")[1]
    assert run(hashed).rows == {"llm_request": 2}
    assert [row["source_record_id"] for row in rows(hashed)] == ["r2", "r4"]
    assert_conserved(hashed)


def test_who_was_erased_stays_erased_under_a_newer_key(hashed: Workspace) -> None:
    hashed.land(write(hashed, line(1, end_user_id=USER) + line(2, end_user_id="other"), "one.jsonl"))
    run(hashed)
    users.rotate(hashed.settings)
    hashed.land(write(hashed, line(1, end_user_id=USER) + line(3, end_user_id=USER), "overlapping.jsonl"))
    assert len(stored_users(hashed)) == 3
    hashed.build()
    other = users.known_keys(hashed.settings)[0].hashed("other")
    assert hashed.rows("select end_user_id from fct_llm_request_priced") == [(other,)]


def test_what_landed_in_the_clear_is_erased_too_and_replaced_when_its_file_is_read_again(tmp_path: Path) -> None:
    clear = Workspace(tmp_path)
    path = write(clear, line(1, end_user_id=USER) + line(2, end_user_id="other"))
    clear.land(path)
    assert stored_users(clear) == [USER, "other"]
    clear.control.close()
    hashed = hashing(tmp_path)
    assert hashed.land(path).counts.landed == 2
    assert all(str(user).startswith("user-") for user in stored_users(hashed))
    assert run(hashed).rows == {"llm_request": 1}
    assert stored_anywhere(hashed.lake.root, USER) == []
    hashed.control.close()


def test_keys_can_come_from_the_environment_the_newest_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = hashing(tmp_path, hash_key_env="USER_KEYS")
    old, new = "a" * 32, "b" * 40
    monkeypatch.setenv("USER_KEYS", f"{old}, {new}")
    assert users.current_key(workspace.settings) == users.Key(new.encode())
    assert not users.key_file(workspace.settings.data_dir).exists()
    assert users.spellings(workspace.settings, USER)[1:] == [users.Key(k.encode()).hashed(USER) for k in (old, new)]
    with pytest.raises(SettingsError, match="append a new one there"):
        users.rotate(workspace.settings)
    monkeypatch.setenv("USER_KEYS", "short")
    with pytest.raises(SettingsError, match="shorter than 32 characters"):
        workspace.land(write(workspace, line(1)))
    monkeypatch.delenv("USER_KEYS")
    with pytest.raises(SettingsError, match=r"USER_KEYS \(privacy\.hash_key_env\) is not set"):
        workspace.land(write(workspace, line(1)))
    assert rows(workspace) == []
    workspace.control.close()


def test_explaining_a_file_shows_hashes_and_makes_no_key(hashed: Workspace) -> None:
    path = write(hashed, line(1, end_user_id=USER) + line(2, end_user_id="same", tenant_id="same"))
    explanation = explain_file(hashed.settings, path)
    assert USER not in str(explanation.as_data())
    assert explanation.after[0]["end_user_id"].startswith("user-")
    assert explanation.before[0]["end_user_id"] == f"<text {len(USER)}>"
    assert any("1 rows name the tenant by the end user's id" in warning for warning in explanation.warnings)
    assert not users.key_file(hashed.settings.data_dir).exists()
