"""The settings of log-ins and of how often somebody may ask."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.core.errors import InvalidError
from app.core.rates import parse_rate

_ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?", re.ASCII)


def _checked(text: str) -> str:
    """Refuse what is no rate.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        parse_rate(text)
    except InvalidError as error:
        raise ValueError(error.message) from error
    return text


RateText = Annotated[str, AfterValidator(_checked)]
"""A rate as people write it, see `app.core.rates.parse_rate`."""


class AccessSettings(BaseSettings):
    """Log-ins, throttling, and proxies."""

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True)

    session_lifetime_s: Annotated[int, Field(ge=60, le=31_536_000)] = 1_209_600
    """How long a browser stays logged in after the password was given [s]; 14 days by default."""

    login_rate_per_user: RateText = "10/15 minutes"
    """How often a log-in to one account may fail, as `10/15 minutes`; `off` for no limit."""

    login_rate_per_address: RateText = "100/15 minutes"
    """How often log-ins from one address may fail, to whatever account; `off` for no limit."""

    throttle_anonymous: RateText = "off"
    """How often one address may ask without a token, as `1000/day`; `off` for no limit."""

    throttle_users: RateText = "off"
    """How often one user may ask, as `50000/day`; staff always may. `off` for no limit."""

    max_connections: Annotated[int, Field(ge=10, le=100_000)] = 800
    """How many connections one API process serves at the same time; whoever comes then gets 503.
    Each takes a file descriptor of the process."""

    cors_origins: Annotated[tuple[str, ...], NoDecode] = ("*",)
    """Origins of pages elsewhere whose scripts may read the archive, as `https://sky.example.org`,
    separated by commas; `*` for all, as clients of the LCO archive expect, `-` for none. Cookies
    never count for them, only a token of their own."""

    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks of the proxies in front of the API, separated by commas. Only from
    these is `X-Forwarded-For` believed; it says who a throttled client is."""

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value == ("-",):
            return ()
        if value == ("*",) or all(_ORIGIN.fullmatch(entry) for entry in value):
            return value
        raise ValueError("origins such as https://sky.example.org are needed, or * alone")

    @field_validator("cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split_words(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            try:
                ipaddress.ip_network(entry)
            except ValueError as error:
                raise ValueError(
                    "addresses or networks such as 127.0.0.1, 10.0.0.0/8 are needed"
                ) from error
        return value
