"""From a plan to a locked bill with its statement, and what else is no verb of a resource."""

import time
from collections.abc import Callable
from typing import Any

from m3ter import BadRequestError
from verbs import Scenario

ENDS = 20.0
PERIOD = {
    "service_period_start_date": "2025-01-01T00:00:00Z",
    "service_period_end_date": "2025-02-01T00:00:00Z",
}


def until(answer: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """Asks until it holds; the last answer."""
    deadline = time.monotonic() + ENDS
    while not holds(found := answer()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


class Billing:
    def __init__(self, scenario: Scenario) -> None:
        self.client = scenario.client
        self.checks = scenario.checks
        self.account = ""
        self.product = ""
        self.plan = ""
        self.bill = ""
        self.job = ""

    def run(self) -> None:
        for step in (
            self.set_up,
            self.preview_of_schedules,
            self.calculate,
            self.read,
            self.lines,
            self.memos,
            self.recalculate,
            self.approve_and_lock,
            self.statements,
            self.search,
            self.config,
            self.end_dating,
            self.remove,
        ):
            self.checks.run(f"billing: {step.__name__}", step)

    def set_up(self) -> None:
        client = self.client
        self.product = client.products.create(name="Billed", code="billed product").id
        template = client.plan_templates.create(
            name="Billed",
            product_id=self.product,
            currency="USD",
            bill_frequency="MONTHLY",
            standing_charge=20,
        )
        self.plan = client.plans.create(
            name="Billed", code="billed plan", plan_template_id=template.id
        ).id
        self.account = self.priced_account("billed account")

    def priced_account(self, code: str) -> str:
        account = self.client.accounts.create(
            name="Billed", code=code, email_address="a@example.com"
        )
        self.client.account_plans.create(
            account_id=account.id, plan_id=self.plan, start_date="2025-01-01T00:00:00Z"
        )
        return account.id

    def preview_of_schedules(self) -> None:
        client = self.client
        balance = client.balances.create(
            name="Wallet",
            code="wallet",
            account_id=self.account,
            currency="USD",
            start_date="2025-01-01T00:00:00Z",
            end_date="2026-01-01T00:00:00Z",
        )
        charges = client.balances.charge_schedules.preview(
            balance.id,
            name="Fees",
            code="fees",
            currency="USD",
            amount=10,
            bill_frequency="MONTHLY",
            bill_frequency_interval=1,
            bill_in_advance=False,
            charge_description="Fee",
            service_period_start_date="2025-01-01T00:00:00Z",
            service_period_end_date="2025-04-01T00:00:00Z",
        )
        self.checks.that("three charges are previewed", len(charges.to_dict()["data"]) == 3, charges)
        paid = client.transaction_types.create(name="Paid", code="paid_in")
        entries = client.balances.transaction_schedules.preview(
            balance.id,
            name="Credits",
            code="credits",
            amount=100,
            frequency="MONTHLY",
            frequency_interval=1,
            start_date="2025-01-01T00:00:00Z",
            end_date="2025-04-01T00:00:00Z",
            transaction_description="Credit",
            transaction_type_id=paid.id,
        )
        self.checks.that("three credits are previewed", len(entries.to_dict()["data"]) == 3, entries)
        client.balances.transactions.create(balance.id, amount=5, transaction_type_id=paid.id)
        summary = client.balances.transactions.summary(balance.id)
        self.checks.that("a balance is summed up", summary.total_credit_amount == 5, summary)

    def calculate(self) -> None:
        jobs = self.client.bill_jobs
        self.job = jobs.create(
            account_ids=[self.account],
            bill_frequency_interval=1,
            billing_frequency="MONTHLY",
            last_date_in_billing_period="2025-01-31",
            timezone="UTC",
            month_epoch="2022-01-01",
        ).id
        self.ended(self.job)
        listed = [job.id for job in jobs.list(status="COMPLETE")]
        self.checks.that("the job is listed by status", self.job in listed, listed)
        try:
            jobs.cancel(self.job)
            self.checks.that("a job that has ended stays so", jobs.retrieve(self.job).status == "COMPLETE")
        except BadRequestError as refusal:
            self.checks.that("a job that has ended is not cancelled", refusal.status_code == 400)

    def ended(self, job: str) -> None:
        found = until(
            lambda: self.client.bill_jobs.retrieve(job), lambda job: job.status == "COMPLETE"
        )
        self.checks.that("a bill job completes", found.status == "COMPLETE", found)

    def read(self) -> None:
        bills = self.client.bills
        (bill,) = list(bills.list(account_id=self.account))
        self.bill = bill.id
        self.checks.that("a bill is pending first", bill.status == "PENDING", bill)
        whole = bills.retrieve(self.bill)
        self.checks.that("a bill has its total", whole.bill_total == 20, whole.bill_total)
        latest = bills.latest_by_account(self.account)
        self.checks.that("it is the account's latest", latest.id == self.bill, latest)
        for query in (
            {"bill_date": whole.bill_date},
            {"status": "PENDING"},
            {"bill_job_id": self.job},
            {"ids": [self.bill]},
            {"billing_frequency": "MONTHLY"},
        ):
            found = [one.id for one in bills.list(account_id=self.account, **query)]
            self.checks.that(f"bills listed by {', '.join(query)}", found == [self.bill], found)

    def lines(self) -> None:
        lines = list(self.client.bills.line_items.list(self.bill))
        self.checks.that("the standing charge is a line", len(lines) == 1, lines)
        line = self.client.bills.line_items.retrieve(lines[0].id, bill_id=self.bill)
        self.checks.that("a line has its type", line.line_item_type == "STANDING_CHARGE", line)
        self.line = line.id

    def memos(self) -> None:
        for kind, sign in (("credit", -1), ("debit", 1)):
            reason = getattr(self.client, f"{kind}_reasons").create(name=kind, code=f"memo_{kind}")
            memos = getattr(self.client.bills, f"{kind}_line_items")
            body = {
                "amount": 3,
                "description": "By hand",
                "product_id": self.product,
                "accounting_product_id": self.product,
                "referenced_bill_id": self.bill,
                "referenced_line_item_id": self.line,
                f"{kind}_reason_id": reason.id,
                **PERIOD,
            }
            before = self.client.bills.retrieve(self.bill).bill_total
            made = memos.create(self.bill, **body)
            after = self.client.bills.retrieve(self.bill).bill_total
            self.checks.that(f"a {kind} changes the total", after - before == 3 * sign, after)
            read = memos.retrieve(made.id, bill_id=self.bill)
            self.checks.that(f"a {kind} is read", read.amount == 3, read)
            body |= {"amount": 2}
            changed = memos.update(made.id, bill_id=self.bill, version=read.version, **body)
            self.checks.that(f"a {kind} is changed", changed.amount == 2, changed)
            listed = [memo.id for memo in memos.list(self.bill)]
            self.checks.that(f"a {kind} is listed", listed == [made.id], listed)
            memos.delete(made.id, bill_id=self.bill)
            self.checks.that(f"a {kind} is removed", not list(memos.list(self.bill)))

    def recalculate(self) -> None:
        job = self.client.bill_jobs.recalculate(bill_ids=[self.bill])
        self.ended(job.id)
        again = self.client.bills.retrieve(self.bill)
        self.checks.that("the same bill again", again.bill_total == 20, again.bill_total)

    def approve_and_lock(self) -> None:
        bills = self.client.bills
        approved = bills.update_status(self.bill, status="APPROVED")
        self.checks.that("a bill is approved", approved.status == "APPROVED", approved)
        bills.update_status(self.bill, status="PENDING")
        bills.approve(bill_ids=[self.bill])
        status = bills.retrieve(self.bill).status
        self.checks.that("bills are approved by id", status == "APPROVED", status)
        locked = bills.lock(self.bill)
        self.checks.that("a bill is locked", locked.locked is True, locked)
        try:
            bills.update_status(self.bill, status="PENDING")
            self.checks.that("a locked bill stays approved", False, "it was accepted")
        except BadRequestError as refusal:
            self.checks.that("a locked bill stays approved", "locked" in str(refusal), refusal)

    def statements(self) -> None:
        statements = self.client.statements
        jobs = statements.statement_jobs
        made = jobs.create(bill_id=self.bill, include_csv_format=True)
        done = until(
            lambda: jobs.retrieve(made.id), lambda job: job.statement_job_status == "COMPLETE"
        )
        self.checks.that("a statement is made", done.statement_job_status == "COMPLETE", done)
        listed = [job.id for job in jobs.list(bill_id=self.bill)]
        self.checks.that("statement jobs are listed", listed == [made.id], listed)
        (batch,) = jobs.create_batch(bill_ids=[self.bill])
        until(lambda: jobs.retrieve(batch.id), lambda job: job.statement_job_status == "COMPLETE")
        for format, link in (
            ("JSON", statements.get_json(self.bill)),
            ("CSV", statements.get_csv(self.bill)),
            ("CSV made while waiting", statements.create_csv(self.bill)),
        ):
            self.checks.that(f"a statement has a link: {format}", bool(link.download_url), link)
        pending = jobs.create(bill_id=self.bill)
        cancelled = jobs.cancel(pending.id).statement_job_status
        ends = ("CANCELLED", "COMPLETE")
        self.checks.that("a statement job is cancelled or was faster", cancelled in ends, cancelled)

    def search(self) -> None:
        bills = self.client.bills.search(search_query=f"accountId:{self.account}$locked:true")
        found = [bill.id for bill in bills.data or []]
        self.checks.that("bills are searched", found == [self.bill], found)
        accounts = self.client.accounts.search(search_query="name~Bill$code:billed account")
        found = [account.id for account in accounts.data or []]
        self.checks.that("accounts are searched", found == [self.account], found)
        commitment = self.client.commitments.create(
            account_id=self.account,
            amount=100,
            currency="USD",
            start_date="2025-01-01",
            end_date="2026-01-01",
        )
        commitments = self.client.commitments.search(search_query=f"accountId:{self.account}")
        found = [one.id for one in commitments.data or []]
        self.checks.that("commitments are searched", found == [commitment.id], found)

    def config(self) -> None:
        config = self.client.bill_config.retrieve()
        changed = self.client.bill_config.update(
            bill_lock_date="2024-01-01", version=config.version
        )
        self.checks.that("the lock date is set", str(changed.bill_lock_date) == "2024-01-01", changed)

    def end_dating(self) -> None:
        client = self.client
        child = client.accounts.create(
            name="Child",
            code="child account",
            email_address="a@example.com",
            parent_account_id=self.account,
        )
        children = [one.id for one in client.accounts.list_children(self.account)]
        self.checks.that("children are listed", children == [child.id], children)
        ended = client.accounts.end_date_billing_entities(
            self.account, billing_entities=["ACCOUNTPLAN"], end_date="2026-01-01T00:00:00Z"
        )
        self.checks.that("an account's plans are ended", bool(ended.status_message), ended)
        contract = client.contracts.create(
            name="Ended", account_id=self.account, start_date="2025-01-01", end_date="2030-01-01"
        )
        client.contracts.end_date_billing_entities(
            contract.id, billing_entities=["CONTRACT"], end_date="2026-01-01T00:00:00Z"
        )
        end = str(client.contracts.retrieve(contract.id).end_date)
        self.checks.that("a contract is ended", end == "2026-01-01", end)

    def remove(self) -> None:
        account = self.priced_account("unbilled account")
        job = self.client.bill_jobs.create(
            account_ids=[account], last_date_in_billing_period="2025-01-31"
        )
        self.ended(job.id)
        (bill,) = list(self.client.bills.list(account_id=account))
        self.client.bills.delete(bill.id)
        self.checks.that("a bill is removed", not list(self.client.bills.list(account_id=account)))
