"""Who asks too often: requests are counted for each user, or for each address without a token."""

import ipaddress

from fastapi import Request

from app.context import Factory
from app.core.identity import Caller
from app.core.rates import parse_rate

_IPV6_PREFIX_BITS = 64  # what one subscriber has; all of it is one client (RFC 6177, section 2)


def client_address(request: Request) -> str | None:
    """Return who a client is to the network.

    Parameters
    ----------
    request
        The request; the server has set its client by ``X-Forwarded-For`` only where the request
        came from one of the trusted proxies.

    Returns
    -------
    str or None
        An IPv4 address, or the network of an IPv6 one; None where there is no network between.
    """
    if request.client is None:
        return None
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return request.client.host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    network = ipaddress.ip_network((int(address), _IPV6_PREFIX_BITS), strict=False)
    return str(network)


async def count_request(request: Request, services: Factory, caller: Caller) -> None:
    """Count a request, where the settings limit such; staff may ask as often as they like.

    Parameters
    ----------
    request
        The request.
    services
        Of the process.
    caller
        Who asks.

    Raises
    ------
    ThrottledError
        If the caller has asked too often.
    """  # the service raises it
    if caller.is_staff or caller.is_superuser:
        return
    settings = services.settings
    if caller.is_known:
        rate = parse_rate(settings.throttle_users)
        await services.throttle.hit(f"request of user {caller.user_id}", rate)
    elif address := client_address(request):
        rate = parse_rate(settings.throttle_anonymous)
        await services.throttle.hit(f"request from {address}", rate)
