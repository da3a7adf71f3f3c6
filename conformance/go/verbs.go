package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	m3ter "github.com/m3ter-com/m3ter-sdk-go"
)

var standard = []string{"id", "version", "dtCreated", "dtLastModified", "createdBy", "lastModifiedBy"}

const unknownID = "00000000-0000-4000-8000-000000000000"

// scenario creates, gets, lists, filters, updates and deletes the resources of the table.
type scenario struct {
	connection
	checks *checks
	// Ids of kept records by resource name, for those that refer to them.
	names  map[string]string
	number int
}

func newScenario(to connection, checks *checks) *scenario {
	return &scenario{connection: to, checks: checks, names: map[string]string{}}
}

// record is a created thing with the body that made it.
type record struct {
	id, number string
	body       object
}

func (s *scenario) run(one resource) {
	kept := s.create(one)
	if one.can("retrieve") {
		s.read(one, kept.id)
	}
	if !one.Single {
		spare := s.create(one)
		s.page(one, []string{spare.id, kept.id})
		if one.can("delete") {
			s.remove(one, spare.id)
		}
	}
	if _, hasCode := kept.body["code"]; hasCode {
		s.refusedOnce(one.Name+": a duplicate code", "code", func() error {
			_, err := s.do(one, "New", kept.body)
			return err
		})
	}
	if one.can("update") {
		s.update(one, kept)
	}
	s.filter(one, kept)
}

// do calls a method of the resource's service; a body with members that the SDK has no field for goes raw.
func (s *scenario) do(one resource, method string, values object, id ...string) (object, error) {
	isRaw := len(one.Extra) > 0 && len(values) > 0
	return call(s.Client, request{one.Go, method, one.ids(s.names, id...), values, isRaw})
}

func (s *scenario) list(one resource, query object) []string {
	return listed(s.Client, one.Go, one.ids(s.names), query)
}

func (s *scenario) create(one resource) record {
	s.number++
	s.names["n"], s.names["m"] = strconv.Itoa(s.number), strconv.Itoa(s.number%9+1)
	body := one.body(s.names)
	made, err := s.do(one, "New", body)
	must(err)
	id := made["id"].(string)
	if _, known := s.names[one.Name]; !known {
		s.names[one.Name] = id
		s.names[one.Name+".code"], _ = body["code"].(string)
	}
	s.checks.that(one.Name+": version 1 when created", made["version"] == 1.0, made["version"])
	s.match(one, made, body)
	return record{id, s.names["n"], body}
}

func (s *scenario) match(one resource, seen, wanted object) {
	what := fmt.Sprintf("%s version %v", one.Name, seen["version"])
	for field, value := range wanted {
		if secrets := one.Hidden[field]; secrets != nil {
			value = s.hides(what, secrets, value.(object), seen[field])
		}
		s.checks.that(what+": "+field, covers(seen[field], value), seen[field])
	}
}

// hides checks that secrets are not answered, and returns the rest of what was written.
func (s *scenario) hides(what string, secrets []string, written object, seen any) object {
	rest := maps.Clone(written)
	answered, _ := seen.(object)
	for _, secret := range secrets {
		s.checks.that(what+" hides "+secret, answered[secret] == nil, seen)
		delete(rest, secret)
	}
	return rest
}

func (s *scenario) read(one resource, id string) {
	seen, err := s.do(one, "Get", object{}, id)
	must(err)
	for _, field := range standard {
		s.checks.that(one.Name+": "+field, seen[field] != nil, seen)
	}
}

func (s *scenario) page(one resource, newestFirst []string) {
	ids := s.list(one, merged(filled(one.Scope, s.names).(object), object{"pageSize": 1.0}))
	distinct := len(slices.Compact(slices.Sorted(slices.Values(ids))))
	s.checks.that(one.Name+": pages end, each record once", distinct == len(ids), ids)
	s.checks.that(one.Name+": newest first", slices.Equal(ids[:2], newestFirst), ids)
}

func (s *scenario) filter(one resource, kept record) {
	names := with(s.names, map[string]string{"self": kept.id, "n": kept.number})
	for _, query := range one.Filters {
		found := s.list(one, filled(query, names).(object))
		_, byID := query["ids"]
		_, byCode := query["codes"]
		holds := slices.Contains(found, kept.id) && (len(found) == 1 || !byID && !byCode)
		s.checks.that(fmt.Sprintf("%s: listed by %v", one.Name, slices.Sorted(maps.Keys(query))), holds, found)
		if byID {
			none := s.list(one, object{"ids": []any{unknownID}})
			s.checks.that(one.Name+": no record has an unknown id", len(none) == 0, none)
		}
	}
}

func (s *scenario) update(one resource, kept record) {
	stored, err := s.do(one, "Get", object{}, kept.id)
	must(err)
	body := merged(kept.body, filled(one.Change, s.names).(object))
	body["version"] = stored["version"]
	changed, err := s.do(one, "Update", body, kept.id)
	must(err)
	s.checks.that(one.Name+": version 2 after an update", changed["version"] == 2.0, changed["version"])
	delete(body, "version")
	s.match(one, changed, body)
	s.refusedOnce(one.Name+": a stale version", "version", func() error {
		body["version"] = stored["version"]
		_, err := s.do(one, "Update", body, kept.id)
		return err
	})
}

// refusedOnce wants 400 with the field in its message, and no second try by the SDK.
func (s *scenario) refusedOnce(claim, named string, try func() error) {
	before := len(*s.seen)
	err := try()
	var refusal *m3ter.Error
	if !errors.As(err, &refusal) {
		s.checks.that(claim+" is refused", false, err)
		return
	}
	s.checks.that(claim+" answers 400", refusal.StatusCode == 400, refusal.StatusCode)
	s.checks.that(claim+" is sent once", s.sent(before) == 1, s.sent(before))
	body := string(refusal.DumpResponse(true))
	s.checks.that(claim+" names "+named, strings.Contains(body, named), body)
}

func (s *scenario) remove(one resource, id string) {
	gone, err := s.do(one, "Delete", object{}, id)
	must(err)
	s.checks.that(one.Name+": delete answers the record", gone["id"] == id, gone)
	_, err = s.do(one, "Get", object{}, id)
	var refusal *m3ter.Error
	s.checks.that(one.Name+": deleted", errors.As(err, &refusal) && refusal.StatusCode == 404, err)
}

// clean deletes the kept record too, newest resource first.
func (s *scenario) clean(one resource) {
	id, known := s.names[one.Name]
	if !known || !one.can("delete") {
		return
	}
	gone, err := s.do(one, "Delete", object{}, id)
	must(err)
	s.checks.that(one.Name+": deleted at the end", gone["id"] == id, gone)
}

// covers says whether every written member is in the answer, which may hold more (such as ids of bands).
func covers(seen, wanted any) bool {
	switch wanted := wanted.(type) {
	case object:
		members, isObject := seen.(object)
		for key, value := range wanted {
			if !isObject || !covers(members[key], value) {
				return false
			}
		}
		return true
	case []any:
		list, isList := seen.([]any)
		if !isList || len(list) != len(wanted) {
			return false
		}
		for index := range wanted {
			if !covers(list[index], wanted[index]) {
				return false
			}
		}
		return true
	case string:
		text, isText := seen.(string)
		return isText && strings.Replace(text, ".000Z", "Z", 1) == wanted
	}
	return reflect.DeepEqual(seen, wanted)
}
