"""Create, get, list, filter, update and delete of one resource of the table."""

from operator import attrgetter
from typing import Any

from checks import Checks
from client import Loopback
from m3ter import BadRequestError, M3ter, NotFoundError
from table import filled, keyword_arguments, snake

STANDARD = ("id", "version", "dt_created", "dt_last_modified", "created_by", "last_modified_by")


VERBS = ("create", "retrieve", "update", "delete", "list")


class Collection:
    """One of the SDK's resources, spoken to in the words of the wire."""

    def __init__(self, client: M3ter, resource: dict[str, Any], names: dict[str, str]) -> None:
        self.api = attrgetter(resource["python"])(client)
        self.within = keyword_arguments(filled(resource.get("within", {}), names))
        # Members that the API wants and the SDK has no parameter for.
        self.extra = set(resource.get("extra", ()))

    def arguments(self, body: dict[str, Any]) -> dict[str, Any]:
        known = {key: value for key, value in body.items() if key not in self.extra}
        extra = {key: body[key] for key in self.extra if key in body}
        return keyword_arguments(known) | self.within | ({"extra_body": extra} if extra else {})

    def create(self, body: dict[str, Any]) -> Any:
        return self.api.create(**self.arguments(body))

    def retrieve(self, identifier: str) -> Any:
        return self.api.retrieve(identifier, **self.within)

    def update(self, identifier: str, body: dict[str, Any], version: int) -> Any:
        return self.api.update(identifier, **self.arguments(body), version=version)

    def delete(self, identifier: str) -> Any:
        return self.api.delete(identifier, **self.within)

    def ids(self, query: dict[str, Any]) -> list[str]:
        return [record.id for record in self.api.list(**self.within, **keyword_arguments(query))]


class Scenario:
    def __init__(self, client: M3ter, transport: Loopback, checks: Checks) -> None:
        self.client = client
        self.transport = transport
        self.checks = checks
        # Ids of kept records by resource name, for those that refer to them.
        self.names: dict[str, str] = {}
        self.number = 0

    def run(self, resource: dict[str, Any]) -> None:
        api = Collection(self.client, resource, self.names)
        verbs = resource.get("verbs", VERBS)
        keep = self.create(api, resource)
        if "retrieve" in verbs:
            self.read(api, resource, keep.id)
        if not resource.get("single"):
            spare = self.create(api, resource)
            self.page(api, resource, [spare.id, keep.id])
            if "delete" in verbs:
                self.delete(api, resource, spare.id)
        self.refuse_duplicate(api, resource)
        if "update" in verbs:
            self.update(api, resource, keep.id)
        self.filter(api, resource, keep.id)

    def create(self, api: Collection, resource: dict[str, Any]) -> Any:
        self.number += 1
        self.names |= {"n": str(self.number), "m": str(self.number % 9 + 1)}
        body = filled(resource["create"] | resource.get("extra", {}), self.names)
        made = api.create(body)
        name = resource["name"]
        if name not in self.names:
            self.names |= {name: made.id, f"{name}.code": body.get("code", "")}
        self.checks.that(f"{name}: version 1 when created", made.version == 1, made.version)
        self.match(resource, made, body)
        return made

    def match(self, resource: dict[str, Any], record: Any, body: dict[str, Any]) -> None:
        """What was written is what the SDK's typed model reads."""
        answer = record.to_dict()
        what = f"{resource['name']} version {record.version}"
        for field, value in body.items():
            seen = answer.get(field)
            for secret in resource.get("hidden", {}).get(field, ()):
                self.checks.that(f"{what} hides {secret}", secret not in (seen or {}), seen)
                value = {key: one for key, one in value.items() if key != secret}
            same = seen == value or (isinstance(value, (dict, list)) and covers(seen, value))
            same = same or is_same_instant(seen, value)
            self.checks.that(f"{what}: {field}", same, seen)

    def read(self, api: Collection, resource: dict[str, Any], identifier: str) -> None:
        record = api.retrieve(identifier)
        for field in STANDARD:
            present = getattr(record, field, None) is not None
            absent_by_design = not hasattr(type(record), "__fields__") or field not in type(
                record
            ).model_fields
            self.checks.that(f"{resource['name']}: {field}", present or absent_by_design)

    def page(self, api: Collection, resource: dict[str, Any], newest_first: list[str]) -> None:
        seen = api.ids({"pageSize": 1} | filled(resource.get("scope", {}), self.names))
        name = resource["name"]
        self.checks.that(f"{name}: pages end, each record once", len(seen) == len(set(seen)), seen)
        self.checks.that(f"{name}: newest first", seen[:2] == newest_first, seen[:3])

    def filter(self, api: Collection, resource: dict[str, Any], identifier: str) -> None:
        for query in resource["filters"]:
            wanted = filled(query, self.names | {"self": identifier, "n": self.kept_number})
            found = api.ids(wanted)
            claim = f"{resource['name']}: listed by {', '.join(query)}"
            exact = any(key in query for key in ("ids", "codes"))
            self.checks.that(claim, found == [identifier] if exact else identifier in found, found)
        if any("ids" in query for query in resource["filters"]):
            none = api.ids({"ids": ["00000000-0000-4000-8000-000000000000"]})
            self.checks.that(f"{resource['name']}: no record has an unknown id", none == [], none)

    def update(self, api: Collection, resource: dict[str, Any], identifier: str) -> None:
        name = resource["name"]
        stored = api.retrieve(identifier)
        body = self.kept_body | filled(resource["change"], self.names)
        changed = api.update(identifier, body, stored.version)
        self.checks.that(f"{name}: version 2 after an update", changed.version == 2)
        self.match(resource, changed, body)
        stale = lambda: api.update(identifier, body, stored.version)
        self.refused_once(f"{name}: a stale version", stale, "version")

    def refuse_duplicate(self, api: Collection, resource: dict[str, Any]) -> None:
        self.kept_body = self.first_body(api, resource)
        if "code" not in self.kept_body:
            return
        again = lambda: api.create(self.kept_body)
        self.refused_once(f"{resource['name']}: a duplicate code", again, "code")

    def first_body(self, api: Collection, resource: dict[str, Any]) -> dict[str, Any]:
        created = self.number if resource.get("single") else self.number - 1
        self.kept_number = str(created)
        numbered = self.names | {"n": str(created), "m": str(created % 9 + 1)}
        return filled(resource["create"] | resource.get("extra", {}), numbered)

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

    def delete(self, api: Collection, resource: dict[str, Any], identifier: str) -> None:
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
        if identifier is None or "delete" not in resource.get("verbs", VERBS):
            return
        gone = Collection(self.client, resource, self.names).delete(identifier)
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
