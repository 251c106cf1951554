"""Commands for users, their tokens, and proposals."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.errors import InvalidError

from .output import show_table
from .session import in_archive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.accounts.proposals import ProposalTag
    from app.context import Factory

users = typer.Typer(help="Users: who can log in.", no_args_is_help=True)
tokens = typer.Typer(help="API tokens.", no_args_is_help=True)
proposals = typer.Typer(help="Proposals, whose members see their frames.", no_args_is_help=True)

GROUPS = {"user": users, "token": tokens, "proposal": proposals}
"""Groups of commands by name."""

UserName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the user.")]
ProposalId = Annotated[str, typer.Argument(metavar="ID", help="As frames name it (PROPID).")]
Tags = Annotated[
    list[str] | None,
    typer.Argument(metavar="TAG", help="private, internal or public; none: take them away."),
]
Member = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.")]
FromStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from the first line of the input."),
]


def _password(*, from_stdin: bool) -> str:
    """Get a new password from the input or the person at the terminal."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@users.command("add")
def add_user(
    name: UserName,
    *,
    email: Annotated[str | None, typer.Option(help="E-mail address.")] = None,
    staff: Annotated[
        bool, typer.Option("--staff", help="May upload and delete, look after the ingest.")
    ] = False,
    superuser: Annotated[bool, typer.Option("--superuser", help="May do everything.")] = False,
    password_stdin: FromStdin = False,
) -> None:
    """Make a user; the password is asked for."""
    password = _password(from_stdin=password_stdin)
    user = in_archive(
        lambda archive: archive.accounts.create_user(
            name, password, email=email, is_staff=staff, is_superuser=superuser
        )
    )
    typer.echo(f"The user {user.username!r} was made.")


@users.command("list")
def list_users() -> None:
    """List all users."""
    found = in_archive(lambda archive: archive.accounts.list_users())
    columns = ("name", "e-mail", "staff", "superuser", "active", "made")
    rows = [
        (u.username, u.email, u.is_staff, u.is_superuser, u.is_active, f"{u.created_at:%Y-%m-%d}")
        for u in found
    ]
    show_table(columns, rows)


@users.command("password")
def set_password(name: UserName, *, password_stdin: FromStdin = False) -> None:
    """Give a user another password; it is asked for."""
    password = _password(from_stdin=password_stdin)
    in_archive(lambda archive: archive.accounts.set_password(name, password))
    typer.echo(f"The user {name!r} has a new password.")


@users.command("disable")
def disable_user(name: UserName) -> None:
    """Switch a user off: neither password nor token opens anything, and browsers are logged out."""
    in_archive(lambda archive: archive.accounts.set_active(name, is_active=False))
    typer.echo(f"The user {name!r} is switched off.")


@users.command("enable")
def enable_user(name: UserName) -> None:
    """Switch a user on again."""
    in_archive(lambda archive: archive.accounts.set_active(name, is_active=True))
    typer.echo(f"The user {name!r} is switched on.")


@tokens.command("show")
def show_token(name: UserName) -> None:
    """Print the API token of a user; it is made where there is none."""

    async def token(archive: "Factory") -> str:
        return await archive.accounts.token_of(await archive.accounts.get_user(name))

    typer.echo(in_archive(token))


@tokens.command("revoke")
def revoke_token(name: UserName) -> None:
    """Revoke the API token of a user, log browsers out; the next log-in makes a new one."""

    async def revoke(archive: "Factory") -> None:
        user = await archive.accounts.get_user(name)
        await archive.accounts.revoke_token(user.as_caller(frozenset()))

    in_archive(revoke)
    typer.echo(f"The token of {name!r} is revoked.")


@proposals.command("add")
def add_proposal(
    proposal_id: ProposalId,
    *,
    title: Annotated[str, typer.Option(help="For people.")] = "",
) -> None:
    """Make a proposal."""
    in_archive(lambda archive: archive.proposals.create(proposal_id, title))
    typer.echo(f"The proposal {proposal_id!r} was made.")


@proposals.command("list")
def list_proposals() -> None:
    """List all proposals with their members and tags."""
    found = in_archive(lambda archive: archive.proposals.list())
    rows = [(one.id, one.title, ", ".join(one.members), ", ".join(one.tags)) for one in found]
    show_table(("proposal", "title", "members", "tags"), rows)


@proposals.command("tag")
def tag_proposal(proposal_id: ProposalId, tags: Tags = None) -> None:
    """Say from when on new frames of a proposal are public; without tags, the usual rules.

    `private` or `internal`: never by themselves. `public`: from the start of the exposure. The
    proposal is made where it is missing; frames that are in the archive keep their date.
    """
    wanted = _known_tags(tags or [])
    in_archive(lambda archive: archive.proposals.replace_tags(proposal_id, wanted))
    said = ", ".join(wanted) or "no tags"
    typer.echo(f"The proposal {proposal_id!r} has {said}.")


def _known_tags(words: "Sequence[str]") -> "tuple[ProposalTag, ...]":
    """Take words for tags.

    Raises
    ------
    InvalidError
        If one is no tag.
    """
    from app.accounts.proposals import ProposalTag  # noqa: PLC0415  # slow to load

    known = {tag.value: tag for tag in ProposalTag}
    for word in words:
        if word not in known:
            raise InvalidError(f"tag {word!r}: one of {', '.join(known)} is needed", field="tag")
    return tuple(known[word] for word in words)


@proposals.command("member-add")
def add_member(proposal_id: ProposalId, user: Member) -> None:
    """Let a user see the frames of a proposal, which is made where it is missing."""
    in_archive(lambda archive: archive.proposals.add_member(proposal_id, user))
    typer.echo(f"{user!r} is a member of proposal {proposal_id!r}.")


@proposals.command("member-remove")
def remove_member(proposal_id: ProposalId, user: Member) -> None:
    """End the membership of a user in a proposal."""
    in_archive(lambda archive: archive.proposals.remove_member(proposal_id, user))
    typer.echo(f"{user!r} is no member of proposal {proposal_id!r} any more.")
