"""Accounts: teams, users, keys, and who is asking."""

from gateway.accounts.authentication import authenticate, keep_uses, write_uses
from gateway.accounts.bootstrap import bootstrap, command_key, revoke_command_key
from gateway.accounts.keys import Key, create_key, list_keys, revoke_key
from gateway.accounts.permissions import PERMISSIONS, Permission, Principal
from gateway.accounts.profile import Profile, profile

__all__ = [
    "PERMISSIONS",
    "Key",
    "Permission",
    "Principal",
    "Profile",
    "authenticate",
    "bootstrap",
    "command_key",
    "create_key",
    "keep_uses",
    "list_keys",
    "profile",
    "revoke_command_key",
    "revoke_key",
    "write_uses",
]
