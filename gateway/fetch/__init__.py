"""The one guarded fetcher of other people's URLs: pictures that requests name, and webhooks.

An address is judged where it is used: the guard opens the connection itself, to the very address that it has looked
up and found public. So a name that resolves anew, an odd spelling of an IP and a redirect all come to the same check,
and nothing hangs on two parsers of URLs agreeing. Proxies of the environment are not used; cookies, keys and other
headers of the one who asks go nowhere.
"""

from gateway.fetch.addresses import Address, Network, is_allowed, is_public
from gateway.fetch.fetcher import Fetched, Fetcher
from gateway.fetch.internet import Internet
from gateway.fetch.targets import AddressRefused, Target, Unfetchable, understood

__all__ = [
    "Address",
    "AddressRefused",
    "Fetched",
    "Fetcher",
    "Internet",
    "Network",
    "Target",
    "Unfetchable",
    "is_allowed",
    "is_public",
    "understood",
]
