"""Passwords: right, wrong, of nobody, of an older kind."""

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.accounts import passwords
from app.accounts.passwords import check_password, hash_password


class CountingHasher:
    """Counts how often argon2 is computed."""

    def __init__(self) -> None:
        self._hasher = PasswordHash([Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)])
        self.computed = 0

    def hash(self, password: bytes) -> str:
        self.computed += 1
        return self._hasher.hash(password)

    def verify_and_update(self, password: bytes, stored: str) -> tuple[bool, str | None]:
        self.computed += 1
        return self._hasher.verify_and_update(password, stored)


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> CountingHasher:
    hasher = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", hasher)
    return hasher


@pytest.mark.asyncio
async def test_argon2id_with_a_salt_of_its_own() -> None:
    first, second = await hash_password("horse"), await hash_password("horse")
    assert first.startswith("$argon2id$")
    assert first != second


@pytest.mark.asyncio
@pytest.mark.usefixtures("hasher")
@pytest.mark.parametrize("password", ["horse", "ünïcödé 🔭", "a\x00b", "\ud800 half a pair"])
async def test_right_and_wrong(password: str) -> None:
    stored = await hash_password(password)
    assert (await check_password(password, stored)).is_right
    assert not (await check_password(password + "x", stored)).is_right


@pytest.mark.asyncio
async def test_nobody_costs_as_much_as_somebody(hasher: CountingHasher) -> None:
    stored = await hash_password("horse")
    hasher.computed = 0
    assert not (await check_password("wrong", stored)).is_right
    assert hasher.computed == 1
    assert not (await check_password("horse", None)).is_right
    assert hasher.computed == 2


@pytest.mark.asyncio
async def test_old_parameters_give_a_new_hash_once(hasher: CountingHasher) -> None:
    old = PasswordHash([Argon2Hasher(time_cost=2, memory_cost=64, parallelism=1)]).hash("horse")
    verdict = await check_password("horse", old)
    assert verdict.is_right
    assert verdict.new_hash is not None
    assert (await check_password("horse", verdict.new_hash)).new_hash is None
    assert (await check_password("wrong", old)).new_hash is None
    assert hasher.computed == 3


@pytest.mark.asyncio
async def test_a_hash_of_an_unknown_kind_opens_nothing() -> None:
    assert not (await check_password("horse", "pbkdf2_sha256$1$salt$hash")).is_right
