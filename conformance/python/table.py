"""The resources of `../sdk/resources.json`, in the words of the Python SDK."""

import json
import re
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent.parent / "sdk" / "resources.json"
# Maps whose keys are the client's own, not fields of the API.
FREE_MAPS = {"customFields", "segment", "configData"}


def resources() -> list[dict[str, Any]]:
    return json.loads(TABLE.read_text())


def snake(name: str) -> str:
    word = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda found: "_" + found[1].lower(), name)
    return f"{word}_" if word == "from" else word


def keyword_arguments(body: dict[str, Any]) -> dict[str, Any]:
    """`{"planId": …}` as the SDK's `plan_id=…`, at every depth."""
    return {snake(key): value if key in FREE_MAPS else nested(value) for key, value in body.items()}


def nested(value: Any) -> Any:
    if isinstance(value, dict):
        return keyword_arguments(value)
    return [nested(one) for one in value] if isinstance(value, list) else value


def filled(value: Any, names: dict[str, str]) -> Any:
    """The table's `$product` (an id), `{n}` (a number) and `{meter.code}` replaced."""
    if isinstance(value, dict):
        return {key: filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, names) for one in value]
    if not isinstance(value, str):
        return value
    if value.startswith("$"):
        return names[value[1:]]
    return re.sub(r"\{([a-zA-Z.]+)\}", lambda found: names[found[1]], value)
