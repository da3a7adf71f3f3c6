package main

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
)

type object = map[string]any

// resource is one row of ../sdk/resources.json.
type resource struct {
	Name    string   `json:"name"`
	Path    string   `json:"path"`
	Go      string   `json:"go"`
	Single  bool     `json:"single"`
	Create  object   `json:"create"`
	Change  object   `json:"change"`
	Filters []object `json:"filters"`
}

func resources() []resource {
	text, err := os.ReadFile(os.Getenv("TURNPIKE_SDK_RESOURCES"))
	must(err)
	var table []resource
	must(json.Unmarshal(text, &table))
	return table
}

// filled replaces the table's `$product` (an id) and `{n}` (a number).
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
		return strings.NewReplacer("{n}", names["n"], "{m}", names["m"]).Replace(value)
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
