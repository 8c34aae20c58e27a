"""Accounts: teams, users, keys, and who is asking."""

from gateway.accounts.audit import Act, list_acts, record
from gateway.accounts.authentication import authenticate, keep_uses, write_uses
from gateway.accounts.bootstrap import bootstrap, command_key, revoke_command_key
from gateway.accounts.first_start import first_token
from gateway.accounts.key_changes import change_key, revoke_key, rotate_key
from gateway.accounts.keys import Key, create_key, get_key, list_keys
from gateway.accounts.membership import Member, add_member, change_member, get_member, list_members, remove_member
from gateway.accounts.permissions import PERMISSIONS, Permission, Principal
from gateway.accounts.profile import Profile, profile
from gateway.accounts.teams import Team, change_team, create_team, get_team, list_teams
from gateway.accounts.users import User, change_user, create_user, get_user, list_users

__all__ = [
    "PERMISSIONS",
    "Act",
    "Key",
    "Member",
    "Permission",
    "Principal",
    "Profile",
    "Team",
    "User",
    "add_member",
    "authenticate",
    "bootstrap",
    "change_key",
    "change_member",
    "change_team",
    "change_user",
    "command_key",
    "create_key",
    "create_team",
    "create_user",
    "first_token",
    "get_key",
    "get_member",
    "get_team",
    "get_user",
    "keep_uses",
    "list_acts",
    "list_keys",
    "list_members",
    "list_teams",
    "list_users",
    "profile",
    "record",
    "remove_member",
    "revoke_command_key",
    "revoke_key",
    "rotate_key",
    "write_uses",
]
