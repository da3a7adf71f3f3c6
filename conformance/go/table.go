package main

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

type object = map[string]any

var placeholder = regexp.MustCompile(`\{[a-zA-Z.]+\}`)

// resource is one row of ../sdk/resources.json.
type resource struct {
	Name    string   `json:"name"`
	Path    string   `json:"path"`
	Go      string   `json:"go"`
	Single  bool     `json:"single"`
	Create  object   `json:"create"`
	Change  object   `json:"change"`
	Filters []object `json:"filters"`
	// Path parameters before the id, in order, and their values.
	Within object `json:"within"`
	// What every list of it must say.
	Scope object `json:"scope"`
	// Members that the API wants and the SDK has no field for: the body is then sent as it is.
	Extra object `json:"extra"`
	// Members of a field that are written and never read.
	Hidden map[string][]string `json:"hidden"`
	Verbs  []string            `json:"verbs"`
}

func resources() []resource {
	text, err := os.ReadFile(os.Getenv("TURNPIKE_SDK_RESOURCES"))
	must(err)
	var table []resource
	must(json.Unmarshal(text, &table))
	return table
}

func (one resource) can(verb string) bool {
	return one.Verbs == nil || slices.Contains(one.Verbs, verb)
}

func (one resource) body(names map[string]string) object {
	return filled(merged(one.Create, one.Extra), names).(object)
}

// ids are the path parameters of one record, outermost first.
func (one resource) ids(names map[string]string, id ...string) []string {
	outer := []string{}
	for _, value := range one.Within {
		outer = append(outer, filled(value, names).(string))
	}
	return append(outer, id...)
}

// filled replaces the table's `$product` (an id), `{n}` (a number) and `{meter.code}`.
func filled(value any, names map[string]string) any {
	switch value := value.(type) {
	case object:
		out := object{}
		for key, one := range value {
			out[key] = filled(one, names)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for index, one := range value {
			out[index] = filled(one, names)
		}
		return out
	case string:
		if name, isName := strings.CutPrefix(value, "$"); isName {
			return names[name]
		}
		return placeholder.ReplaceAllStringFunc(value, func(found string) string {
			return names[strings.Trim(found, "{}")]
		})
	}
	return value
}

func merged(a, b object) object {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func with(names map[string]string, more map[string]string) map[string]string {
	out := maps.Clone(names)
	maps.Copy(out, more)
	return out
}
