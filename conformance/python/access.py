"""Tokens, hosts, retries and usage: what the SDK does around a call."""

from client import connect
from m3ter import APIStatusError
from verbs import Scenario


class Access:
    def __init__(self, scenario: Scenario, served: set[str]) -> None:
        self.scenario = scenario
        self.checks = scenario.checks
        self.served = served

    def run(self) -> None:
        for step in (self.token_each_call, self.bad_secret, self.bad_token, self.foreign_organization):
            self.checks.run(step.__name__, step)
        if "organizationconfig" in self.served:
            self.checks.run("organization config", self.organization_config)
        if "measurements" in self.served:
            self.checks.run("usage", self.usage)

    def token_each_call(self) -> None:
        """This SDK believes every token expired and asks for one before each call."""
        client, transport = connect()
        for _ in range(5):
            client.products.list(page_size=1)
        asked = transport.count("/oauth/token")
        self.checks.that("a token for every call", asked in (1, 5), asked)

    def bad_secret(self) -> None:
        client, transport = connect(api_secret="wrong")
        self.refused(lambda: client.products.list(), 401, transport)

    def bad_token(self) -> None:
        client, transport = connect()
        header = {"Authorization": "Bearer not-a-token"}
        self.refused(lambda: client.products.list(extra_headers=header), 403, transport)

    def foreign_organization(self) -> None:
        client, transport = connect(org_id="00000000-0000-4000-8000-000000000000")
        self.refused(lambda: client.products.list(), 403, transport)

    def refused(self, call, status: int, transport) -> None:
        before = len(transport.seen)
        try:
            call()
            self.checks.that(f"{status} is answered", False, "it was accepted")
        except APIStatusError as refusal:
            self.checks.that(f"{status} is answered", refusal.status_code == status, refusal)
            paths = [request.url.path for request in transport.seen[before:]]
            self.checks.that(f"{status} is not retried", len(paths) == len(set(paths)), paths)

    def organization_config(self) -> None:
        client = self.scenario.client
        config = client.organization_config.retrieve()
        changed = client.organization_config.update(
            timezone=config.timezone or "UTC",
            year_epoch="2022-01-01",
            month_epoch="2022-01-01",
            week_epoch="2022-01-04",
            day_epoch="2022-01-01",
            currency="USD",
            days_before_bill_due=14,
            version=config.version,
        )
        self.checks.that("organization config updated", changed.version == config.version + 1)

    def usage(self) -> None:
        """`submit_all` doubles the slash and turns every `api.` of the base URL into `ingest.`."""
        client, transport = connect(base_url="http://api.turnpike.test/")
        usage = [
            {
                "uid": f"python-{index}",
                "meter": "meter_usage",
                "account": "account usage",
                "ts": "2024-06-01T00:00:00Z",
                "measure": {"tokens": index},
            }
            for index in range(1500)
        ]
        self.usage_meter()
        answers = list(client.usage.submit_all(measurements=usage))
        self.checks.that("usage in chunks of 1,000", len(answers) == 2, answers)
        accepted = all(answer.result == "accepted" for answer in answers)
        self.checks.that("usage accepted", accepted, answers)
        asked = {f"{one.url.host}{one.url.path}" for one in transport.seen[-1:]}
        doubled = {f"ingest.turnpike.test//organizations/{client.org_id}/measurements"}
        self.checks.that("usage went to the ingest host, slash doubled", asked == doubled, asked)
        single = client.usage.submit(measurements=usage[:1])
        self.checks.that("one measurement again", single.result == "accepted", single)

    def usage_meter(self) -> None:
        client = self.scenario.client
        meter = client.meters.create(
            name="Usage",
            code="meter_usage",
            data_fields=[{"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "t"}],
            derived_fields=[],
        )
        account = client.accounts.create(
            name="Usage", code="account usage", email_address="a@example.com"
        )
        self.checks.that("usage has a meter and an account", bool(meter.id and account.id))
