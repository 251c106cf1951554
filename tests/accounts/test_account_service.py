"""Accounts against a real PostgreSQL: log-in, tokens, proposals, the first admin."""

import asyncio
import dataclasses
import re
from datetime import UTC, datetime

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event, select

from app.accounts import logins, passwords, service
from app.accounts.models import InactiveUserError, InvalidTokenError, Profile, WrongCredentialsError
from app.accounts.proposals import ProposalService
from app.accounts.service import AccountService
from app.core.errors import ConflictError, InvalidError, NotFoundError, UnauthenticatedError
from app.core.identity import ANONYMOUS
from app.db.engine import Sessions, transaction
from app.db.tables import CredentialRow, UserRow

KEY = "k" * 32
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def make_service(sessions: Sessions, secret_key: str = KEY) -> AccountService:
    return AccountService(sessions, secret_key=secret_key, clock=lambda: NOW)


@pytest.fixture(autouse=True)
def _cheap_argon2(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher = PasswordHash([Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)])
    monkeypatch.setattr(passwords, "_hasher", hasher)


@pytest.fixture
def accounts(sessions: Sessions) -> AccountService:
    return make_service(sessions)


@pytest.fixture
def proposals(sessions: Sessions) -> ProposalService:
    return ProposalService(sessions)


@pytest.mark.asyncio
async def test_a_created_user_is_listed(accounts: AccountService) -> None:
    user = await accounts.create_user("Vera", "horse", email="vera@sky.org", is_staff=True)
    assert (user.username, user.email, user.created_at) == ("Vera", "vera@sky.org", NOW)
    assert (user.is_active, user.is_staff, user.is_superuser) == (True, True, False)
    await accounts.create_user("adam", "horse")
    assert [one.username for one in await accounts.list_users()] == ["adam", "Vera"]
    assert await accounts.get_user("vERA") == user


@pytest.mark.asyncio
async def test_names_and_addresses_are_unique_whatever_their_case(accounts: AccountService) -> None:
    await accounts.create_user("vera", "horse", email="vera@sky.org")
    with pytest.raises(ConflictError, match="name"):
        await accounts.create_user("VERA", "horse")
    with pytest.raises(ConflictError, match="e-mail"):
        await accounts.create_user("other", "horse", email="Vera@Sky.org")
    assert len(await accounts.list_users()) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["", "a b", "a\x00b", "\ud800", "x" * 151, "a/b"])
async def test_unusable_names_are_refused(accounts: AccountService, name: str) -> None:
    with pytest.raises(InvalidError) as caught:
        await accounts.create_user(name, "horse")
    assert caught.value.field == "username"


@pytest.mark.asyncio
@pytest.mark.parametrize("email", ["", "vera", "a@b c", "a@\x00", "a@" + "b" * 253])
async def test_unusable_addresses_are_refused(accounts: AccountService, email: str) -> None:
    with pytest.raises(InvalidError) as caught:
        await accounts.create_user("vera", "horse", email=email)
    assert caught.value.field == "email"


@pytest.mark.asyncio
async def test_an_empty_password_is_refused(accounts: AccountService) -> None:
    with pytest.raises(InvalidError, match="empty"):
        await accounts.create_user("vera", "")


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["vera", "VERA", "vera@sky.org", "Vera@Sky.ORG"])
async def test_log_in_by_name_or_address_whatever_the_case(
    accounts: AccountService, name: str
) -> None:
    user = await accounts.create_user("Vera", "horse", email="vera@sky.org")
    token = await accounts.log_in(name, "horse")
    assert re.fullmatch("[0-9a-f]{40}", token)
    assert await accounts.log_in("Vera", "horse") == token
    assert await accounts.token_of(user) == token
    caller = await accounts.caller_for_token(token)
    assert (caller.user_id, caller.username) == (user.id, "Vera")


@pytest.mark.asyncio
async def test_a_user_name_wins_over_the_same_address(accounts: AccountService) -> None:
    await accounts.create_user("first", "horse", email="vera@sky.org")
    await accounts.create_user("vera@sky.org", "zebra")
    caller = await accounts.caller_for_token(await accounts.log_in("vera@sky.org", "zebra"))
    assert caller.username == "vera@sky.org"
    with pytest.raises(WrongCredentialsError):
        await accounts.log_in("vera@sky.org", "horse")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "password"),
    [("vera", "wrong"), ("nobody", "horse"), ("", ""), ("a\x00", "horse"), ("\ud800", "\ud800")],
)
async def test_wrong_credentials(accounts: AccountService, name: str, password: str) -> None:
    await accounts.create_user("vera", "horse")
    with pytest.raises(WrongCredentialsError, match="Unable to log in with provided credentials"):
        await accounts.log_in(name, password)


@pytest.mark.asyncio
async def test_nobody_is_checked_against_nothing(
    accounts: AccountService, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str | None] = []

    async def check(password: str, stored: str | None) -> passwords.Verdict:
        checked.append(stored)
        return await passwords.check_password(password, stored)

    monkeypatch.setattr(logins, "check_password", check)
    await accounts.create_user("vera", "horse")
    for name in ("nobody", "a\x00b", "vera"):
        with pytest.raises(WrongCredentialsError):
            await accounts.log_in(name, "wrong")
    assert checked[:2] == [None, None]
    assert checked[2] is not None


@pytest.mark.asyncio
async def test_an_old_hash_is_replaced_at_log_in(
    accounts: AccountService, sessions: Sessions
) -> None:
    old = PasswordHash([Argon2Hasher(time_cost=2, memory_cost=64, parallelism=1)]).hash("horse")
    user = await accounts.create_user("vera", "other")
    async with transaction(sessions) as session:
        row = await session.get_one(UserRow, user.id)
        row.password_hash = old
    await accounts.log_in("vera", "horse")
    async with transaction(sessions) as session:
        stored = await session.scalar(select(UserRow.password_hash))
    assert stored is not None
    assert "t=1" in stored
    await accounts.log_in("vera", "horse")


@pytest.mark.asyncio
async def test_a_new_password_ends_the_old_one_and_keeps_the_token(
    accounts: AccountService,
) -> None:
    await accounts.create_user("vera", "horse")
    token = await accounts.log_in("vera", "horse")
    await accounts.set_password("Vera", "zebra")
    with pytest.raises(WrongCredentialsError):
        await accounts.log_in("vera", "horse")
    assert await accounts.log_in("vera", "zebra") == token


@pytest.mark.asyncio
async def test_an_inactive_user_can_do_nothing_until_switched_on(accounts: AccountService) -> None:
    await accounts.create_user("vera", "horse")
    token = await accounts.log_in("vera", "horse")
    await accounts.set_active("vera", is_active=False)
    with pytest.raises(InactiveUserError, match="User inactive or deleted"):
        await accounts.caller_for_token(token)
    with pytest.raises(WrongCredentialsError):
        await accounts.log_in("vera", "horse")
    await accounts.set_active("vera", is_active=True)
    assert await accounts.log_in("vera", "horse") == token


@pytest.mark.asyncio
async def test_a_revoked_token_is_dead_and_the_next_is_new(accounts: AccountService) -> None:
    await accounts.create_user("vera", "horse")
    token = await accounts.log_in("vera", "horse")
    caller = await accounts.caller_for_token(token)
    await accounts.revoke_token(caller)
    with pytest.raises(InvalidTokenError, match="Invalid token"):
        await accounts.caller_for_token(token)
    second = await accounts.log_in("vera", "horse")
    assert second != token
    assert await accounts.caller_for_token(second) == caller
    await accounts.revoke_token(caller)
    assert await accounts.log_in("vera", "horse") not in {token, second}


@pytest.mark.asyncio
async def test_nobody_has_no_token_to_revoke(accounts: AccountService) -> None:
    with pytest.raises(UnauthenticatedError):
        await accounts.revoke_token(ANONYMOUS)


@pytest.mark.asyncio
async def test_unknown_and_malformed_tokens(
    accounts: AccountService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidTokenError):
        await accounts.caller_for_token("0" * 40)
    monkeypatch.setattr(service, "transaction", None)  # the database cannot be asked any more
    for malformed in ("", "x" * 40, "0" * 39, "A" * 40, "\x00" * 40, "0" * 10_000):
        with pytest.raises(InvalidTokenError):
            await accounts.caller_for_token(malformed)


@pytest.mark.asyncio
async def test_tokens_are_not_readable_in_the_database(
    accounts: AccountService, sessions: Sessions
) -> None:
    await accounts.create_user("vera", "horse")
    token = await accounts.log_in("vera", "horse")
    async with transaction(sessions) as session:
        row = (await session.scalars(select(CredentialRow))).one()
        assert token not in row.value_hash
        assert token.encode() not in row.value_encrypted


@pytest.mark.asyncio
async def test_another_secret_key_gives_another_token(sessions: Sessions) -> None:
    before, after = make_service(sessions), make_service(sessions, "o" * 32)
    await before.create_user("vera", "horse")
    old = await before.log_in("vera", "horse")
    assert (await after.caller_for_token(old)).username == "vera"
    new = await after.log_in("vera", "horse")
    assert new != old
    assert await after.log_in("vera", "horse") == new
    with pytest.raises(InvalidTokenError):
        await after.caller_for_token(old)


@pytest.mark.asyncio
async def test_a_caller_knows_its_proposals(
    accounts: AccountService, proposals: ProposalService
) -> None:
    user = await accounts.create_user("vera", "horse")
    await accounts.create_user("adam", "horse")
    await proposals.create("KEY2026A-001", "Rotation curves")
    await proposals.add_member("KEY2026A-001", "vera")
    await proposals.add_member("KEY2026A-001", "adam")
    await proposals.add_member("A new one", "vera")
    await proposals.add_member("A new one", "vera")
    caller = await accounts.caller_for_token(await accounts.token_of(user))
    assert caller.proposals == {"KEY2026A-001", "A new one"}
    assert accounts.profile(caller) == Profile(
        "vera", ("A new one", "KEY2026A-001"), is_staff=False, is_superuser=False
    )
    listed = {one.id: (one.title, one.members) for one in await proposals.list()}
    assert listed == {
        "A new one": ("", ("vera",)),
        "KEY2026A-001": ("Rotation curves", ("adam", "vera")),
    }
    await proposals.remove_member("A new one", "vera")
    caller = await accounts.caller_for_token(await accounts.token_of(user))
    assert caller.proposals == {"KEY2026A-001"}


@pytest.mark.asyncio
async def test_a_caller_costs_one_query(
    accounts: AccountService, proposals: ProposalService, sessions: Sessions
) -> None:
    user = await accounts.create_user("vera", "horse")
    for number in range(3):
        await proposals.add_member(f"P{number}", "vera")
    token = await accounts.token_of(user)
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    async with sessions() as session:
        connection = (await session.connection()).sync_connection
        assert connection is not None
        engine = connection.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        caller = await accounts.caller_for_token(token)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert len(caller.proposals) == 3
    assert len([one for one in statements if one.startswith("SELECT")]) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("proposal_id", ["", " a", "a\n", "a\x00b", "p" * 101])
async def test_unusable_proposals_are_refused(
    accounts: AccountService, proposals: ProposalService, proposal_id: str
) -> None:
    await accounts.create_user("vera", "horse")
    with pytest.raises(InvalidError):
        await proposals.create(proposal_id)
    with pytest.raises(InvalidError):
        await proposals.add_member(proposal_id, "vera")


@pytest.mark.asyncio
async def test_what_is_not_there_is_said(
    accounts: AccountService, proposals: ProposalService
) -> None:
    await accounts.create_user("vera", "horse")
    await proposals.create("known")
    with pytest.raises(ConflictError):
        await proposals.create("known")
    with pytest.raises(NotFoundError, match="not a member"):
        await proposals.remove_member("known", "vera")
    for call in (
        accounts.get_user("nobody"),
        accounts.set_password("nobody", "horse"),
        accounts.set_active("nobody", is_active=True),
        proposals.add_member("known", "nobody"),
    ):
        with pytest.raises(NotFoundError, match="'nobody'"):
            await call


@pytest.mark.asyncio
async def test_a_superuser_is_staff_too(accounts: AccountService) -> None:
    user = await accounts.create_user("root", "horse", is_superuser=True)
    assert not user.is_staff
    caller = await accounts.caller_for_token(await accounts.token_of(user))
    assert caller.is_staff
    assert caller.is_superuser


def test_an_anonymous_profile_is_empty(accounts: AccountService) -> None:
    assert dataclasses.astuple(accounts.profile(ANONYMOUS)) == ("", (), False, False)


@pytest.mark.asyncio
async def test_the_first_admin_is_made_once(accounts: AccountService) -> None:
    assert await accounts.ensure_admin("admin", "horse")
    assert not await accounts.ensure_admin("other", "zebra")
    assert [one.username for one in await accounts.list_users()] == ["admin"]
    caller = await accounts.caller_for_token(await accounts.log_in("admin", "horse"))
    assert caller.is_superuser


@pytest.mark.asyncio
async def test_processes_that_race_make_one_admin(committed_sessions: Sessions) -> None:
    services = [make_service(committed_sessions) for _ in range(4)]
    made = await asyncio.gather(
        *(one.ensure_admin(f"admin{number}", "horse") for number, one in enumerate(services))
    )
    assert sorted(made) == [False, False, False, True]
    assert len(await services[0].list_users()) == 1


@pytest.mark.asyncio
async def test_log_ins_that_race_get_one_token(committed_sessions: Sessions) -> None:
    accounts = make_service(committed_sessions)
    await accounts.create_user("vera", "horse")
    tokens = await asyncio.gather(*(accounts.log_in("vera", "horse") for _ in range(6)))
    assert len(set(tokens)) == 1
