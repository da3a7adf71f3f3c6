"""Users by invitation, the groups that hold them, and the policies that both hold."""

from verbs import Scenario


class People:
    def __init__(self, scenario: Scenario) -> None:
        self.client = scenario.client
        self.checks = scenario.checks
        self.names = scenario.names
        self.user = ""
        self.group = ""

    def run(self) -> None:
        for step in (self.me, self.invite, self.change, self.join, self.policies, self.leave):
            self.checks.run(f"people: {step.__name__}", step)

    def me(self) -> None:
        me = self.client.users.me()
        self.service_user = me.service_user.id
        self.checks.that("users/me names the service user", bool(self.service_user))
        self.checks.that("users/me names the organization", bool(me.organization))

    def invite(self) -> None:
        invitations = self.client.users.invitations
        made = invitations.create(
            first_name="Ada",
            last_name="Lovelace",
            email="ada@example.com",
            permission_policy_ids=[self.names["permissionPolicy"]],
        )
        self.checks.that("an invitation is read", invitations.retrieve(made.id).email == made.email)
        listed = [one.id for one in invitations.list()]
        self.checks.that("an invitation is listed", made.id in listed, listed)
        users = [user for user in self.client.users.list() if user.email == made.email]
        self.checks.that("the invited is a user", len(users) == 1, users)
        self.user = users[0].id
        held = self.client.users.get_permissions(self.user)
        first = held.to_dict()["data"][0]["id"]
        self.checks.that("with the invitation's policy", first == self.names["permissionPolicy"], first)

    def change(self) -> None:
        users = self.client.users
        user = users.retrieve(self.user)
        changed = users.update(
            self.user, dt_end_access="2030-01-01T00:00:00Z", version=user.version
        )
        self.checks.that("a user's access is given an end", bool(changed.dt_end_access), changed)
        found = [one.id for one in users.list(ids=[self.user])]
        self.checks.that("users are listed by ids", found == [self.user], found)
        users.resend_password(self.user)

    def join(self) -> None:
        groups = self.client.resource_groups
        self.group = groups.create("user", name="Analysts").id
        member = {"target_id": self.user, "target_type": "ITEM"}
        groups.add_resource(self.group, type="user", **member)
        held = [one.target_id for one in groups.list_contents(self.group, type="user")]
        self.checks.that("a group has its member", held == [self.user], held)
        answer = self.client.users.get_user_groups(self.user).to_dict()
        ids = [group["id"] for group in answer["data"]]
        self.checks.that("a user has its group", ids == [self.group], ids)

    def policies(self) -> None:
        """Attached and detached again, to each kind of principal."""
        policies = self.client.permission_policies
        policy = self.client.permission_policies.create(
            name="Held",
            permission_policy=[
                {"effect": "allow", "action": ["config:retrieve"], "resource": ["config:plan/*"]}
            ],
        ).id
        for name, principal in (
            ("user", {"principal_id": self.user}),
            ("user_group", {"principal_id": self.group}),
            ("service_user", {"principal_id": self.service_user}),
            ("support_user", {}),
        ):
            added = getattr(policies, f"add_to_{name}")(policy, **principal)
            kind = f"{name.replace('_', '').upper()}{'S' if name == 'support_user' else ''}"
            self.checks.that(f"a policy held by {kind}", added.principal_type == kind, added)
            if name == "user_group":
                self.of_group(policy)
            removed = getattr(policies, f"remove_from_{name}")(policy, **principal)
            self.checks.that(f"a policy taken from {kind}", removed.id == added.id, removed)

    def of_group(self, policy: str) -> None:
        listed = self.client.resource_groups.list_permissions(self.group, type="user")
        held = [one.id for one in listed]
        self.checks.that("a group's policies are listed", held == [policy], held)

    def leave(self) -> None:
        groups = self.client.resource_groups
        member = {"target_id": self.user, "target_type": "ITEM"}
        groups.remove_resource(self.group, type="user", **member)
        held = list(groups.list_contents(self.group, type="user"))
        self.checks.that("a member leaves its group", held == [], held)
        policies = self.client.permission_policies
        kept = self.names["permissionPolicy"]
        policies.remove_from_user(kept, principal_id=self.user)
