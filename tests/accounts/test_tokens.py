"""Tokens: their form, their hash, and the safe they are kept in."""

from hypothesis import given
from hypothesis import strategies as st

from app.accounts.tokens import TokenSafe, hash_of, is_token, make_token

KEY = "k" * 32


def test_made_tokens_are_tokens_and_differ() -> None:
    tokens = {make_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(is_token(token) for token in tokens)


@given(st.text())
def test_only_40_lowercase_hex_digits_are_a_token(text: str) -> None:
    digits = set("0123456789abcdef")
    assert is_token(text) == (len(text) == 40 and set(text) <= digits)


def test_forms_that_look_like_tokens_are_none() -> None:
    token = "0a" * 20
    for text in (token.upper(), token + "\n", token[:-1], token + "0", f" {token}", "\u0660" * 40):
        assert not is_token(text)


def test_the_safe_gives_back_what_it_sealed_and_hides_it() -> None:
    token = make_token()
    sealed = TokenSafe(KEY).seal(token)
    assert token.encode() not in sealed
    assert TokenSafe(KEY).unseal(sealed) == token


def test_another_key_opens_nothing() -> None:
    assert TokenSafe("o" * 32).unseal(TokenSafe(KEY).seal(make_token())) is None
    assert TokenSafe(KEY).unseal(b"no such thing") is None


def test_hash_is_sha256() -> None:
    expected = "9692e67b8378a6f6753f97782d458aa757e947eab2fbdf6b5c187b74561eb78f"
    assert hash_of("0" * 40) == expected
