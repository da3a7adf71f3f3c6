"""What goes in and comes out as rows: measurements, files, lookup data, events, exports."""

import io
import json
import zipfile
from typing import Any

import httpx
from billing import until
from m3ter import NotFoundError
from verbs import Scenario

ROWS = [{"country": "UK", "rate": 0.8}, {"country": "FR", "rate": 0.9}]


class Data:
    def __init__(self, scenario: Scenario) -> None:
        self.client = scenario.client
        self.checks = scenario.checks
        self.meter = ""

    def run(self) -> None:
        for step in (
            self.set_up,
            self.query,
            self.upload,
            self.failed_ingest,
            self.events,
            self.custom_fields,
            self.lookup_data,
            self.exports,
            self.integrations,
        ):
            self.checks.run(f"data: {step.__name__}", step)

    def set_up(self) -> None:
        self.meter = self.client.meters.create(
            name="Queried",
            code="queried",
            data_fields=[
                {"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "t"},
                {"category": "WHERE", "code": "region", "name": "Region"},
            ],
            derived_fields=[],
        ).id
        self.account = self.client.accounts.create(
            name="Q", code="queried", email_address="a@example.com"
        ).id

    def measurement(self, uid: str, **fields: Any) -> dict[str, Any]:
        return {
            "uid": uid,
            "meter": "queried",
            "account": "queried",
            "ts": "2025-03-01T00:00:00Z",
            "measure": {"tokens": 2.5},
            "where": {"region": "eu"},
        } | fields

    def tokens(self) -> Any:
        answer = self.client.usage.query(
            start_date="2025-03-01T00:00:00Z",
            end_date="2025-04-01T00:00:00Z",
            meter_ids=[self.meter],
            dimension_filters=[
                {"meter_id": self.meter, "field_code": "region", "values": ["eu"]}
            ],
            aggregations=[
                {
                    "meter_id": self.meter,
                    "field_code": "tokens",
                    "field_type": "MEASURE",
                    "function": "SUM",
                }
            ],
            groups=[{"group_type": "ACCOUNT"}],
        )
        return [row["queried.tokens.SUM"] for row in answer.data or []]

    def query(self) -> None:
        usage = [self.measurement(f"query-{index}") for index in range(4)]
        self.client.usage.submit(measurements=usage)
        self.checks.that("usage is summed", self.tokens() == [10], self.tokens())

    def upload(self) -> None:
        files = self.client.usage.file_uploads
        body = json.dumps([self.measurement("from a file")]).encode()
        link = files.generate_upload_url(
            content_length=len(body), content_type="application/json", file_name="usage.json"
        )
        sent = httpx.put(link.url, content=body, headers=dict(link.headers or {}))
        self.checks.that("a file is uploaded", sent.status_code == 200, sent.text)
        job = until(
            lambda: files.jobs.retrieve(link.job_id), lambda job: job.status == "succeeded"
        )
        self.checks.that("its rows are ingested", job.processed_rows == 1, job)
        listed = [one.id for one in files.jobs.list(file_key=link.job_id)]
        self.checks.that("uploads are listed", listed == [link.job_id], listed)
        original = files.jobs.get_original_download_url(link.job_id)
        self.checks.that("the file comes back", httpx.get(original.url).content == body)
        self.checks.that("its usage counts", self.tokens() == [12.5], self.tokens())

    def failed_ingest(self) -> None:
        self.client.usage.submit(measurements=[self.measurement("lost", meter="none")])
        (event,) = until(self.unknown_meters, bool)
        file = event.m3ter_event["eventData"]["newDto"]["file"]
        link = self.client.usage.get_failed_ingest_download_url(file=file)
        found = httpx.get(link.url).json()["measurements"]
        self.checks.that("what failed is shown", [one["uid"] for one in found] == ["lost"], found)

    def unknown_meters(self) -> list[Any]:
        """Events of measurements that named a meter which is not there."""
        found = self.client.events.list(event_name="ingest.validation.failure")
        return [
            event
            for event in found
            if "UndefinedMeter" in event.m3ter_event["eventData"]["newDto"]["types"]
        ]

    def events(self) -> None:
        events = self.client.events
        name = "configuration.meter.created"
        found = list(events.list(event_name=name, resource_id=self.meter))
        self.checks.that("events are listed", len(found) == 1, found)
        event = events.retrieve(found[0].id)
        self.checks.that("an event is read", event.event_name == name, event)
        self.checks.that("its name is known", name in (events.get_types().events or []))
        fields = (events.get_fields(event_name=name).events or {})[name]
        self.checks.that("its fields are known", "new.code" in fields, fields)

    def custom_fields(self) -> None:
        api = self.client.custom_fields
        stored = api.retrieve()
        changed = api.update(account={"tier": "gold"}, version=stored.version)
        self.checks.that("custom fields are set", changed.account == {"tier": "gold"}, changed)
        read = api.retrieve()
        self.checks.that("and read", read.account == {"tier": "gold"}, read)

    def lookup_data(self) -> None:
        tables = self.client.lookup_tables
        table = tables.create(name="Rates", code="sdk_rates").id
        revision = tables.lookup_table_revisions.create(
            table,
            name="One",
            fields=[{"name": "country", "type": "STRING"}, {"name": "rate", "type": "NUMBER"}],
            keys=["country"],
        ).id
        at = {"lookup_table_id": table}
        data = tables.lookup_table_revision_data
        written = data.update(revision, **at, items=ROWS)
        self.checks.that("rows are written", written.version == 1, written)
        self.checks.that("rows are read", len(data.retrieve(revision, **at).items or []) == 2)
        self.one_row(data, revision, at)
        copied = data.copy(revision, **at)
        self.checks.that("rows are copied", bool(copied.job_id), copied)
        jobs = data.lookup_table_revision_data_jobs
        self.files(data, jobs, revision, at)
        asked = jobs.download(revision, **at, content_type="text/csv")
        place = at | {"lookup_table_revision_id": revision}
        job = jobs.retrieve(asked.job_id, **place)
        text = httpx.get(str(job.to_dict()["downloadUrl"])).text
        self.checks.that("rows are downloaded", text == "country,rate\r\nUK,0.5\r\n", text)
        self.archive(tables, revision, at)

    def one_row(self, data: Any, revision: str, at: dict[str, str]) -> None:
        place = at | {"lookup_table_revision_id": revision}
        item = {"country": "UK", "rate": 0.7}
        data.update_key("UK", **place, item=item, version=1)
        row = (data.retrieve_key("UK", **place).items or [])[0]
        self.checks.that("a row is changed", row["rate"] == 0.7, row)
        data.delete_key("FR", **place, version=2)
        try:
            data.retrieve_key("FR", **place)
            self.checks.that("a row is removed", False, "still there")
        except NotFoundError as refusal:
            self.checks.that("a row is removed", refusal.status_code == 404)

    def files(self, data: Any, jobs: Any, revision: str, at: dict[str, str]) -> None:
        body = b"country,rate\nUK,0.5\n"
        link = data.generate_download_url(
            revision,
            **at,
            content_length=len(body),
            content_type="text/csv",
            file_name="rates.csv",
            version=3,
        )
        sent = httpx.put(link.url, content=body)
        self.checks.that("a file of rows is uploaded", sent.status_code == 200, sent.text)
        place = at | {"lookup_table_revision_id": revision}
        job = until(
            lambda: jobs.retrieve(link.job_id, **place), lambda job: job.status != "PENDING"
        )
        self.checks.that("its rows are taken", job.status == "SUCCEEDED", job)
        listed = [one.id for one in jobs.list(revision, **at)]
        self.checks.that("jobs are listed", link.job_id in listed, listed)

    def archive(self, tables: Any, revision: str, at: dict[str, str]) -> None:
        revisions = tables.lookup_table_revisions
        for status in ("PUBLISHED", "ARCHIVED"):
            version = revisions.retrieve(revision, **at).version
            changed = revisions.update_status(revision, **at, status=status, version=version)
            self.checks.that(f"a revision is {status}", changed.status == status, changed)
        link = tables.lookup_table_revision_data.archieve(
            revision, **at, content_type="application/jsonl"
        )
        text = httpx.get(link.url).text
        self.checks.that("archived rows are downloaded", json.loads(text)["rate"] == 0.5, text)

    def exports(self) -> None:
        exports = self.client.data_exports
        operational = {"source_type": "OPERATIONAL", "operational_data_types": ["METERS"]}
        usage = {
            "source_type": "USAGE",
            "meter_ids": [self.meter],
            "end_date": "2025-04-01T00:00:00Z",
            "extra_body": {"startDate": "2025-03-01T00:00:00Z"},
        }
        for name, order, count in (("METERS", operational, 1), ("USAGE", usage, 5)):
            job_id = exports.create_adhoc(**order).job_id
            job = until(
                lambda: exports.jobs.retrieve(job_id), lambda job: job.status == "SUCCEEDED"
            )
            self.checks.that(f"{name} is exported", job.status == "SUCCEEDED", job)
            listed = [one.id for one in exports.jobs.list(ids=[job_id], status="SUCCEEDED")]
            self.checks.that(f"the export of {name} is listed", listed == [job_id], listed)
            link = exports.jobs.get_download_url(job_id)
            archive = zipfile.ZipFile(io.BytesIO(httpx.get(link.url).content))
            rows = archive.read(f"{name}.csv").decode().splitlines()
            self.checks.that(f"{name} has its rows", len(rows) > count, rows)

    def integrations(self) -> None:
        client = self.client
        hook = client.webhooks.create(
            name="Switched",
            description="On and off",
            code="switched",
            url="https://example.com/hook",
            active=True,
            credentials={"type": "M3TER_SIGNED_REQUEST", "api_key": "key", "secret": "secret"},
        )
        client.webhooks.set_active(hook.id, active=False)
        stored = client.webhooks.retrieve(hook.id).to_dict()
        self.checks.that("a webhook is switched off", stored["active"] is False, stored)
        made = client.integration_configurations.create(
            entity_type="Bill",
            destination="Stripe",
            destination_id="books",
            entity_id=None,
            config_data={},
            credentials={"type": "HTTP_BASIC"},
            name="Books",
            integration_credentials_id=None,
        )
        client.integration_configurations.enable(made.id)
        found = client.integration_configurations.get_by_entity("Bill", destination="Stripe")
        self.checks.that("integrations are found by entity", found.id == made.id, found)
        mapping = client.external_mappings.create(
            m3ter_entity="Account",
            m3ter_id=self.account,
            external_system="Books",
            external_table="Customer",
            external_id="cus_7",
        )
        mappings = client.external_mappings
        for found in (
            mappings.list_by_m3ter_entity(self.account, entity="Account"),
            mappings.list_by_external_entity("cus_7", system="Books", external_table="Customer"),
        ):
            ids = [one.id for one in found]
            self.checks.that("mappings are found from either side", ids == [mapping.id], ids)
