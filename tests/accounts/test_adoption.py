"""Users of another archive come in."""

from datetime import UTC, datetime

import pytest
from pwdlib import PasswordHash

from app.accounts.adoption import Account, AccountAdopter
from app.accounts.django_passwords import is_right, stored_form
from app.accounts.models import WrongCredentialsError
from app.accounts.passwords import check_password
from app.accounts.service import AccountService
from app.core.clock import system_clock
from app.core.errors import InvalidError
from app.db.engine import Sessions
from tests.support.pyobs_archive import django_hash, token_of

SECRET = "s" * 40
JOINED = datetime(2020, 11, 23, tzinfo=UTC)


@pytest.fixture
def adopter(sessions: Sessions) -> AccountAdopter:
    return AccountAdopter(sessions, secret_key=SECRET, clock=system_clock)


@pytest.fixture
def accounts(sessions: Sessions) -> AccountService:
    return AccountService(sessions, secret_key=SECRET, clock=system_clock)


def an_account(name: str = "anna", **values: object) -> Account:
    defaults: dict[str, object] = {
        "username": name,
        "email": f"{name}@example.org",
        "password_hash": django_hash("geheim"),
        "is_active": True,
        "is_staff": False,
        "is_superuser": False,
        "token": token_of(name),
        "created_at": JOINED,
    }
    return Account(**{**defaults, **values})  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_password_token_and_age_are_kept(
    adopter: AccountAdopter, accounts: AccountService
) -> None:
    adopted = await adopter.adopt(an_account())
    assert (adopted.is_new, adopted.is_token_new) == (True, True)
    assert (adopted.remarks, adopted.troubles) == ((), ())
    assert (await accounts.get_user("anna")).created_at == JOINED
    assert await accounts.log_in("anna@example.org", "geheim") == token_of("anna")
    with pytest.raises(WrongCredentialsError):
        await accounts.log_in("anna", "wrong")
    again = await adopter.adopt(an_account())
    assert (again.is_new, again.is_token_new, again.troubles) == (False, False, ())


@pytest.mark.asyncio
async def test_an_account_that_is_here_stays_as_it_is(
    adopter: AccountAdopter, accounts: AccountService
) -> None:
    await accounts.create_user("anna", "her own", email="anna@elsewhere.example")
    adopted = await adopter.adopt(an_account(is_superuser=True))
    assert (adopted.is_new, adopted.is_token_new) == (False, True)
    user = await accounts.get_user("anna")
    assert (user.is_superuser, user.email) == (False, "anna@elsewhere.example")
    assert await accounts.log_in("anna", "her own") == token_of("anna")


@pytest.mark.asyncio
async def test_a_token_that_is_here_makes_way_only_if_told(
    adopter: AccountAdopter, accounts: AccountService
) -> None:
    user = await accounts.create_user("anna", "her own")
    hers = await accounts.token_of(user)
    refused = await adopter.adopt(an_account())
    assert "--replace-tokens" in refused.troubles[0]
    assert await accounts.token_of(user) == hers
    dry = await adopter.adopt(an_account(), replace_token=True, dry=True)
    assert dry.is_token_new
    assert await accounts.token_of(user) == hers
    await adopter.adopt(an_account(), replace_token=True)
    assert await accounts.token_of(user) == token_of("anna")


@pytest.mark.asyncio
async def test_a_token_of_somebody_else_or_revoked_is_not_taken(
    adopter: AccountAdopter, accounts: AccountService
) -> None:
    await adopter.adopt(an_account())
    other = await adopter.adopt(an_account("bert", token=token_of("anna")))
    assert other.is_new
    assert "another user has the token of 'bert'" in other.troubles
    caller = await accounts.caller_for_token(token_of("anna"))
    await accounts.revoke_token(caller)
    revoked = await adopter.adopt(an_account())
    assert "was revoked" in revoked.troubles[0]


@pytest.mark.asyncio
async def test_an_address_or_name_that_cannot_be_used_is_told(
    adopter: AccountAdopter, accounts: AccountService
) -> None:
    await adopter.adopt(an_account())
    twin = await adopter.adopt(an_account("bert", email="ANNA@example.org"))
    odd = await adopter.adopt(an_account("carl", email="no address", password_hash=None))
    assert "belongs to another user" in twin.remarks[0]
    assert len(odd.remarks) == 2
    assert (await accounts.get_user("carl")).email is None
    with pytest.raises(InvalidError, match="only in case"):
        await adopter.adopt(an_account("Anna"))
    with pytest.raises(InvalidError, match="user name"):
        await adopter.adopt(an_account("with blank"))


@pytest.mark.asyncio
async def test_django_hashes_are_checked_and_replaced() -> None:
    right = await check_password("geheim", django_hash("geheim"))
    assert right.is_right
    assert right.new_hash is not None
    assert (await check_password("geheim", right.new_hash)).is_right
    wrong = await check_password("Geheim", django_hash("geheim"))
    assert (wrong.is_right, wrong.new_hash) == (False, None)


@pytest.mark.asyncio
async def test_an_argon2_hash_of_django_is_one_of_ours() -> None:
    stored = stored_form("argon2" + PasswordHash.recommended().hash("geheim"))
    assert (await check_password("geheim", stored)).is_right


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!Xk0Wc",
        "md5$salt$d41d8cd98f00b204e9800998ecf8427e",
        "pbkdf2_sha256$1000$salt",
        "pbkdf2_sha256$0$salt$digest",
        "pbkdf2_sha256$999999999999$salt$digest",
        "pbkdf2_sha256$²$salt$digest",
        "pbkdf2_sha256$1000$salt$dïgest",
    ],
)
def test_other_hashes_mean_no_password(text: str) -> None:
    assert stored_form(text) is None
    assert is_right(b"geheim", text) is None
