"""Who may import whom. A rule takes the house and answers with one line for each fault: what, where, and the cure."""

from __future__ import annotations

from collections.abc import Iterator

from tests.house.tree import House, Import, Module

PLAIN = frozenset({"errors", "files", "nearest"})
"""Words and small tools that know nothing of the house; everyone may use them."""
SERVING = PLAIN | {"events", "secrets", "catalog", "cards", "registry", "models", "routing", "fetch", "storage", "db"}
GALLERY = frozenset({"images", "wallet", "presets", "webhooks"})
_SHARING = SERVING | GALLERY | {"accounts"}
_JOBS = _SHARING | {"sharing"}
_SCHEDULING = _JOBS | {"jobs", "workers"}
_CHAT = (_SCHEDULING | {"scheduling"}) - {"workers"}
_SURFACES = _CHAT | {"chat"}

MAY_IMPORT: dict[str, frozenset[str]] = {
    **dict.fromkeys(PLAIN, PLAIN),
    "events": PLAIN,
    "wiring": PLAIN,
    "secrets": PLAIN,
    "fetch": PLAIN | {"catalog"},
    "db": PLAIN,
    "catalog": PLAIN,
    "registry": PLAIN | {"catalog"},
    "cards": PLAIN | {"catalog"},
    "routing": PLAIN | {"catalog", "cards"},
    "models": PLAIN | {"catalog", "cards", "registry"},
    "storage": PLAIN | {"db", "secrets", "catalog"},
    "accounts": SERVING,
    **dict.fromkeys(GALLERY, SERVING | {"accounts"}),
    "sharing": _SHARING,
    "jobs": _JOBS,
    "workers": frozenset({"registry"}),
    "scheduling": _SCHEDULING,
    "chat": _CHAT,
    "api": _SURFACES,
    "pages": _SURFACES,
    "cli": _SURFACES | {"app", "wiring", "workers"},  # `doctor` asks workers which devices there are
    "house": _SURFACES | {"workers", "wiring", "api"},
    "app": _SURFACES | {"wiring", "api", "pages", "house"},
    "__main__": frozenset({"cli"}),
}
"""The rooms of the gateway as design.md draws them: api, pages, cli -> chat -> scheduling -> jobs -> sharing ->
{images, wallet, presets, webhooks} -> accounts -> db, and those that serve all."""

SHARED: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "contract": frozenset({"errors"}),
    "infotext": frozenset({"contract"}),
    "samplers": frozenset({"contract"}),
    "http": frozenset({"contract"}),
    "suite": frozenset({"contract", "infotext", "samplers"}),
}
"""What engines share, and which of each other these may import."""
KNOWLEDGE = frozenset({"contract", "infotext", "samplers"})
"""What of it the gateway reads too."""
MIGRATIONS = "gateway.db.migrations"


def every_room_is_known(house: House) -> Iterator[str]:
    for room in sorted({_room(module.name) for module in house.of("gateway")} - {"", *MAY_IMPORT}):
        yield f"gateway/{room} is no room of the house: put it into one, or draw it in design.md and in {__name__}.MAY_IMPORT"


def arrows_go_one_way(house: House) -> Iterator[str]:
    for module, wanted in _arrows(house, "gateway"):
        here, there = _room(module.name), _room(wanted.target)
        if not wanted.target.startswith("gateway") or not there or here == there or module.name == "gateway":
            continue
        if module.name.startswith(MIGRATIONS) or here not in MAY_IMPORT or there in MAY_IMPORT[here]:
            continue
        cure = "hand in what it needs from above, or move it down to where both can reach it"
        yield f"{_place(module, wanted)}: gateway.{here} may not import gateway.{there}; {cure}"


def only_migrations_import_upwards(house: House) -> Iterator[str]:
    """And only to collect tables."""
    for module, wanted in _arrows(house, "gateway"):
        upwards = wanted.target.startswith("gateway") and _room(wanted.target) not in {"", "db", *PLAIN}
        if module.name.startswith(MIGRATIONS) and upwards and not wanted.target.endswith(".tables"):
            yield f"{_place(module, wanted)}: migrations import the rooms' tables.py and nothing else of them"


def engines_keep_to_the_contract(house: House) -> Iterator[str]:
    fakes = (module for module in house.of("tests") if module.name.startswith("tests.fakes"))
    for module in (*house.of("engines"), *fakes):
        for wanted in house.imports[module.name]:
            if wanted.target.partition(".")[0] == "gateway":
                yield f"{_place(module, wanted)}: an engine never imports gateway; what it needs comes by engines.contract"
    for module, wanted in _arrows(house, "engines"):
        here, there = _room(module.name), _room(wanted.target)
        if not wanted.target.startswith("engines") or not there or here in ("", there):
            continue
        if there not in SHARED.get(here, frozenset(SHARED)):
            may = ", ".join(sorted(SHARED.get(here, frozenset(SHARED)))) or "nothing"
            yield f"{_place(module, wanted)}: engines.{here} imports {may} of engines; share by one of these, or not at all"


def the_gateway_names_no_engine(house: House) -> Iterator[str]:
    for module, wanted in _arrows(house, "gateway"):
        if wanted.target.startswith("engines.") and _room(wanted.target) not in KNOWLEDGE:
            cure = "plugins come in by their entry point alone, through gateway.registry"
            yield f"{_place(module, wanted)}: the gateway imports {', '.join(sorted(KNOWLEDGE))} of engines only; {cure}"


def nothing_goes_in_circles(house: House) -> Iterator[str]:
    graph = {
        module.name: sorted({wanted.target for wanted in house.imports[module.name] if wanted.target in house.modules})
        for module in house.of("gateway", "engines")
    }
    for circle in _circles(graph):
        yield f"{' -> '.join([*circle, circle[0]])} is a circle: move what they share into a module below both"


def _arrows(house: House, root: str) -> Iterator[tuple[Module, Import]]:
    for module in house.of(root):
        for wanted in house.imports[module.name]:
            if house.is_house(wanted.target):
                yield module, wanted


def _room(name: str) -> str:
    """`gateway.jobs.submit` -> jobs; the package itself has none."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def _place(module: Module, wanted: Import) -> str:
    return f"{module.path.as_posix()}:{wanted.line}"


def _circles(graph: dict[str, list[str]]) -> Iterator[list[str]]:
    """One path for each circle that a walk in depth closes."""
    done: set[str] = set()
    for start in graph:
        path: list[str] = []
        on_path: set[str] = set()
        stack = [(start, iter(graph[start]))] if start not in done else []
        if stack:
            path.append(start)
            on_path.add(start)
        while stack:
            name, following = stack[-1]
            for other in following:
                if other in on_path and other != name:
                    yield path[path.index(other) :]
                elif other not in done and other not in on_path:
                    stack.append((other, iter(graph.get(other, ()))))
                    path.append(other)
                    on_path.add(other)
                    break
            else:
                stack.pop()
                on_path.discard(path.pop())
                done.add(name)
