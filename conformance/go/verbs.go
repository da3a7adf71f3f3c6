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
	s.read(one, kept.id)
	if !one.Single {
		spare := s.create(one)
		s.page(one, []string{spare.id, kept.id})
		s.remove(one, spare.id)
	}
	if _, hasCode := one.Create["code"]; hasCode {
		s.refusedOnce(one.Name+": a duplicate code", "code", func() error {
			_, err := call(s.Client, one.Go, "New", nil, kept.body)
			return err
		})
	}
	s.update(one, kept)
	s.filter(one, kept)
}

func (s *scenario) create(one resource) record {
	s.number++
	s.names["n"], s.names["m"] = strconv.Itoa(s.number), strconv.Itoa(s.number%9+1)
	body := filled(one.Create, s.names).(object)
	made, err := call(s.Client, one.Go, "New", nil, body)
	must(err)
	id := made["id"].(string)
	if _, known := s.names[one.Name]; !known {
		s.names[one.Name] = id
	}
	s.checks.that(one.Name+": version 1 when created", made["version"] == 1.0, made["version"])
	s.match(one.Name+" as created", made, body)
	return record{id, s.names["n"], body}
}

func (s *scenario) match(what string, seen, wanted object) {
	for field, value := range wanted {
		s.checks.that(what+": "+field, covers(seen[field], value), seen[field])
	}
}

func (s *scenario) read(one resource, id string) {
	seen, err := call(s.Client, one.Go, "Get", []string{id}, object{})
	must(err)
	for _, field := range standard {
		s.checks.that(one.Name+": "+field, seen[field] != nil, seen)
	}
}

func (s *scenario) page(one resource, newestFirst []string) {
	ids := listed(s.Client, one.Go, object{"pageSize": 1.0})
	distinct := len(slices.Compact(slices.Sorted(slices.Values(ids))))
	s.checks.that(one.Name+": pages end, each record once", distinct == len(ids), ids)
	s.checks.that(one.Name+": newest first", slices.Equal(ids[:2], newestFirst), ids)
}

func (s *scenario) filter(one resource, kept record) {
	names := with(s.names, map[string]string{"self": kept.id, "n": kept.number})
	for _, query := range one.Filters {
		found := listed(s.Client, one.Go, filled(query, names).(object))
		_, byID := query["ids"]
		_, byCode := query["codes"]
		holds := slices.Contains(found, kept.id) && (len(found) == 1 || !byID && !byCode)
		s.checks.that(fmt.Sprintf("%s: listed by %v", one.Name, slices.Sorted(maps.Keys(query))), holds, found)
		if byID {
			none := listed(s.Client, one.Go, object{"ids": []any{unknownID}})
			s.checks.that(one.Name+": no record has an unknown id", len(none) == 0, none)
		}
	}
}

func (s *scenario) update(one resource, kept record) {
	stored, err := call(s.Client, one.Go, "Get", []string{kept.id}, object{})
	must(err)
	body := merged(kept.body, filled(one.Change, s.names).(object))
	body["version"] = stored["version"]
	changed, err := call(s.Client, one.Go, "Update", []string{kept.id}, body)
	must(err)
	s.checks.that(one.Name+": version 2 after an update", changed["version"] == 2.0, changed["version"])
	delete(body, "version")
	s.match(one.Name+" as updated", changed, body)
	s.refusedOnce(one.Name+": a stale version", "version", func() error {
		body["version"] = stored["version"]
		_, err := call(s.Client, one.Go, "Update", []string{kept.id}, body)
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
	gone, err := call(s.Client, one.Go, "Delete", []string{id}, object{})
	must(err)
	s.checks.that(one.Name+": delete answers the record", gone["id"] == id, gone)
	_, err = call(s.Client, one.Go, "Get", []string{id}, object{})
	var refusal *m3ter.Error
	s.checks.that(one.Name+": deleted", errors.As(err, &refusal) && refusal.StatusCode == 404, err)
}

// clean deletes the kept record too, newest resource first.
func (s *scenario) clean(one resource) {
	id, known := s.names[one.Name]
	if !known {
		return
	}
	gone, err := call(s.Client, one.Go, "Delete", []string{id}, object{})
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
