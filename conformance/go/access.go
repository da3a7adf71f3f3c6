package main

import (
	"errors"
	"fmt"
	"strings"

	m3ter "github.com/m3ter-com/m3ter-sdk-go"
	"github.com/m3ter-com/m3ter-sdk-go/option"
)

// checkAccess tries what the SDK does around a call: tokens, hosts, retries and usage.
func checkAccess(s *scenario, served map[string]bool) {
	s.checks.that("one token for the whole run", s.tokens() == 1, s.tokens())
	s.refused(401, connect(option.WithAPISecret("wrong")))
	s.refused(403, connect(option.WithOrgID(unknownID)))
	if served["organizationconfig"] {
		s.checks.run("organization config", s.organizationConfig)
	}
	if served["users/me"] {
		s.checks.run("users/me", s.me)
	}
	if served["measurements"] {
		s.checks.run("usage", s.usage)
	}
}

func (s *scenario) refused(status int, to connection) {
	_, err := to.Products.List(background, m3ter.ProductListParams{})
	var refusal *m3ter.Error
	claim := fmt.Sprintf("%d is answered", status)
	s.checks.that(claim, errors.As(err, &refusal) && refusal.StatusCode == status, err)
	// Without a token this SDK sees no answer at all and asks again by itself.
	s.checks.that(fmt.Sprintf("%d is not retried", status), to.sent(0) <= 1, to.sent(0))
}

func (s *scenario) organizationConfig() {
	stored, err := call(s.Client, request{service: "OrganizationConfig", method: "Get", values: object{}})
	must(err)
	changed, err := call(s.Client, request{service: "OrganizationConfig", method: "Update", values: object{
		"timezone": "UTC", "yearEpoch": "2022-01-01", "monthEpoch": "2022-01-01",
		"weekEpoch": "2022-01-04", "dayEpoch": "2022-01-01", "currency": "USD",
		"daysBeforeBillDue": 21.0, "version": stored["version"],
	}})
	must(err)
	s.checks.that("organization config updated", changed["daysBeforeBillDue"] == 21.0, changed)
}

func (s *scenario) me() {
	me, err := s.Users.Me(background, m3ter.UserMeParams{})
	must(err)
	s.checks.that("users/me names the service user", me.ServiceUser.ID != "", me.JSON.RawJSON())
	s.checks.that("users/me names the organization", me.Organization.ID != "", me.JSON.RawJSON())
	s.policies(me.ServiceUser.ID)
}

// people answers a user, made by an invitation, and a group of users.
func (s *scenario) people() (user, group string) {
	_, err := call(s.Client, request{service: "Users.Invitations", method: "New", values: object{
		"firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.com",
	}})
	must(err)
	made, err := call(s.Client, request{"ResourceGroups", "New", []string{"user"}, object{"name": "Analysts"}, false})
	must(err)
	return listed(s.Client, "Users", nil, object{})[0], fmt.Sprint(made["id"])
}

// policies are attached and detached again, to each kind of principal.
func (s *scenario) policies(serviceUser string) {
	ids := []string{s.names["permissionPolicy"]}
	user, group := s.people()
	principals := map[string]object{
		"User":        {"principalId": user},
		"UserGroup":   {"principalId": group},
		"ServiceUser": {"principalId": serviceUser},
		"SupportUser": {},
	}
	for kind, values := range principals {
		added, err := call(s.Client, request{"PermissionPolicies", "AddTo" + kind, ids, values, false})
		must(err)
		removed, err := call(s.Client, request{"PermissionPolicies", "RemoveFrom" + kind, ids, values, false})
		must(err)
		held := strings.HasPrefix(fmt.Sprint(added["principalType"]), strings.ToUpper(kind))
		s.checks.that("a policy held by "+kind, held, added)
		s.checks.that("a policy taken from "+kind, removed["id"] == added["id"], removed)
	}
}

// usage goes to the host in which the first `api` is `ingest`.
func (s *scenario) usage() {
	_, err := call(s.Client, request{service: "Meters", method: "New", values: object{
		"name": "Usage", "code": "meter_usage_go", "derivedFields": []any{},
		"dataFields": []any{object{"category": "MEASURE", "code": "tokens", "name": "Tokens", "unit": "t"}},
	}})
	must(err)
	_, err = call(s.Client, request{service: "Accounts", method: "New", values: object{
		"name": "Usage", "code": "account usage go", "emailAddress": "a@example.com",
	}})
	must(err)
	to := connect(option.WithBaseURL("http://api.turnpike.test/"))
	answer, err := call(to.Client, request{service: "Usage", method: "Submit", values: object{"measurements": []any{object{
		"uid": "go-1", "meter": "meter_usage_go", "account": "account usage go",
		"ts": "2024-06-01T00:00:00Z", "measure": object{"tokens": 5.0},
	}}}})
	must(err)
	s.checks.that("usage accepted", answer["result"] == "accepted", answer)
	last := (*to.seen)[len(*to.seen)-1].URL
	holds := last.Host == "ingest.turnpike.test" && strings.HasSuffix(last.Path, "/measurements")
	s.checks.that("usage went to the ingest host", holds, last)
}
