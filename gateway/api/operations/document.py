"""/schema/openapi.json: what Litestar says of the routes, with what it cannot know and without what it gets wrong."""

from __future__ import annotations

import ast
import inspect
from http import HTTPStatus
from types import ModuleType
from typing import Any, TypeAlias

import msgspec
from litestar import Request
from litestar.openapi.plugins import JsonRenderPlugin

from engines import contract
from gateway.api import problems
from gateway.api.a1111 import asked as a1111_asked
from gateway.api.a1111 import documented as a1111
from gateway.api.a1111 import errors as a1111_errors
from gateway.api.a1111 import lists as a1111_lists
from gateway.api.a1111 import progress as a1111_progress
from gateway.api.a1111 import wire as a1111_wire
from gateway.api.admin import wire as admin
from gateway.api.common import wire as common
from gateway.api.gallery import wire as gallery
from gateway.api.gallery.documented import PATHS
from gateway.api.mcp import errors as mcp
from gateway.api.openai import documented as openai
from gateway.api.openwebui import asked as openwebui_asked
from gateway.api.openwebui import config_wire as openwebui_config
from gateway.api.openwebui import errors as openwebui_errors
from gateway.api.openwebui import wire as openwebui
from gateway.api.operations import health, readiness
from gateway.api.session import wire as session
from gateway.api.studio import asked as studio_asked
from gateway.api.studio import errors as studio_errors
from gateway.api.studio import presets as studio_presets
from gateway.api.studio import wire as studio
from gateway.api.studio.documented import SCHEMAS
from gateway.api.tasks import asked, quotes, uploads
from gateway.api.tasks import wire as tasks

DESCRIBED: tuple[ModuleType, ...] = (
    contract,
    problems,
    a1111_asked,
    a1111_errors,
    a1111_lists,
    a1111_progress,
    a1111_wire,
    admin,
    common,
    gallery,
    health,
    mcp,
    openwebui,
    openwebui_asked,
    openwebui_config,
    openwebui_errors,
    readiness,
    session,
    studio,
    studio_asked,
    studio_errors,
    studio_presets,
    asked,
    quotes,
    tasks,
    uploads,
)
"""Where the structs stand that go over the wire; their docstrings are the API's own."""


_Said: TypeAlias = dict[str, tuple[str, dict[str, str]]]


class Document(JsonRenderPlugin):
    """Made once, when it is first asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._made: tuple[int, bytes] | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        # Litestar hands in one and the same object until a route is added.
        if self._made is None or self._made[0] != id(openapi_schema):
            self._made = id(openapi_schema), msgspec.json.encode(mended(openapi_schema))
        return self._made[1]


def mended(document: dict[str, Any]) -> dict[str, Any]:
    """Litestar's document as it should be."""
    paths = {path: _without_guesses(operations) for path, operations in document["paths"].items()}
    components = document["components"]
    schemas = {**SCHEMAS, **openai.SCHEMAS, **a1111.SCHEMAS, **components["schemas"]}
    told: dict[str, Any] = _plain(
        {
            **document,
            "paths": dict(sorted({**paths, **PATHS}.items())),
            "components": {**components, "schemas": _described(schemas)},
        }
    )
    return told


def _without_guesses(operations: dict[str, Any]) -> dict[str, Any]:
    """Litestar adds a 400 of its own shape to what has parameters; ours are 422, and handlers name them themselves."""
    told = {}
    for method, operation in operations.items():
        answers = {
            status: answer
            for status, answer in operation["responses"].items()
            if status != "400" or answer.get("description") != HTTPStatus.BAD_REQUEST.description
        }
        if refused := answers.get("401"):
            # What the door says of everyone: too often (RequestLimits), and to a cookie from another site's page.
            answers.setdefault("429", {**refused, "description": "Too Many Requests"})
            if method != "get":
                answers.setdefault("403", {**refused, "description": "Forbidden"})
            elif "application/json" in answers.get("200", {}).get("content", {}):
                # To a word in the query that nobody reads (`queries`).
                answers.setdefault("422", {**refused, "description": HTTPStatus.UNPROCESSABLE_ENTITY.phrase})
        told[method] = {**operation, "responses": answers}
    return told


def _plain(part: Any) -> Any:
    """Litestar reads `tuple[X, ...]` as a list of X and of anything, and in `int | float` 7 is both, so not one of them."""
    if isinstance(part, list):
        return [_plain(each) for each in part]
    if not isinstance(part, dict):
        return part
    part = {name: _plain(each) for name, each in part.items()}
    match part.get("items"):
        case {"oneOf": [only, {**rest}]} if not rest:
            part["items"] = only
    if {"type": "number"} in (options := part.get("oneOf", ())):
        part["oneOf"] = [option for option in options if option != {"type": "integer"}]
    return part


def _described(schemas: dict[str, Any]) -> dict[str, Any]:
    """With the docstrings of structs and of their fields, which msgspec does not keep."""
    own = {name: said for module in DESCRIBED for name, said in _docstrings(module).items()}
    found = {name: said for module in DESCRIBED for name, said in _inherited(module, own).items()}
    told = {}
    for name, schema in schemas.items():
        about, fields = found.get(name, ("", {}))
        properties = {
            field: {**shape, "description": fields[field]} if field in fields else shape
            for field, shape in schema.get("properties", {}).items()
        }
        told[name] = {**schema, **({"description": about} if about else {}), "properties": properties}
    return told


def _inherited(module: ModuleType, own: _Said) -> _Said:
    """The same for this module's classes, with what their bases say of the fields that come from there."""
    told = {}
    for name, kind in vars(module).items():
        if name in own and isinstance(kind, type) and kind.__module__ == module.__name__:
            bases = [own[base.__name__][1] for base in reversed(kind.__mro__) if base.__name__ in own]
            told[name] = own[name][0], {field: said for fields in bases for field, said in fields.items()}
    return told


def _docstrings(module: ModuleType) -> _Said:
    """Class -> (its docstring, field -> the docstring below it)."""
    classes = [node for node in ast.parse(inspect.getsource(module)).body if isinstance(node, ast.ClassDef)]
    return {each.name: (ast.get_docstring(each) or "", _fields(each)) for each in classes}


def _fields(described: ast.ClassDef) -> dict[str, str]:
    told = {}
    for field, below in zip(described.body, described.body[1:], strict=False):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                told[name] = inspect.cleandoc(said)
    return told
