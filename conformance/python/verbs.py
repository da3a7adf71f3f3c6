"""Create, get, list, filter, update and delete of one resource of the table."""

from operator import attrgetter
from typing import Any

from checks import Checks
from client import Loopback
from m3ter import BadRequestError, M3ter, NotFoundError
from table import filled, keyword_arguments, snake

STANDARD = ("id", "version", "dt_created", "dt_last_modified", "created_by", "last_modified_by")


class Scenario:
    def __init__(self, client: M3ter, transport: Loopback, checks: Checks) -> None:
        self.client = client
        self.transport = transport
        self.checks = checks
        # Ids of kept records by resource name, for those that refer to them.
        self.names: dict[str, str] = {}
        self.number = 0

    def run(self, resource: dict[str, Any]) -> None:
        api = attrgetter(resource["python"])(self.client)
        keep = self.create(api, resource)
        self.read(api, resource, keep.id)
        if not resource.get("single"):
            spare = self.create(api, resource)
            self.page(api, resource, [spare.id, keep.id])
            self.delete(api, resource, spare.id)
        self.refuse_duplicate(api, resource)
        self.update(api, resource, keep.id)
        self.filter(api, resource, keep.id)

    def create(self, api: Any, resource: dict[str, Any]) -> Any:
        self.number += 1
        self.names |= {"n": str(self.number), "m": str(self.number % 9 + 1)}
        body = filled(resource["create"], self.names)
        made = api.create(**keyword_arguments(body))
        name = resource["name"]
        self.names.setdefault(name, made.id)
        self.checks.that(f"{name}: version 1 when created", made.version == 1, made.version)
        self.match(f"{name} as created", made, body)
        return made

    def match(self, what: str, record: Any, body: dict[str, Any]) -> None:
        """What was written is what the SDK's typed model reads."""
        answer = record.to_dict()
        for field, value in body.items():
            seen = answer.get(field)
            same = seen == value or (isinstance(value, (dict, list)) and covers(seen, value))
            same = same or is_same_instant(seen, value)
            self.checks.that(f"{what}: {field}", same, seen)

    def read(self, api: Any, resource: dict[str, Any], identifier: str) -> None:
        record = api.retrieve(identifier)
        for field in STANDARD:
            present = getattr(record, field, None) is not None
            absent_by_design = not hasattr(type(record), "__fields__") or field not in type(
                record
            ).model_fields
            self.checks.that(f"{resource['name']}: {field}", present or absent_by_design)

    def page(self, api: Any, resource: dict[str, Any], newest_first: list[str]) -> None:
        seen = [record.id for record in api.list(page_size=1, **self.scope(resource))]
        name = resource["name"]
        self.checks.that(f"{name}: pages end, each record once", len(seen) == len(set(seen)), seen)
        self.checks.that(f"{name}: newest first", seen[:2] == newest_first, seen[:3])

    def scope(self, resource: dict[str, Any]) -> dict[str, Any]:
        return keyword_arguments(filled(resource.get("scope", {}), self.names))

    def filter(self, api: Any, resource: dict[str, Any], identifier: str) -> None:
        for query in resource["filters"]:
            wanted = filled(query, self.names | {"self": identifier, "n": self.kept_number})
            found = [record.id for record in api.list(**keyword_arguments(wanted))]
            claim = f"{resource['name']}: listed by {', '.join(query)}"
            exact = any(key in query for key in ("ids", "codes"))
            self.checks.that(claim, found == [identifier] if exact else identifier in found, found)
        if any("ids" in query for query in resource["filters"]):
            none = list(api.list(ids=["00000000-0000-4000-8000-000000000000"]))
            self.checks.that(f"{resource['name']}: no record has an unknown id", none == [], none)

    def update(self, api: Any, resource: dict[str, Any], identifier: str) -> None:
        name = resource["name"]
        stored = api.retrieve(identifier)
        body = self.kept_body | filled(resource["change"], self.names)
        arguments = keyword_arguments(body)
        changed = api.update(identifier, **arguments, version=stored.version)
        self.checks.that(f"{name}: version 2 after an update", changed.version == 2)
        self.match(f"{name} as updated", changed, body)
        stale = lambda: api.update(identifier, **arguments, version=stored.version)
        self.refused_once(f"{name}: a stale version", stale, "version")

    def refuse_duplicate(self, api: Any, resource: dict[str, Any]) -> None:
        self.kept_body = self.first_body(api, resource)
        if "code" not in resource["create"]:
            return
        again = lambda: api.create(**keyword_arguments(self.kept_body))
        self.refused_once(f"{resource['name']}: a duplicate code", again, "code")

    def first_body(self, api: Any, resource: dict[str, Any]) -> dict[str, Any]:
        created = self.number if resource.get("single") else self.number - 1
        self.kept_number = str(created)
        numbered = self.names | {"n": str(created), "m": str(created % 9 + 1)}
        return filled(resource["create"], numbered)

    def refused_once(self, claim: str, call: Any, named: str) -> None:
        """400 with the field in its message, and the SDK does not try again."""
        before = len(self.transport.seen)
        try:
            call()
            self.checks.that(f"{claim} is refused", False, "it was accepted")
        except BadRequestError as refusal:
            sent = [one for one in self.transport.seen[before:] if one.url.path != "/oauth/token"]
            self.checks.that(f"{claim} is sent once", len(sent) == 1, len(sent))
            self.checks.that(f"{claim} names {named}", named in str(refusal), str(refusal))

    def delete(self, api: Any, resource: dict[str, Any], identifier: str) -> None:
        name = resource["name"]
        gone = api.delete(identifier)
        self.checks.that(f"{name}: delete answers the record", gone.id == identifier, gone)
        try:
            api.retrieve(identifier)
            self.checks.that(f"{name}: deleted", False, "still there")
        except NotFoundError as refusal:
            self.checks.that(f"{name}: deleted", refusal.status_code == 404)

    def clean(self, resource: dict[str, Any]) -> None:
        """The kept record goes too, newest resource first."""
        identifier = self.names.get(resource["name"])
        if identifier is None:
            return
        gone = attrgetter(resource["python"])(self.client).delete(identifier)
        self.checks.that(f"{resource['name']}: deleted at the end", gone.id == identifier)


def covers(seen: Any, wanted: Any) -> bool:
    """Every written member is in the answer, which may hold more (such as ids of bands)."""
    if isinstance(wanted, dict):
        return isinstance(seen, dict) and all(covers(seen.get(key), wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        pairs = zip(seen, wanted, strict=True) if isinstance(seen, list) else [(None, wanted)]
        return all(covers(one, other) for one, other in pairs)
    return seen == wanted


def is_same_instant(seen: Any, wanted: Any) -> bool:
    """`…00Z` and `…00.000Z`; a date may come back with a time."""
    if not isinstance(wanted, str):
        return False
    return str(seen).replace(".000Z", "Z").replace("+00:00", "Z").replace(" ", "T") == wanted
