package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/m3ter-com/m3ter-sdk-go/shared"
)

var (
	instant     = reflect.TypeFor[time.Time]()
	unionText   = reflect.TypeFor[shared.UnionString]()
	unionNumber = reflect.TypeFor[shared.UnionFloat]()
)

// fill sets the fields of the SDK's own parameter types from JSON, so that the SDK writes the request itself.
func fill(target reflect.Value, value any) {
	switch {
	case target.Type() == instant:
		target.Set(reflect.ValueOf(asTime(value.(string))))
	case isField(target.Type()):
		fill(target.FieldByName("Value"), value)
		target.FieldByName("Present").SetBool(true)
	case target.Kind() == reflect.Struct:
		fillStruct(target, value.(object))
	case target.Kind() == reflect.Slice:
		list := value.([]any)
		target.Set(reflect.MakeSlice(target.Type(), len(list), len(list)))
		for index, one := range list {
			fill(target.Index(index), one)
		}
	case target.Kind() == reflect.Map:
		fillMap(target, value.(object))
	case target.Kind() == reflect.Interface:
		fillUnion(target, value)
	default:
		target.Set(reflect.ValueOf(value).Convert(target.Type()))
	}
}

func isField(kind reflect.Type) bool {
	return kind.Kind() == reflect.Struct && strings.HasPrefix(kind.Name(), "Field[")
}

func fillStruct(target reflect.Value, values object) {
	for index := range target.NumField() {
		tag := target.Type().Field(index).Tag
		name, _, _ := strings.Cut(tag.Get("json")+tag.Get("query"), ",")
		field := target.Field(index)
		if value, given := values[name]; given {
			fill(field, value)
		} else if field.Kind() == reflect.Struct && !isField(field.Type()) {
			// Some parameters wrap the whole body in one member, which the SDK writes as the root.
			fill(field, values)
		}
	}
}

func fillMap(target reflect.Value, values object) {
	target.Set(reflect.MakeMap(target.Type()))
	for key, value := range values {
		one := reflect.New(target.Type().Elem()).Elem()
		fill(one, value)
		target.SetMapIndex(reflect.ValueOf(key), one)
	}
}

// fillUnion takes the text or number member of a union, or any JSON where the SDK takes anything.
func fillUnion(target reflect.Value, value any) {
	given := reflect.ValueOf(value)
	for _, member := range []reflect.Type{unionText, unionNumber} {
		if target.NumMethod() > 0 && member.Implements(target.Type()) && given.CanConvert(member) {
			target.Set(given.Convert(member))
			return
		}
	}
	if !given.Type().AssignableTo(target.Type()) {
		panic(fmt.Sprintf("no member of %v holds %v", target.Type(), value))
	}
	target.Set(given)
}

func asTime(text string) time.Time {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	panic("not a time: " + text)
}
