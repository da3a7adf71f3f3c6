package main

import (
	"encoding/json"
	"reflect"
	"strings"

	m3ter "github.com/m3ter-com/m3ter-sdk-go"
	"github.com/m3ter-com/m3ter-sdk-go/option"
)

// request is one call of a method of one of the SDK's services.
type request struct {
	service, method string
	ids             []string
	values          object
	// The body is sent as it is, not through the SDK's parameter types.
	isRaw bool
}

// call fills the method's parameters from JSON, and answers the raw reply.
func call(client *m3ter.Client, one request) (object, error) {
	function, arguments := prepare(client, one)
	if one.isRaw {
		body, err := json.Marshal(one.values)
		must(err)
		raw := option.WithRequestBody("application/json", body)
		arguments = append(arguments, reflect.ValueOf(raw))
	}
	results := function.Call(arguments)
	if err, failed := results[1].Interface().(error); failed {
		return nil, err
	}
	return rawReply(results[0]), nil
}

func prepare(client *m3ter.Client, one request) (reflect.Value, []reflect.Value) {
	target := reflect.ValueOf(client).Elem()
	for _, name := range strings.Split(one.service, ".") {
		target = reflect.Indirect(target.FieldByName(name))
	}
	function := target.Addr().MethodByName(one.method)
	arguments := []reflect.Value{reflect.ValueOf(background)}
	for _, id := range one.ids {
		arguments = append(arguments, reflect.ValueOf(id))
	}
	parameters := reflect.New(function.Type().In(len(arguments))).Elem()
	if !one.isRaw {
		fill(parameters, one.values)
	}
	return function, append(arguments, parameters)
}

// rawReply is what the server sent, as the SDK's typed reply kept it.
func rawReply(reply reflect.Value) object {
	raw := reply.Elem().FieldByName("JSON").MethodByName("RawJSON")
	if !raw.IsValid() {
		raw = reply.Elem().FieldByName("JSON").Addr().MethodByName("RawJSON")
	}
	var out object
	must(json.Unmarshal([]byte(raw.Call(nil)[0].String()), &out))
	return out
}

// listed walks the SDK's own pager to the end and answers every id.
func listed(client *m3ter.Client, service string, ids []string, values object) []string {
	function, arguments := prepare(client, request{service, "ListAutoPaging", ids, values, false})
	pager := function.Call(arguments)[0]
	found := []string{}
	for pager.MethodByName("Next").Call(nil)[0].Bool() {
		current := pager.MethodByName("Current").Call(nil)[0]
		found = append(found, current.FieldByName("ID").String())
	}
	if err, failed := pager.MethodByName("Err").Call(nil)[0].Interface().(error); failed {
		panic(err)
	}
	return found
}
